//! Property tests. Any sequence of commands, sent one by one or many at once, has the same results on every
//! engine as on a plain map of sessions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rejoin::domain::{Applied, Command, Event, GameSession, Moment, Sequence, SessionId};
use rejoin::store::{GameSessionStore, ImportOutcome, NewSession, StoreError};

use crate::contract::engines::{
    Cluster, Engine, Memory, Redb, RedbAtOnce, RedbAtRandom, RedbNeverCheckpointed, RedbWithoutLog, Valkey,
};
use crate::kit::{acknowledge, answer, at, code, external, id, question_id, recode, record, record_for, solo};

const IDS: u64 = 5;
const CODES: [&str; 3] = ["ABC234", "ABC235", "ABC236"];

#[derive(Debug, Clone)]
enum StoreCall {
    Create { n: u64, code: Option<usize>, questions: Option<usize> },
    Apply { n: u64, command: Command },
    Recode { n: u64, code: usize },
    Delete(u64),
    Sweep,
}

impl StoreCall {
    /// The number of the session that this is about, or `None` if it is about all.
    fn session(&self) -> Option<u64> {
        match self {
            Self::Create { n, .. } | Self::Apply { n, .. } | Self::Recode { n, .. } | Self::Delete(n) => Some(*n),
            Self::Sweep => None,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Sent at the same time, in this order.
    Calls(Vec<StoreCall>),
    Wait(u64),
    Reopen,
    /// Exported, deleted, and imported again.
    Carry(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Created(bool),
    Applied(Box<Option<Applied>>),
    Taken,
    Deleted(bool),
    Swept(usize),
}

/// The reference for a store: a map of sessions and their events, without storage and without concurrency.
#[derive(Default)]
struct Model {
    sessions: BTreeMap<SessionId, (GameSession, Vec<Event>)>,
    random: Option<String>,
}

impl Model {
    fn live(&self, id: &SessionId, at: Moment) -> Option<&(GameSession, Vec<Event>)> {
        self.sessions.get(id).filter(|(session, _)| session.is_live(at.now))
    }

    fn find(&self, code: &str, at: Moment) -> Option<SessionId> {
        let holds = |session: &GameSession| session.state.join_code.as_ref().is_some_and(|held| held.as_str() == code);
        let mut live = self.sessions.values().map(|(session, _)| session).filter(|session| session.is_live(at.now));
        live.find(|session| holds(session)).map(|session| session.id.clone())
    }

    fn ask(&mut self, ask: &StoreCall, new: Option<GameSession>, at: Moment) -> Outcome {
        match (ask, new) {
            (StoreCall::Create { n, code, .. }, Some(new)) => {
                let is_taken = code.is_some_and(|code| self.find(CODES[code], at).is_some());
                let is_new = !is_taken && self.live(&id(*n), at).is_none();
                if is_new {
                    self.sessions.insert(id(*n), (new, Vec::new()));
                }
                Outcome::Created(is_new)
            }
            (StoreCall::Apply { n, command }, _) => {
                let live = self.sessions.get_mut(&id(*n)).filter(|(session, _)| session.is_live(at.now));
                let applied = live.map(|(session, events)| {
                    let before = session.clone();
                    let mut applied = session.apply(command.clone(), at);
                    applied.moved_seats = session.moved_seats(&before);
                    events.extend(applied.events.iter().cloned());
                    events.retain(|event| event.sequence >= session.log().oldest);
                    applied
                });
                Outcome::Applied(Box::new(applied))
            }
            (StoreCall::Recode { n, code }, _) => {
                let holder = self.find(CODES[*code], at);
                let knows_codes = self.live(&id(*n), at).is_some_and(|(session, _)| session.state.game.is_shared());
                if knows_codes && holder.is_some_and(|holder| holder != id(*n)) {
                    return Outcome::Taken;
                }
                self.ask(&StoreCall::Apply { n: *n, command: recode(CODES[*code]) }, None, at)
            }
            (StoreCall::Delete(n), _) => Outcome::Deleted(self.sessions.remove(&id(*n)).is_some()),
            (StoreCall::Sweep, _) => {
                let before = self.sessions.len();
                self.sessions.retain(|_, (session, _)| session.is_live(at.now));
                Outcome::Swept(before - self.sessions.len())
            }
            (StoreCall::Create { .. }, None) => unreachable!("a creation brings its session"),
        }
    }

    /// Asserts that a store holds the same as this model.
    async fn check(&mut self, store: &dyn GameSessionStore, at: Moment) {
        let live = self.sessions.values().filter(|(session, _)| session.is_live(at.now)).count() as u64;
        let status = store.status(at).await.expect("told");
        assert_eq!((status.live_sessions, status.records), (live, self.sessions.len() as u64));
        for code_text in CODES {
            assert_eq!(store.find(&code(code_text), at).await.expect("read"), self.find(code_text, at));
        }
        for n in 0..IDS {
            let expected = self.live(&id(n), at).cloned();
            assert_eq!(
                store.get(&id(n), at).await.expect("read").as_ref(),
                expected.as_ref().map(|(session, _)| session)
            );
            for (after, limit) in [(0, usize::MAX), (2, 2)] {
                let page = store.events(&id(n), Sequence(after), limit, at).await.expect("read");
                assert_eq!(page.is_some(), expected.is_some());
                let (Some(page), Some((session, events))) = (page, &expected) else { continue };
                let events: Vec<_> =
                    events.iter().filter(|event| event.sequence.0 > after).take(limit).cloned().collect();
                assert_eq!(page.events, events);
                assert_eq!(page.session, *session);
                // The epoch of the session with nonce 1 stands for the random value of the store, which
                // nobody sees. It must never change, not even when the store is reopened.
                if session.state.nonce == 1 {
                    assert_eq!(*self.random.get_or_insert_with(|| page.epoch.clone()), page.epoch);
                }
            }
        }
    }
}

async fn ask(store: &dyn GameSessionStore, ask: StoreCall, new: Option<GameSession>, at: Moment) -> Outcome {
    match (ask, new) {
        (StoreCall::Create { .. }, new) => {
            match store.create(NewSession(new.expect("a creation brings it")), at).await {
                Ok(()) => Outcome::Created(true),
                Err(StoreError::AlreadyExists) => Outcome::Created(false),
                Err(error) => panic!("{error:?}"),
            }
        }
        (StoreCall::Apply { n, command }, _) => {
            Outcome::Applied(Box::new(store.apply(&id(n), command, at).await.expect("answered")))
        }
        (StoreCall::Recode { n, code }, _) => match store.apply(&id(n), recode(CODES[code]), at).await {
            Err(StoreError::AlreadyExists) => Outcome::Taken,
            applied => Outcome::Applied(Box::new(applied.expect("answered"))),
        },
        (StoreCall::Delete(n), _) => Outcome::Deleted(store.delete(&id(n)).await.expect("deleted")),
        (StoreCall::Sweep, _) => Outcome::Swept(store.sweep(at, 1_000).await.expect("swept").deleted),
    }
}

/// One run of steps on an engine and on the model side by side.
struct Run<E> {
    engine: Option<E>,
    model: Model,
    now: u64,
    nonce: u64,
}

impl<E: Engine> Run<E> {
    fn engine(&self) -> &E {
        self.engine.as_ref().expect("it is put back")
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(millis) => self.now += millis,
            Step::Reopen if E::IS_DURABLE => {
                let engine = self.engine.take().expect("it is put back");
                self.engine = engine.reopened().await;
            }
            Step::Reopen => {}
            Step::Carry(n) => self.carry(n).await,
            Step::Calls(asks) if E::LINES_UP => self.call_at_once(asks).await,
            Step::Calls(asks) => {
                // This engine keeps only the order of the commands on one session. So only those are sent at
                // the same time.
                for same in asks.chunk_by(|one, next| one.session().is_some() && one.session() == next.session()) {
                    self.call_at_once(same.to_vec()).await;
                }
            }
        }
        let store = self.engine().store();
        self.model.check(&*store, at(self.now)).await;
    }

    async fn call_at_once(&mut self, asks: Vec<StoreCall>) {
        let at = at(self.now);
        let mut answers = tokio::task::JoinSet::new();
        let mut expected = Vec::new();
        for (place, asked) in asks.into_iter().enumerate() {
            let new = self.session(&asked, at);
            expected.push(self.model.ask(&asked, new.clone(), at));
            let store = self.engine().store();
            // A single thread polls new tasks in the order in which they were spawned, so they enter the
            // queue in that order.
            answers.spawn(async move { (place, ask(&*store, asked, new, at).await) });
        }
        let mut outcomes = answers.join_all().await;
        outcomes.sort_by_key(|(place, _)| *place);
        assert_eq!(outcomes.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>(), expected);
    }

    fn session(&mut self, ask: &StoreCall, at: Moment) -> Option<GameSession> {
        let StoreCall::Create { n, code, questions } = ask else { return None };
        let code = code.map(|code| CODES[code]);
        let mut session = match questions {
            Some(questions) => solo(*n, *questions, at),
            None => external(*n, None, at),
        };
        self.nonce += 1;
        session.state.nonce = self.nonce;
        session.state.join_code = code.map(crate::kit::code);
        Some(session)
    }

    async fn carry(&mut self, n: u64) {
        let (store, portable, at) = (self.engine().store(), self.engine().portable(), at(self.now));
        let dump = portable.export(&id(n), at).await.expect("read");
        assert_eq!(dump.is_some(), self.model.live(&id(n), at).is_some());
        let Some(dump) = dump else { return };
        assert_eq!(portable.import(dump.clone(), at).await.expect("imported"), ImportOutcome::Same);
        assert!(store.delete(&id(n)).await.expect("deleted"));
        assert_eq!(portable.import(dump, at).await.expect("imported"), ImportOutcome::Imported);
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let key = proptest::option::of(prop_oneof![Just("a"), Just("b")]);
    prop_oneof![
        6 => (0..4_usize, 0..5_u64, key).prop_map(|(question, chosen, key)| answer(question, chosen, key)),
        1 => (0..4_usize).prop_map(|question| Command::Show(question_id(question))),
        1 => Just(Command::Touch),
        1 => Just(Command::Advance),
        1 => Just(Command::Award(None)),
        4 => (0..4_usize).prop_map(record),
        1 => proptest::collection::vec(1..4_u32, 0..3).prop_map(|seats| record_for(&seats)),
        4 => (1..4_u32, 0..12_u64).prop_map(|(seat, sequence)| acknowledge(seat, sequence)),
    ]
}

fn any_call() -> impl Strategy<Value = StoreCall> {
    let code = proptest::option::of(0..CODES.len());
    let questions = proptest::option::of(1..4_usize);
    prop_oneof![
        6 => (0..IDS, code, questions).prop_map(|(n, code, questions)| StoreCall::Create { n, code, questions }),
        14 => (0..IDS, any_command()).prop_map(|(n, command)| StoreCall::Apply { n, command }),
        3 => (0..IDS, 0..CODES.len()).prop_map(|(n, code)| StoreCall::Recode { n, code }),
        2 => (0..IDS).prop_map(StoreCall::Delete),
        2 => Just(StoreCall::Sweep),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![Just(1), Just(1_000), Just(61_000), Just(300_000), Just(660_000), Just(7_200_000)];
    prop_oneof![
        8 => any_call().prop_map(|ask| Step::Calls(vec![ask])),
        8 => proptest::collection::vec(any_call(), 2..12).prop_map(Step::Calls),
        6 => wait.prop_map(Step::Wait),
        1 => Just(Step::Reopen),
        1 => (0..IDS).prop_map(Step::Carry),
    ]
}

fn any_sequence_comes_to_the_same<E: Engine>(cases: u32) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outcome = runner.run(&proptest::collection::vec(any_step(), 1..40), |steps| {
        runtime.block_on(async {
            let mut run = Run { engine: Some(E::fresh().await), model: Model::default(), now: 0, nonce: 0 };
            for step in steps {
                run.step(step).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn any_sequence_matches_the_model_in_memory() {
    any_sequence_comes_to_the_same::<Memory>(400);
}

#[test]
fn any_sequence_matches_the_model_in_redb() {
    any_sequence_comes_to_the_same::<Redb>(200);
}

#[test]
fn any_sequence_matches_the_model_in_redb_checkpointed_at_once() {
    any_sequence_comes_to_the_same::<RedbAtOnce>(100);
}

#[test]
fn any_sequence_matches_the_model_in_redb_that_crashes_and_is_never_checkpointed() {
    any_sequence_comes_to_the_same::<RedbNeverCheckpointed>(200);
}

#[test]
fn any_sequence_matches_the_model_in_redb_that_crashes_and_is_checkpointed_at_random() {
    any_sequence_comes_to_the_same::<RedbAtRandom>(200);
}

#[test]
fn any_sequence_matches_the_model_in_redb_without_a_log() {
    any_sequence_comes_to_the_same::<RedbWithoutLog>(100);
}

#[test]
fn any_sequence_matches_the_model_in_valkey() {
    any_sequence_comes_to_the_same::<Valkey>(100);
}

#[test]
fn any_sequence_matches_the_model_in_a_valkey_cluster() {
    any_sequence_comes_to_the_same::<Cluster>(40);
}
