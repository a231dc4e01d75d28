//! Live quiz rooms whose players answer at the pace of people: about one answer each 20 s.
//!
//! A room goes on by itself (`advance: auto`): a question is shown, each player answers after 2 to 12 s, the right
//! answer is shown for 8 s, and so on. Every player sends a heartbeat every 5 s and acknowledges events at most once
//! a second, as the clients that ship do.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{Instant, sleep_until};

use crate::common::load::Connection;
use crate::common::rooms::{KEY, Room};
use crate::common::socket::{Socket, sequence};
use crate::common::{all_of, traffic};

/// Players of a room. The host is one more seat, and is not connected: the room plays by itself.
pub(crate) const PLAYERS: usize = 30;
/// How often a question begins, if all players answer.
pub(crate) const CYCLE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 32;
const QUESTIONS: usize = 30;
const FIRST_ANSWER: Duration = Duration::from_secs(2);
const LAST_ANSWER: Duration = Duration::from_secs(12);
const REVEAL: Duration = Duration::from_secs(8);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Errors after which a client sends its answer again, and when.
const TRY_AGAIN: [&str; 3] = ["outcome-unknown", "store-unavailable", "store-busy"];
const AGAIN: Duration = Duration::from_secs(1);
const ACK: Duration = Duration::from_secs(1);

/// A quiz room before its start.
#[derive(Clone)]
pub(crate) struct Quiz {
    pub(crate) room: Room,
    host: String,
    /// The server that its host asks.
    home: SocketAddr,
}

impl Quiz {
    /// Deletes the room.
    pub(crate) async fn delete(&self) {
        let status = Connection::open(self.home).await.request_as(KEY, "DELETE", &self.path("")).await;
        assert_eq!(status, 204);
    }

    async fn start(&self) {
        let mut line = Connection::open(self.home).await;
        line.request_until_done(&self.host, "start", &self.path("/start"), r#"{"at":0}"#).await;
    }

    fn path(&self, call: &str) -> String {
        format!("/api/rooms/{}{call}", self.room.id)
    }
}

/// Opens `rooms` quiz rooms with `players` players each, at these servers in turn.
pub(crate) async fn open(addresses: &[SocketAddr], rooms: usize, players: usize) -> Vec<Quiz> {
    let opened = Rc::new(RefCell::new(Vec::new()));
    let (addresses, into): (Rc<[_]>, _) = (addresses.into(), opened.clone());
    all_of(rooms, AT_ONCE, move |n| {
        let (addresses, into) = (addresses.clone(), into.clone());
        async move {
            let quiz = open_one(addresses[n % addresses.len()], players).await;
            into.borrow_mut().push(quiz);
        }
    })
    .await;
    opened.take()
}

async fn open_one(home: SocketAddr, players: usize) -> Quiz {
    let mut line = Connection::open(home).await;
    let settings = json!({
        "quizId": "civics", "count": QUESTIONS, "maxSeats": players + 1, "advance": "auto", "readyMs": 0,
        "timeLimitMs": 20_000, "revealMs": u64::try_from(REVEAL.as_millis()).expect("it is short"),
    });
    // The keys of these requests are unique: a repeat of one room's is never taken for another's.
    let unique = fastrand::u64(..);
    let opened = line.request_until_done(KEY, &unique.to_string(), "/api/rooms", &settings.to_string()).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut tokens = Vec::new();
    for n in 1..=players {
        let join = json!({"joinCode": opened["joinCode"], "name": format!("Player {n}")}).to_string();
        let key = format!("{unique}-{n}");
        tokens.push(text(&line.request_until_done(KEY, &key, "/api/rooms/join", &join).await["token"]));
    }
    let room = Room { id: text(&opened["roomId"]).into(), tokens: tokens.into() };
    Quiz { room, host: text(&opened["token"]), home }
}

/// To which server a seat connects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// All seats of a room to one server.
    ByRoom,
    /// The seats of each room to all servers in turn.
    BySeat,
}

/// What the players have counted so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) answers: f64,
    /// Texts that players have received.
    pub(crate) frames: f64,
    pub(crate) events: f64,
    pub(crate) presence: f64,
    /// Answers that had to be sent again, because the store did not answer in time.
    pub(crate) repeated: f64,
    /// Bytes that players have sent and received.
    pub(crate) traffic: [f64; 2],
}

impl Counts {
    /// What came after an earlier count.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let less = |place: usize| self.traffic[place] - earlier.traffic[place];
        Self {
            answers: self.answers - earlier.answers,
            frames: self.frames - earlier.frames,
            events: self.events - earlier.events,
            presence: self.presence - earlier.presence,
            repeated: self.repeated - earlier.repeated,
            traffic: [less(0), less(1)],
        }
    }
}

/// The connected players of live rooms.
pub(crate) struct Live {
    counts: Cell<Counts>,
    latencies: RefCell<Vec<Duration>>,
    tasks: RefCell<Vec<AbortHandle>>,
}

impl Live {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { counts: Cell::default(), latencies: RefCell::default(), tasks: RefCell::default() })
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts { traffic: traffic::so_far(), ..self.counts.get() }
    }

    /// The times from an answer to its reply since the last call.
    pub(crate) fn latencies(&self) -> Vec<Duration> {
        self.latencies.take()
    }

    /// Connects all players of these rooms.
    pub(crate) async fn connect(self: &Rc<Self>, addresses: &[SocketAddr], quizzes: &[Quiz], spread: Spread) {
        let seats: Rc<[_]> = quizzes
            .iter()
            .enumerate()
            .flat_map(|(place, quiz)| {
                quiz.room.tokens.iter().enumerate().map(move |(seat, token)| (place, seat, token))
            })
            .map(|(place, seat, token)| {
                let nth = if spread == Spread::BySeat { seat } else { place };
                (addresses[nth % addresses.len()], quizzes[place].room.id.clone(), token.clone())
            })
            .collect();
        let sockets = Rc::new(RefCell::new(Vec::new()));
        let into = sockets.clone();
        all_of(seats.len(), AT_ONCE, move |n| {
            let (seats, into) = (seats.clone(), into.clone());
            async move {
                let (address, room, token) = &seats[n];
                let (socket, _) = Socket::open(*address, room, token).await;
                into.borrow_mut().push(socket);
            }
        })
        .await;
        let play = |(n, socket)| spawn_local(Player::new(self.clone(), n).play(socket)).abort_handle();
        self.tasks.borrow_mut().extend(sockets.take().into_iter().enumerate().map(play));
    }

    /// Starts these rooms, evenly over one cycle, so that all rooms together are always at every point of it.
    pub(crate) async fn start(&self, quizzes: &[Quiz]) {
        let pause = CYCLE / u32::try_from(quizzes.len()).expect("few rooms");
        let begun = Instant::now();
        for (n, quiz) in quizzes.iter().enumerate() {
            sleep_until(begun + pause * u32::try_from(n).expect("few rooms")).await;
            quiz.start().await;
        }
    }

    /// Cuts the connections of all players.
    pub(crate) fn leave(&self) {
        self.tasks.take().iter().for_each(AbortHandle::abort);
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        add(&mut counts);
        self.counts.set(counts);
    }
}

/// A player of a live room.
struct Player {
    live: Rc<Live>,
    random: fastrand::Rng,
    /// The answer to give, and when.
    answer: Option<(Instant, String)>,
    /// When the last answer was sent, until its reply comes.
    sent: Option<Instant>,
    heartbeat: Instant,
    /// The last event, if it is not acknowledged yet, and when that may be sent.
    ack: Option<(Instant, u64)>,
    acknowledged: Instant,
}

impl Player {
    fn new(live: Rc<Live>, n: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(n as u64);
        let now = Instant::now();
        let heartbeat = now + HEARTBEAT.mul_f64(random.f64());
        Self { live, random, answer: None, sent: None, heartbeat, ack: None, acknowledged: now }
    }

    async fn play(mut self, mut socket: Socket) {
        let sender = socket.sender.clone();
        loop {
            let acked = self.ack.map_or(self.heartbeat, |(at, _)| at);
            let answered = self.answer.as_ref().map_or(self.heartbeat, |(at, _)| *at);
            let next = self.heartbeat.min(acked).min(answered);
            tokio::select! {
                () = socket.skim(|text| self.hear(text)) => {}
                () = sleep_until(next) => {}
            }
            let now = Instant::now();
            // Every question of the bank has at least two options.
            if let Some((_, question)) = self.answer.take_if(|(at, _)| *at <= now) {
                let option = self.random.u8(1..=2);
                sender.send(&format!(
                    r#"{{"type":"answer","id":"{question}","questionId":"{question}","optionId":{option}}}"#
                ));
                self.sent = Some(now);
            }
            if let Some((_, sequence)) = self.ack.take_if(|(at, _)| *at <= now) {
                sender.send(&format!(r#"{{"type":"ack","sequence":{sequence}}}"#));
                self.acknowledged = now;
            }
            if self.heartbeat <= now {
                sender.send(r#"{"type":"heartbeat"}"#);
                self.heartbeat = now + HEARTBEAT;
            }
        }
    }

    fn hear(&mut self, text: &[u8]) {
        let now = Instant::now();
        self.live.count(|counts| counts.frames += 1.0);
        if let Some(sequence) = sequence(text) {
            self.live.count(|counts| counts.events += 1.0);
            self.ack = Some((self.ack.map_or(now.max(self.acknowledged + ACK), |(at, _)| at), sequence));
            if let Some(question) = asked(text) {
                let delay = FIRST_ANSWER + (LAST_ANSWER - FIRST_ANSWER).mul_f64(self.random.f64());
                self.answer = Some((now + delay, question));
            }
        } else if text.starts_with(br#"{"type":"presence""#) {
            self.live.count(|counts| counts.presence += 1.0);
        } else if text.starts_with(br#"{"type":"reply""#) {
            self.live.count(|counts| counts.answers += 1.0);
            let waited = self.sent.take().map(|sent| now - sent);
            self.live.latencies.borrow_mut().extend(waited);
        } else if text.starts_with(br#"{"type":"error""#) {
            let is_for_now = TRY_AGAIN.iter().any(|code| find(text, code.as_bytes()).is_some());
            let question = value_of(text, br#""re":""#).filter(|_| is_for_now);
            let question = question.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(text)));
            self.live.count(|counts| counts.repeated += 1.0);
            self.answer = Some((now + AGAIN, question));
        }
    }
}

/// The question that an event asks.
fn asked(text: &[u8]) -> Option<String> {
    find(text, br#""event":"question""#)?;
    value_of(text, br#""questionId":""#)
}

/// Where `what` ends in a text.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what).map(|at| at + what.len())
}

/// The text from the end of `name` to the next quotation mark.
fn value_of(text: &[u8], name: &[u8]) -> Option<String> {
    let value = &text[find(text, name)?..];
    let end = value.iter().position(|byte| *byte == b'"')?;
    Some(String::from_utf8_lossy(&value[..end]).into_owned())
}
