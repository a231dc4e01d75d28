//! Tests of the record format: a record decodes exactly or not at all, and its bytes never change.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::domain::quiz::kind::tests::{answer_like, question_of_kind};
use crate::domain::room::{Advance, Caller, HostMove, RoomAction, RoomSettings};
use crate::domain::solo::{Deliver, NewSolo};
use crate::domain::{
    Answer, AnswerKey, Choice, ChoiceKey, Command, Event, EventDraft, GameSession, Idempotency, IdempotencyKey,
    Lifetimes, Millis, Moment, OptionId, Question, Quiz, Room, SeatId, SecretHash, Sequence, SessionId, SessionState,
    Submission, Timestamp, WallTime,
};

const LIFETIMES: Lifetimes =
    Lifetimes { ttl: Millis(1_800_000), max_age: Millis(86_400_000), results_ttl: Millis(86_400_000) };
const WALL: WallTime = WallTime(1_767_225_600_000);

pub(super) fn what() -> String {
    "a test's record".to_owned()
}

fn at(after: u64) -> Moment {
    Moment { now: Timestamp::from_millis(1_767_225_600_000 + after), up_since: Timestamp::from_millis(0), wall: WALL }
}

fn id() -> SessionId {
    SessionId::generate(at(0).now.as_millis(), &[5; 10])
}

fn option(n: u64) -> OptionId {
    OptionId::try_from(n).expect("small")
}

pub(crate) fn quiz() -> Quiz {
    let choice = |n: u64, text: Option<&str>| Choice { id: option(n), text: text.map(str::to_owned) };
    let question = |name: &str, time_limit: Option<u64>| Question {
        id: name.parse().expect("valid"),
        text: Some("Wie heißt die Hauptstadt?".to_owned()),
        category: Some("geography".to_owned()),
        difficulty: Some(crate::domain::Difficulty::Hard),
        image: None,
        alt: None,
        time_limit: time_limit.map(Millis),
        options: vec![choice(1, Some("Bern")), choice(2, None), choice(9_007_199_254_740_991, Some("Zürich"))],
        key: AnswerKey::Choice(ChoiceKey(option(1))),
        points: 1.into(),
        no_speed_bonus: false,
        explanation: Some("Seit 1848.".to_owned()),
    };
    Quiz {
        id: "capitals".parse().expect("valid"),
        scoring: Default::default(),
        progression: Default::default(),
        questions: [question("q1", Some(20_000)), question("q2", None), question("q3", None)].map(Arc::new).into(),
    }
}

/// The quiz of [`quiz`] and one question of every other kind.
pub(crate) fn quiz_of_kinds() -> Quiz {
    let mut quiz = quiz();
    quiz.questions.extend((1..7).map(of_kind).map(Arc::new));
    quiz
}

/// A question of the n-th kind, with the id `k{n}`.
fn of_kind(n: usize) -> Question {
    Question { id: format!("k{n}").parse().expect("valid"), ..question_of_kind(n, 1) }
}

/// A command that answers the question of [`of_kind`].
fn answer_of_kind(n: usize) -> Command {
    let question = of_kind(n);
    let answer = Some(answer_like(&question, n as u64 % 4));
    Command::Submit(Submission { question: question.id, answer, idempotency: None, wall: WALL })
}

fn answer(question: &str, chosen: Option<u64>, key: Option<&str>) -> Command {
    let idempotency = key.map(|key| IdempotencyKey::new("answer", key, &[question]));
    let question = question.parse().expect("valid");
    Command::Submit(Submission { question, answer: chosen.map(option).map(Answer::Option), idempotency, wall: WALL })
}

fn after(mut session: GameSession, commands: impl IntoIterator<Item = Command>) -> GameSession {
    for (n, command) in commands.into_iter().enumerate() {
        session.apply(command, at(1_000 * (n as u64 + 1))).result.expect("carried out");
    }
    session
}

/// A solo game with a verdict of each kind, a shown question and an idempotency key.
fn solo() -> GameSession {
    let new = NewSolo {
        user: Some("user-1".parse().expect("valid")),
        metadata: Some("{\"class\":\"4b\"}".to_owned()),
        started: WALL,
        deliver: Deliver::One,
        request: [9; 16],
    };
    let session = GameSession::solo(id(), 0x0123_4567_89ab_cdef, new, quiz_of_kinds(), LIFETIMES, at(0).now);
    let show = Command::Show("q3".parse().expect("valid"));
    let of_kinds = (1..7).map(answer_of_kind);
    after(session, [answer("q1", Some(1), Some("key-1")), answer("q2", None, None), show].into_iter().chain(of_kinds))
}

fn finished() -> GameSession {
    let award = Command::Award(Some(IdempotencyKey::new("award", "key-2", &[])));
    after(solo(), [answer("q3", Some(2), None), award])
}

fn room() -> GameSession {
    let code = "ABC234".parse().expect("valid");
    let session = GameSession::external(id(), 7, Some(code), [1, 2].map(SeatId), LIFETIMES, at(0).now);
    let session = session.owned_by(Some("school".parse().expect("valid")));
    let event = || EventDraft { kind: "move".to_owned(), payload: "{}".to_owned(), to: None };
    let events = vec![event(), event(), event()];
    let idempotency = Some(Idempotency::Key(IdempotencyKey::new("record", "key-3", &[])));
    let record = Command::room(Caller::Backend, RoomAction::Record { events, expected: None, idempotency });
    let by = |seat| Caller::Connection { seat: SeatId(seat), generation: 0 };
    let idempotency = Some(Idempotency::FrameId(IdempotencyKey::new("say", "1", &[])));
    let said = Command::room(by(1), RoomAction::Say { payload: "7".to_owned(), idempotency });
    let acknowledge = |seat| Command::room(by(seat), RoomAction::Acknowledge(Sequence(2)));
    after(session, [record, said, acknowledge(1), acknowledge(2)])
}

fn asked(by: Caller, ask: RoomAction) -> Command {
    Command::room(by, ask)
}

fn of_host(saw: u32, host_move: HostMove) -> Command {
    let idempotency = Some(Idempotency::Key(IdempotencyKey::new("move", &saw.to_string(), &[])));
    asked(Caller::Token(SecretHash::of("host"), None), RoomAction::Host(saw, host_move, idempotency))
}

fn of_player(name: &str, ask: RoomAction) -> Command {
    asked(Caller::Token(SecretHash::of(name), None), ask)
}

fn chosen(question: &str, chosen: Option<u64>) -> RoomAction {
    RoomAction::Answer { question: question.parse().expect("valid"), answer: chosen.map(option).map(Answer::Option) }
}

/// A quiz room at the reveal of its first question.
fn revealing() -> GameSession {
    let settings = RoomSettings { advance: Advance::Auto, ready: Millis(0), ..RoomSettings::default() };
    let room =
        Room::with_quiz(settings, "Host".parse().expect("valid"), SecretHash::of("host"), &quiz_of_kinds(), at(0).now);
    let code = "ABC234".parse().expect("valid");
    let session = GameSession::room(id(), 7, Some(code), (room, Some(quiz_of_kinds())), LIFETIMES, at(0).now);
    let join = |name: &str| {
        let idempotency = Some(IdempotencyKey::new("join", name, &[]));
        asked(
            Caller::Anyone,
            RoomAction::Join { name: name.parse().expect("valid"), token: SecretHash::of(name), idempotency },
        )
    };
    let answers = [of_player("Zoë", chosen("q1", Some(1))), of_player("Bob", chosen("q1", None))];
    let opening = [of_player("host", RoomAction::Resume), join("Zoë"), join("Bob"), of_host(0, HostMove::Start)];
    after(session, opening.into_iter().chain(answers))
}

/// The same room, paused at its second question, with a seat code, a seat whose player has left, and a
/// backend that reads the log.
fn playing() -> GameSession {
    let code = RoomAction::HandOutCode { seat: SeatId(2), code: SecretHash::of("code") };
    let next = [
        of_host(2, HostMove::Next),
        of_player("Zoë", chosen("q2", Some(2))),
        of_host(3, HostMove::Pause(true)),
        asked(Caller::Backend, code),
        of_player("Bob", RoomAction::Leave),
        asked(Caller::Backend, RoomAction::Resume),
    ];
    after(revealing(), next)
}

/// The same room after its game was finished.
fn played() -> GameSession {
    after(playing(), [of_host(3, HostMove::Finish)])
}

/// One session of each kind, with a name.
pub(crate) fn sessions() -> [(&'static str, GameSession); 6] {
    let rooms = [("room", room()), ("revealing", revealing()), ("playing", playing()), ("played", played())];
    let [room, revealing, playing, played] = rooms;
    [("solo", solo()), ("finished", finished()), room, revealing, playing, played]
}

pub(super) fn event() -> Event {
    let (kind, payload) = ("chat".to_owned(), "{\"text\":\"¡hola!\"}".to_owned());
    Event { sequence: Sequence(4_294_967_297), at: WALL, kind, payload, to: Some(vec![SeatId(3), SeatId(70_000)]) }
}

fn met<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) -> String {
    match decode::<T>(bytes, what) {
        Err(StoreError::Corrupt { what }) => what,
        other => panic!("not refused but {other:?}"),
    }
}

/// A record with this body and a valid version and checksum.
pub(super) fn sealed(body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![RECORD_FORMAT];
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

#[test]
fn every_kind_of_record_comes_back_exactly() {
    for (_, session) in sessions() {
        let bytes = encode(&session.state).expect("encoded");
        assert_eq!(decode::<SessionState>(&bytes, what).expect("decoded"), session.state);
    }
    assert_eq!(decode::<Quiz>(&encode(&quiz_of_kinds()).expect("encoded"), what).expect("decoded"), quiz_of_kinds());
    assert_eq!(decode::<Event>(&encode(&event()).expect("encoded"), what).expect("decoded"), event());
}

#[test]
fn a_record_cut_short_anywhere_is_refused() {
    let bytes = encode(&solo().state).expect("encoded");
    for length in 0..bytes.len() {
        met::<SessionState>(&bytes[..length]);
        // Also cut short, but with a valid checksum.
        if let Some(body) = bytes[..length].split_first().map(|(_, body)| body).filter(|_| length < bytes.len() - CRC) {
            met::<SessionState>(&sealed(body));
        }
    }
}

#[test]
fn any_single_bit_flipped_is_noticed() {
    let bytes = encode(&finished().state).expect("encoded");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        met::<SessionState>(&damaged);
    }
}

#[test]
fn a_newer_version_is_named_and_not_called_damaged() {
    let mut bytes = encode(&event()).expect("encoded");
    bytes[0] = RECORD_FORMAT + 1;
    let message = met::<Event>(&bytes);
    assert!(message.starts_with("a test's record: format version 4"), "{message}");
    assert!(!message.contains("checksum"), "{message}");
    match decode_prefix::<Sequence>(&bytes, what) {
        Err(StoreError::Corrupt { .. }) => {}
        other => panic!("not refused but {other:?}"),
    }
}

#[test]
fn bytes_beyond_the_record_are_refused() {
    let bytes = encode(&event()).expect("encoded");
    let mut body = bytes[1..bytes.len() - CRC].to_vec();
    body.extend_from_slice(b"more");
    assert!(met::<Event>(&sealed(&body)).contains("4 bytes too many"));
}

#[test]
fn forged_lengths_are_refused_at_once_and_take_no_memory() {
    let begun = Instant::now();
    for length in [u64::MAX, u64::MAX / 2, 1 << 40, LIMIT as u64 + 1, LIMIT as u64] {
        met::<String>(&sealed(&length.to_le_bytes()));
        met::<Vec<u64>>(&sealed(&length.to_le_bytes()));
        met::<std::collections::BTreeMap<u32, Timestamp>>(&sealed(&length.to_le_bytes()));
        // In an event, the length of `kind` comes after the sequence number and the time.
        met::<Event>(&sealed(&[&[0; 16][..], &length.to_le_bytes()].concat()));
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_prefix_is_read_without_the_rest() {
    let bytes = encode(&(17_u64, room().state)).expect("encoded");
    let (hint, life): (u64, crate::domain::Life) = decode_prefix(&bytes, what).expect("read");
    assert_eq!((hint, life), (17, room().state.life));
    for length in 0..9 {
        assert!(decode_prefix::<u64>(&bytes[..length], what).is_err(), "{length} bytes");
    }
}

/// Compares `bytes` with a golden file and returns the file's content. The golden files pin the bytes on
/// disk: every release must write and read exactly these bytes. `REJOIN_BLESS=1` overwrites the files, which
/// is right only for a new format.
pub(crate) fn pinned_bytes(name: &str, bytes: &[u8]) -> Vec<u8> {
    let golden = golden(name, || bytes.to_vec());
    assert!(golden == bytes, "{name} is written otherwise: a format break, see the module's first lines");
    golden
}

/// Returns the content of a golden file. Unlike [`pinned_bytes`], it doesn't require that the same bytes are
/// written again.
pub(crate) fn golden(name: &str, bytes: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var("REJOIN_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("created");
        std::fs::write(&path, bytes()).expect("written");
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pinned<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let golden = pinned_bytes(name, &encode(value).expect("encoded"));
    assert_eq!(&decode::<T>(&golden, what).expect("what is on disk can be read"), value, "{name} is read otherwise");
}

#[test]
fn the_bytes_of_a_solo_game_are_pinned() {
    pinned("solo.bin", &solo().state);
}

#[test]
fn the_bytes_of_a_question_are_pinned() {
    pinned("question.bin", &*quiz().questions[0]);
}

#[test]
fn the_bytes_of_a_room_are_pinned() {
    pinned("room.bin", &room().state);
    pinned("revealing.bin", &revealing().state);
    pinned("playing.bin", &playing().state);
    pinned("played.bin", &played().state);
}

#[test]
fn the_bytes_of_a_finished_game_are_pinned() {
    pinned("finished.bin", &finished().state);
}
