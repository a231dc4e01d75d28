//! Players who keep a ledger of every reply, and check the store against it.

use rejoin::domain::{EventDraft, Game, GameSession, Moment, Reply, RoomReply, Sequence};
use rejoin::store::redb::RedbStore;
use rejoin::store::{Dump, GameSessionStore, NewSession, Portable, StoreError, StoreResult};

use crate::kit::{answer, code, external, id, solo};

/// What the author of a command knows about its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told<T> {
    Done(T),
    /// The command was refused: nothing happened.
    Not,
    Unknown,
}

/// What one player was told about the player's own event log and own game.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    n: u64,
    pub(crate) questions: usize,
    log: Told<()>,
    game: Told<()>,
    /// The payload of every event that was sent, and its number if it was recorded.
    events: Vec<(String, Told<u64>)>,
    /// The question of every answer, and the score after it if it was evaluated.
    answers: Vec<(usize, Told<u32>)>,
    pub(crate) errors: Vec<String>,
}

impl Ledger {
    /// A player with the session ids 2 `n` (event log) and 2 `n` + 1 (game). The games of even players are
    /// short and end.
    pub(crate) fn new(n: u64) -> Self {
        let questions = if n.is_multiple_of(2) { 3 } else { 100 };
        let (log, game) = (Told::Not, Told::Not);
        Self { n, questions, log, game, events: Vec::new(), answers: Vec::new(), errors: Vec::new() }
    }

    fn code(&self) -> String {
        let alphabet = rejoin::domain::JoinCode::ALPHABET;
        format!("ABCD{}{}", alphabet[self.n as usize / 31] as char, alphabet[self.n as usize % 31] as char)
    }

    fn told<T>(&mut self, answer: StoreResult<T>) -> Told<T> {
        match answer {
            Ok(done) => Told::Done(done),
            Err(error) => {
                self.errors.push(format!("{error:?}"));
                match error {
                    StoreError::Full | StoreError::Unavailable(_) | StoreError::Busy => Told::Not,
                    StoreError::OutcomeUnknown => Told::Unknown,
                    other => panic!("player {}: {other:?}", self.n),
                }
            }
        }
    }

    /// Creates both sessions, except those that are there or may be there.
    pub(crate) async fn begin(&mut self, store: &dyn GameSessionStore, at: Moment) {
        if self.log == Told::Not {
            let created = store.create(NewSession(external(2 * self.n, Some(&self.code()), at)), at).await;
            self.log = self.told(created);
        }
        if self.game == Told::Not {
            let created = store.create(NewSession(solo(2 * self.n + 1, self.questions, at)), at).await;
            self.game = self.told(created);
        }
    }

    /// Records an event with a payload of `bytes` bytes and answers the next question.
    pub(crate) async fn go_on(&mut self, store: &dyn GameSessionStore, at: Moment, bytes: usize) {
        let payload = format!("{}-{}-{}", self.n, self.events.len(), noise(bytes));
        let events = vec![EventDraft { kind: "move".to_owned(), payload: payload.clone(), to: None }];
        let applied = store.apply(&id(2 * self.n), crate::kit::record_all(events, None), at).await;
        let told = match self.told(applied) {
            Told::Done(Some(applied)) => match applied.result {
                Ok(Reply::Room(RoomReply::Recorded(Sequence(head)))) => Told::Done(head),
                other => panic!("{other:?}"),
            },
            Told::Done(None) => {
                assert_ne!(self.log, Told::Done(()), "player {}'s log is gone", self.n);
                Told::Not
            }
            Told::Not => Told::Not,
            Told::Unknown => Told::Unknown,
        };
        self.events.push((payload, told));
        if self.answers.len() < self.questions {
            let told = self.submit(store, at, self.answers.len()).await;
            self.answers.push((self.answers.len(), told));
        }
    }

    async fn submit(&mut self, store: &dyn GameSessionStore, at: Moment, question: usize) -> Told<u32> {
        let command = answer(question, 1, Some(&question.to_string()));
        let applied = store.apply(&id(2 * self.n + 1), command, at).await;
        match self.told(applied) {
            Told::Done(Some(applied)) => match applied.result {
                Ok(Reply::Evaluated { report, .. }) => Told::Done(report.verdict.total_after),
                other => panic!("{other:?}"),
            },
            Told::Done(None) => {
                assert_ne!(self.game, Told::Done(()), "player {}'s game is gone", self.n);
                Told::Not
            }
            Told::Not => Told::Not,
            Told::Unknown => Told::Unknown,
        }
    }

    /// Repeats every command whose outcome is not known to be a success. Each must succeed now.
    pub(crate) async fn make_up(&mut self, store: &dyn GameSessionStore, at: Moment) {
        for (told, session) in [
            (self.log, external(2 * self.n, Some(&self.code()), at)),
            (self.game, solo(2 * self.n + 1, self.questions, at)),
        ] {
            match (told, store.create(NewSession(session), at).await) {
                (Told::Done(()) | Told::Unknown, Err(StoreError::AlreadyExists))
                | (Told::Not | Told::Unknown, Ok(())) => {}
                (told, other) => panic!("player {}: told {told:?}, now {other:?}", self.n),
            }
        }
        (self.log, self.game) = (Told::Done(()), Told::Done(()));
        for n in 0..self.answers.len() {
            let (question, told) = self.answers[n];
            let again = self.submit(store, at, question).await;
            assert!(matches!(again, Told::Done(_)), "{again:?}: {:?}", self.errors.last());
            if told != Told::Not && told != Told::Unknown {
                assert_eq!(told, again, "a repeat gets the first reply");
            }
            self.answers[n].1 = again;
        }
        self.go_on(store, at, 10).await;
        assert!(matches!(self.events.last(), Some((_, Told::Done(_)))), "{:?}", self.errors.last());
    }

    /// Asserts that the store has everything that was acknowledged, nothing that was refused, and nothing in
    /// part.
    pub(crate) async fn check(&self, store: &dyn GameSessionStore, at: Moment) {
        let log = store.get(&id(2 * self.n), at).await.expect("read");
        self.is_as_told("the log", self.log, log.is_some());
        let found = store.find(&code(&self.code()), at).await.expect("read");
        assert_eq!(found, log.as_ref().map(|log| log.id.clone()), "session and code go together");
        if let Some(log) = log {
            self.check_events(store, &log, at).await;
        }
        let game = store.get(&id(2 * self.n + 1), at).await.expect("read");
        self.is_as_told("the game", self.game, game.is_some());
        if let Some(game) = game {
            self.check_answers(&game);
        }
    }

    fn is_as_told<T: std::fmt::Debug>(&self, what: &str, told: Told<T>, is_there: bool) {
        match told {
            Told::Done(_) => assert!(is_there, "player {}: {what} was acknowledged and is lost", self.n),
            Told::Not => assert!(!is_there, "player {}: {what} was refused and is there", self.n),
            Told::Unknown => {}
        }
    }

    async fn check_events(&self, store: &dyn GameSessionStore, log: &GameSession, at: Moment) {
        let page = store.events(&log.id, Sequence(0), usize::MAX, at).await.expect("read").expect("alive");
        let numbers: Vec<u64> = page.events.iter().map(|event| event.sequence.0).collect();
        assert_eq!(numbers, (1..=log.log().head.0).collect::<Vec<_>>(), "state and events go together");
        for (payload, told) in &self.events {
            let places: Vec<u64> =
                page.events.iter().filter(|event| event.payload == *payload).map(|event| event.sequence.0).collect();
            assert!(places.len() <= 1, "an event twice: {places:?}");
            self.is_as_told("an event", *told, !places.is_empty());
            if let Told::Done(number) = told {
                assert_eq!(places, [*number], "an event under another number than was told");
            }
        }
        assert!(page.events.len() <= self.events.len());
    }

    fn check_answers(&self, game: &GameSession) {
        let results = match (&game.state.game, &game.quiz) {
            (Game::Solo(solo), Some(quiz)) => solo.results(quiz, None),
            (Game::Finished(finished), Some(quiz)) => finished.results(quiz),
            _ => panic!("quiz and game do not fit"),
        };
        let mut total = 0;
        for (n, report) in results.answers.iter().enumerate() {
            total += report.verdict.points.sum();
            assert_eq!((report.verdict.nth as usize, report.verdict.total_after), (n + 1, total));
        }
        for (question, told) in &self.answers {
            let name = format!("q{question}");
            let verdict = results.answers.iter().find(|report| report.question.as_str() == name);
            self.is_as_told("a verdict", *told, verdict.is_some());
            if let (Told::Done(total), Some(report)) = (told, verdict) {
                assert_eq!(report.verdict.total_after, *total);
            }
        }
    }

    /// True if some call failed with an error whose `Debug` text begins with `error`.
    pub(crate) fn has(&self, error: &str) -> bool {
        self.errors.iter().any(|met| met.starts_with(error))
    }
}

/// A text of this length that the store cannot compress.
fn noise(bytes: usize) -> String {
    let mut chance = 1_u64;
    let mut any = || {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + (chance >> 40) as u8 % 95)
    };
    (0..bytes).map(|_| any()).collect()
}

/// Imports rooms of 320 KB with ids from `n` on until there is no space for another. Returns the number of
/// the first that was refused. `meanwhile` runs after each.
pub(crate) async fn fill_up(store: &RedbStore, mut n: u64, meanwhile: impl AsyncFn()) -> u64 {
    let at = store.clock().moment();
    let mut session = external(n, None, at);
    let draft = EventDraft { kind: "move".to_owned(), payload: noise(16_000), to: None };
    let applied = session.apply(crate::kit::record_all(vec![draft; 20], None), at);
    let events = applied.events;
    loop {
        let session = GameSession { id: id(n), ..session.clone() };
        let imported = store.import(Dump { taken: at.now, session, events: events.clone() }, at).await;
        meanwhile().await;
        match imported {
            Ok(_) => n += 1,
            Err(StoreError::Full) => return n,
            other => panic!("{other:?}"),
        }
    }
}
