//! Properties that hold for any commands, in any order, from any callers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::kit::{HOST, Table, acknowledge, answer, at_since, join, quiz_of_kinds, seen, token};
use crate::domain::quiz::kind::tests::answer_like;
use crate::domain::quiz::public::PublicQuestion;
use crate::domain::room::{Advance, Caller, HostAway, HostMove, RoomAction, RoomReply, RoomSettings};
use crate::domain::{Event, EventDraft, IdempotencyKey, Millis, Moment, Refusal, SeatId, SecretHash, SessionState};

const QUESTIONS: usize = 3;
/// The highest seat number that these games look at.
const MOST_SEATS: u32 = 12;

#[derive(Debug, Clone)]
enum Who {
    Anyone,
    Backend,
    Host,
    /// The holder of the n-th token that was handed out.
    Holder(usize),
    Connection(u32, u32),
}

#[derive(Debug, Clone)]
enum What {
    Advance,
    Join(usize, Option<&'static str>),
    Answer(Option<usize>, Option<u64>),
    Move(HostMove, bool),
    Acknowledge(u64),
    Seen(u32, u32, bool, Option<u64>),
    HandOutCode(u32),
    TakeSeat(Option<&'static str>),
    Revoke(u32),
    Plain(RoomAction),
}

/// One command: its caller, its action, how many milliseconds after the last one it comes, and whether the
/// store was down until then.
#[derive(Debug, Clone)]
struct Turn {
    who: Who,
    what: What,
    pause: u64,
    is_outage: bool,
}

fn any_key() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![3 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))]
}

fn any_seat() -> impl Strategy<Value = u32> {
    1..6_u32
}

fn any_holder() -> impl Strategy<Value = Who> {
    prop_oneof![
        8 => (0..8_usize).prop_map(Who::Holder),
        2 => Just(Who::Host),
        1 => (any_seat(), 0..3_u32).prop_map(|(seat, generation)| Who::Connection(seat, generation)),
        1 => Just(Who::Anyone),
    ]
}

fn any_move() -> impl Strategy<Value = HostMove> {
    prop_oneof![
        4 => Just(HostMove::Start),
        4 => Just(HostMove::Next),
        3 => Just(HostMove::Close),
        2 => any::<bool>().prop_map(HostMove::Pause),
        1 => any::<bool>().prop_map(HostMove::Lock),
        1 => any_seat().prop_map(|seat| HostMove::Kick(SeatId(seat))),
        1 => Just(HostMove::TakeOver),
    ]
}

fn any_question() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![6 => Just(None), 1 => (0..QUESTIONS + 1).prop_map(Some)]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let of_backends = RoomAction::Record {
        events: vec![EventDraft { kind: "moved".to_owned(), payload: "1".to_owned(), to: None }],
        expected: None,
        idempotency: None,
    };
    let asked = prop_oneof![
        3 => (0..5_usize, any_key()).prop_map(|(name, key)| (Who::Anyone, What::Join(name, key))),
        12 => (any_holder(), any_question(), proptest::option::weighted(0.8, 0..5_u64))
            .prop_map(|(who, question, chosen)| (who, What::Answer(question, chosen))),
        8 => (any_move(), any::<u8>()).prop_map(|(host_move, n)| (Who::Host, What::Move(host_move, n < 30))),
        2 => (any_holder(), any_move()).prop_map(|(who, host_move)| (who, What::Move(host_move, false))),
        1 => any_move().prop_map(|host_move| (Who::Backend, What::Move(host_move, false))),
        1 => (0..40_u8).prop_map(|n| (Who::Host, What::Move(HostMove::Finish, n > 4))),
        2 => (any_holder(), 0..12_u64).prop_map(|(who, sequence)| (who, What::Acknowledge(sequence))),
        2 => (any_seat(), 0..3_u32, any::<bool>(), proptest::option::of(0..12_u64))
            .prop_map(|(seat, generation, there, upto)| (Who::Backend, What::Seen(seat, generation, there, upto))),
        1 => (any_holder(), any_seat()).prop_map(|(who, seat)| (who, What::HandOutCode(seat))),
        1 => any_key().prop_map(|key| (Who::Anyone, What::TakeSeat(key))),
        1 => any_seat().prop_map(|seat| (Who::Backend, What::Revoke(seat))),
        3 => any_holder().prop_map(|who| (who, What::Plain(RoomAction::Resume))),
        2 => any_holder().prop_map(|who| (who, What::Plain(RoomAction::Heartbeat))),
        1 => any_holder().prop_map(|who| (who, What::Plain(RoomAction::Leave))),
        1 => Just((Who::Backend, What::Plain(of_backends))),
        1 => Just((Who::Host, What::Plain(RoomAction::Say { payload: "1".to_owned(), idempotency: None }))),
        3 => Just((Who::Anyone, What::Advance)),
    ];
    let pause = prop_oneof![4 => 0..400_u64, 4 => 1_500..6_000_u64, 1 => 14_000..26_000_u64, 1 => 55_000..70_000_u64];
    let is_outage = proptest::bool::weighted(0.05);
    (asked, pause, is_outage).prop_map(|((who, what), pause, is_outage)| Turn { who, what, pause, is_outage })
}

fn any_turns() -> impl Strategy<Value = Vec<Turn>> {
    proptest::collection::vec(any_turn(), 1..50)
}

fn any_settings() -> impl Strategy<Value = RoomSettings> {
    let durations = (prop_oneof![Just(0), Just(3_000_u64)], prop_oneof![Just(0), Just(5_000_u64)]);
    (any::<[bool; 4]>(), durations).prop_map(|([auto, takes_over, late_join, host_plays], (ready, reveal))| {
        RoomSettings {
            advance: if auto { Advance::Auto } else { Advance::Host },
            host_away: if takes_over { HostAway::OldestSeat } else { HostAway::Pause },
            ready: Millis(ready),
            reveal: Millis(reveal),
            max_seats: 6,
            late_join,
            host_plays,
            ..RoomSettings::default()
        }
    })
}

/// A room, its clock, and all tokens that were handed out.
#[derive(Clone)]
struct Run {
    table: Table,
    now: u64,
    up: u64,
    tokens: Vec<SecretHash>,
}

impl Run {
    /// A room with three players, two of them connected.
    fn new(settings: RoomSettings, first_kind: usize, right: impl Fn(usize) -> u64) -> Self {
        let table = Table::playing(quiz_of_kinds(QUESTIONS, first_kind, right), settings);
        let mut run = Self { table, now: 0, up: 0, tokens: vec![token(HOST)] };
        for seat in 2..=4 {
            run.table.join(seat, run.at());
            run.tokens.push(token(seat));
        }
        run.table.connect(2, run.at());
        run.table.connect(3, run.at());
        run
    }

    fn at(&self) -> Moment {
        at_since(self.now, self.up)
    }

    fn turn(&mut self, nth: usize, turn: &Turn) -> Result<RoomReply, Refusal> {
        self.now += turn.pause;
        if turn.is_outage {
            self.up = self.now;
        }
        let secret_text = format!("token of turn {nth}");
        let secret = SecretHash::of(&secret_text);
        let host = self.table.room().host().expect("a quiz has one");
        let by = match turn.who {
            Who::Anyone => Caller::Anyone,
            Who::Backend => Caller::Backend,
            Who::Holder(n) => Caller::Token(self.tokens[n % self.tokens.len()], None),
            Who::Connection(seat, generation) => Caller::Connection { seat: SeatId(seat), generation },
            Who::Host => {
                let generation = self.table.room().generation(host).map_or(0, |(generation, _)| generation);
                Caller::Connection { seat: host, generation }
            }
        };
        let number = self.table.room().phase_number();
        let index = self.table.view(HOST, self.at()).question.map_or(0, |question| question.index as usize);
        let takes = |key: Option<&str>| key.map(|key| IdempotencyKey::new("join", key, &["code"]));
        let ask = match turn.what.clone() {
            What::Advance => RoomAction::Advance,
            What::Join(name, key) => join(&format!("Name {name}"), &secret_text, key),
            What::Answer(question, chosen) => self.answer(question.unwrap_or(index), chosen),
            What::Move(host_move, is_stale) => {
                RoomAction::Host(number.wrapping_sub(u32::from(is_stale)), host_move, None)
            }
            What::Acknowledge(sequence) => acknowledge(sequence),
            What::Seen(seat, generation, is_connected, upto) => seen(seat, generation, is_connected, upto),
            What::HandOutCode(seat) => RoomAction::HandOutCode { seat: SeatId(seat), code: SecretHash::of("code") },
            What::TakeSeat(key) => {
                RoomAction::TakeSeat { code: SecretHash::of("code"), token: secret, idempotency: takes(key) }
            }
            What::Revoke(seat) => RoomAction::Revoke(SeatId(seat)),
            What::Plain(ask) => ask,
        };
        let reply = self.table.ask(by, ask, self.at());
        if let Ok(RoomReply::Seated(_)) = reply {
            self.tokens.push(secret);
        }
        reply
    }

    /// An answer in the form that this question takes. If the question doesn't exist, the answer names an
    /// option.
    fn answer(&self, question: usize, chosen: Option<u64>) -> RoomAction {
        let quiz = self.table.session.quiz.as_ref();
        match quiz.and_then(|quiz| quiz.questions.get(question)).zip(chosen) {
            Some((known, chosen)) => {
                RoomAction::Answer { question: known.id.clone(), answer: Some(answer_like(known, chosen)) }
            }
            None => answer(question, chosen),
        }
    }

    /// The events that time alone would cause until then.
    fn told_by(&self, now: u64) -> Vec<Event> {
        let mut table = self.table.clone();
        table.advance(at_since(now, self.up));
        table.events.split_off(self.table.events.len())
    }

    /// Everything that any client can see now, as text.
    fn seen_by_anybody(&self) -> String {
        let quiz = self.table.session.quiz.as_deref();
        let mut text = format!("{:?} {:?}", self.table.room().presence(self.at()), self.table.events);
        for viewer in (1..=MOST_SEATS).map(|seat| Some(SeatId(seat))).chain([None]) {
            let mut view = self.table.room().view(quiz, viewer, self.at());
            if let Some(question) = view.question.take() {
                let public = serde_json::to_string(&PublicQuestion::whole(&question.question)).expect("JSON");
                text += &format!("{} {:?} {:?} {public}", question.index, question.opens, question.closes);
            }
            text += &format!("{view:?}");
        }
        text + &format!("{:?}", self.table.room().results(quiz))
    }
}

fn payload(event: &Event) -> Value {
    serde_json::from_str(&event.payload).expect("JSON")
}

/// The points that the reveals have shown so far, by question and seat.
#[derive(Default)]
struct Tally(BTreeMap<(u64, u64), u64>);

impl Tally {
    /// Adds a reveal. No seat gets two verdicts on one question, and every total equals the sum of the
    /// points.
    fn add(&mut self, reveal: &Value) -> Result<(), TestCaseError> {
        let number = |value: &Value| value.as_u64().expect("a number");
        for verdict in reveal["verdicts"].as_array().expect("a list") {
            let (index, seat) = (number(&reveal["index"]), number(&verdict["seatId"]));
            prop_assert!(self.0.insert((index, seat), number(&verdict["points"])).is_none(), "two verdicts");
            let sum: u64 = self.0.iter().filter(|((_, of), _)| *of == seat).map(|(_, points)| points).sum();
            prop_assert_eq!(number(&verdict["total"]), sum);
            let has_points = verdict["correct"] == true || verdict["share"].is_number();
            prop_assert!(has_points || verdict["points"] == 0);
        }
        Ok(())
    }
}

/// Checks what holds after every turn.
fn check(
    before: &Run,
    after: &Run,
    reply: &Result<RoomReply, Refusal>,
    tally: &mut Tally,
) -> Result<(), TestCaseError> {
    let (old, new) = (before.table.room(), after.table.room());
    let told = &after.table.events[before.table.events.len()..];
    let numbers: Vec<_> = told.iter().map(|event| event.sequence.0).collect();
    prop_assert_eq!(numbers, (old.head().0 + 1..=new.head().0).collect::<Vec<_>>(), "gaps");
    prop_assert!(new.pruned() >= old.pruned() && new.pruned() <= new.head());
    prop_assert!(!old.is_finished() || told.is_empty(), "told after the end: {:?}", told);
    let end = told.iter().position(|event| event.kind == "finished");
    prop_assert!(end.is_none_or(|end| end + 1 == told.len() && new.is_finished()));
    let turns = told.iter().filter(|event| ["question", "reveal", "finished"].contains(&event.kind.as_str()));
    prop_assert_eq!(new.phase_number() as usize, old.phase_number() as usize + turns.count());
    for reveal in told.iter().filter(|event| event.kind == "reveal") {
        tally.add(&payload(reveal))?;
    }
    for seat in (1..=MOST_SEATS).map(SeatId) {
        prop_assert!(new.generation(seat).map(|it| it.0) >= old.generation(seat).map(|it| it.0));
    }
    let results = new.results(after.table.session.quiz.as_deref()).expect("a quiz");
    for seat in results.seats {
        prop_assert_eq!(seat.total, seat.answers.iter().map(|answer| answer.points).sum::<u32>());
    }
    if reply.is_err() {
        let mut due = before.table.clone();
        due.advance(after.at());
        prop_assert_eq!(&due.session, &after.table.session, "a refusal changes nothing");
    }
    Ok(())
}

fn comes_back(state: &SessionState) -> Result<(), TestCaseError> {
    let text = serde_json::to_string(state).expect("written");
    prop_assert_eq!(&serde_json::from_str::<SessionState>(&text).expect("read"), state);
    Ok(())
}

/// Checks `next_due`: before that time nothing happens by time alone, and at that time something does.
fn is_due_as_told(run: &Run) -> Result<(), TestCaseError> {
    let Some(due) = run.table.next_due(run.at()) else {
        prop_assert_eq!(run.told_by(run.now + 1_000_000_000), []);
        return Ok(());
    };
    prop_assert!(due > run.now, "what is due was done");
    prop_assert_eq!(run.told_by(due - 1), []);
    prop_assert!(!run.told_by(due).is_empty(), "nothing at {}", due);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_asked_a_room_adds_up(settings in any_settings(), first in 0..7_usize, turns in any_turns()) {
        let mut run = Run::new(settings, first, |_| 1);
        let mut tally = Tally::default();
        for (nth, turn) in turns.iter().enumerate() {
            let before = run.clone();
            let reply = run.turn(nth, turn);
            check(&before, &run, &reply, &mut tally)?;
            is_due_as_told(&run)?;
            comes_back(&run.table.session.state)?;
        }
    }

    #[test]
    fn until_a_reveal_nothing_depends_on_what_is_right(
        settings in any_settings(),
        first in 0..7_usize,
        turns in any_turns(),
        from in 0..QUESTIONS,
        rights in any::<[(bool, bool); QUESTIONS]>(),
    ) {
        let one = |n: usize| u64::from(rights[n].0);
        let other = |n: usize| if n < from { one(n) } else { 2 + u64::from(rights[n].1) };
        let (mut here, mut there) = (Run::new(settings.clone(), first, one), Run::new(settings, first, other));
        for (nth, turn) in turns.iter().enumerate() {
            prop_assert_eq!(here.turn(nth, turn), there.turn(nth, turn));
            let of = |event: &Event| payload(event)["index"].as_u64() >= Some(from as u64);
            let tells = |event: &Event| event.kind == "reveal" && of(event);
            if let Some(reveal) = here.table.events.iter().position(tells) {
                prop_assert_eq!(&here.table.events[..reveal], &there.table.events[..reveal]);
                prop_assert_ne!(&here.table.events[reveal], &there.table.events[reveal], "here it is told");
                break;
            }
            prop_assert_eq!(here.seen_by_anybody(), there.seen_by_anybody());
            prop_assert_eq!(&here.table.session.state, &there.table.session.state, "nor does anything that is kept");
        }
    }
}
