//! The state machine over two ends without a socket, in time that passes only while all tasks wait.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, LocalSet};

use super::*;
use crate::domain::room::RoomSettings;
use crate::game::rooms::{NewRoom, OpenedRoom, RoomQuiz, Seated};
use crate::game::solo::QuizChoice;
use crate::http::shared::tests::shared;
use crate::quizzes::Selection;

/// Keeps what was sent: texts as their JSON, pings as `{"type": "ping"}`.
#[derive(Clone, Default)]
struct Sink {
    frames: Arc<Mutex<Vec<Value>>>,
    /// The client reads nothing.
    is_full: Arc<AtomicBool>,
}

impl Sink {
    fn push(&self, frame: Frame) {
        let bytes = frame.into_bytes();
        // A server's frame is not masked: opcode, length in 1, 3 or 9 bytes, payload.
        let from = match bytes[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        let is_ping = bytes[0] & 0x0F == 9;
        let frame =
            if is_ping { json!({ "type": "ping" }) } else { serde_json::from_slice(&bytes[from..]).expect("JSON") };
        self.frames.lock().push(frame);
    }
}

impl FrameSink for Sink {
    fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool, Unsent> {
        if self.is_full.load(Ordering::Relaxed) {
            return Ok(false);
        }
        frame.take().into_iter().for_each(|frame| self.push(frame));
        Ok(true)
    }

    async fn send(&self, frame: Option<Frame>) -> Result<(), Unsent> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Unsent::Slow);
        }
        frame.into_iter().for_each(|frame| self.push(frame));
        Ok(())
    }
}

struct Source {
    messages: UnboundedReceiver<Message>,
    heard: Arc<Mutex<Instant>>,
}

impl MessageSource for Source {
    async fn next(&mut self) -> Result<Message, ReceiveEnd> {
        let message = self.messages.recv().await.ok_or(ReceiveEnd::Closed(None))?;
        *self.heard.lock() = Instant::now();
        Ok(message)
    }

    fn heard(&self) -> Instant {
        *self.heard.lock()
    }
}

/// A client of one connection.
struct Client {
    sink: Sink,
    messages: UnboundedSender<Message>,
    heard: Arc<Mutex<Instant>>,
    ended: JoinHandle<Option<CloseReason>>,
}

impl Client {
    /// A client that has sent nothing yet.
    fn silent(shared: &web::Data<Shared>, room: &SessionId) -> Self {
        let (messages, received) = unbounded_channel();
        let (sink, heard) = (Sink::default(), Arc::new(Mutex::new(Instant::now())));
        let mut source = Source { messages: received, heard: heard.clone() };
        let (shared, id, to) = (shared.clone(), room.clone(), sink.clone());
        let ended = tokio::task::spawn_local(async move {
            let served = async {
                let resume = first(&mut source).await?;
                RoomConnection::make(shared, id, None, resume, to).await?.pump(&mut source).await
            };
            match served.await {
                Err(Ending::Close(reason)) => Some(reason),
                Ok(()) | Err(Ending::Over) => None,
            }
        });
        Self { sink, messages, heard, ended }
    }

    /// A client that has resumed, and has its welcome.
    async fn resumed(table: &Table, seated: &str, position: Option<(&Value, u64)>) -> Self {
        let client = Self::silent(&table.shared, &table.room.room);
        let mut resume = json!({ "type": "resume", "token": seated });
        if let Some((epoch, last)) = position {
            resume["epoch"] = epoch.clone();
            resume["lastSequence"] = last.into();
        }
        client.say(resume);
        client.wait_for("welcome", 1).await;
        client
    }

    fn say(&self, frame: Value) {
        self.messages.send(Message::Text(frame.to_string())).expect("it is served");
    }

    /// The frames of a type.
    fn frames(&self, kind: &str) -> Vec<Value> {
        self.sink.frames.lock().iter().filter(|frame| frame["type"] == kind).cloned().collect()
    }

    /// Waits until there are so many frames of a type.
    async fn wait_for(&self, kind: &str, count: usize) -> Vec<Value> {
        for _ in 0..10_000 {
            let frames = self.frames(kind);
            if frames.len() >= count {
                return frames;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("there is no {kind}: {:?}", self.sink.frames.lock());
    }

    /// The numbers of its events, in the order in which they came.
    fn sequences(&self) -> Vec<u64> {
        self.frames("event").iter().map(|event| event["sequence"].as_u64().expect("a number")).collect()
    }
}

/// A room with its host, over a store in memory.
struct Table {
    shared: web::Data<Shared>,
    room: OpenedRoom,
}

impl Table {
    async fn open() -> Self {
        let shared = shared();
        let quiz = RoomQuiz::Quiz(QuizChoice::Bank(None, Selection::default()), "Host".parse().expect("a name"));
        let settings = RoomSettings { ready: crate::domain::Millis(0), ..RoomSettings::default() };
        let room = shared.rooms.open(NewRoom { settings, quiz, owner: None }, None).await.expect("it opens");
        Self { shared, room }
    }

    async fn join(&self, name: &str) -> Seated {
        self.shared.rooms.join(&self.room.code, name.parse().expect("a name"), None).await.expect("it joins")
    }

    async fn host(&self) -> Client {
        Client::resumed(self, &self.room.token.as_ref().expect("a host's").reveal(), None).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_comes_before_what_is_new() {
    LocalSet::new()
        .run_until(async {
            let table = Table::open().await;
            let ada = table.join("Ada").await.token.reveal();
            let first = Client::resumed(&table, &ada, None).await;
            let welcome = first.frames("welcome")[0].clone();
            let last = welcome["head"].as_u64().expect("a number");
            first.ended.abort();
            table.join("Bob").await;
            table.join("Cleo").await;
            let again = Client::resumed(&table, &ada, Some((&welcome["epoch"], last))).await;
            table.join("Dora").await;
            again.wait_for("event", 3).await;
            assert_eq!(again.sequences(), (last + 1..=last + 3).collect::<Vec<_>>());
            assert_eq!(again.frames("welcome")[0]["recovered"], true);
            assert_eq!(again.sink.frames.lock()[0]["type"], "welcome", "nothing comes before it");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_comes_before_the_events_of_its_command_and_a_repeat_gets_the_same() {
    LocalSet::new()
        .run_until(async {
            let table = Table::open().await;
            let host = table.host().await;
            for _ in 0..2 {
                host.say(json!({ "type": "start", "at": 0, "id": "a" }));
            }
            let replies = host.wait_for("reply", 2).await;
            assert!(replies.iter().all(|reply| reply["re"] == "a" && reply["moved"] == true), "{replies:?}");
            host.wait_for("event", 1).await;
            let kinds: Vec<_> = host.sink.frames.lock().iter().map(|frame| frame["type"].clone()).collect();
            let place = |kind: &str| kinds.iter().position(|one| one == kind).expect("it came");
            assert!(place("reply") < place("event"), "{kinds:?}");
            let snapshot = &replies[1]["snapshot"];
            assert_eq!((&snapshot["phase"], &snapshot["phaseNumber"]), (&json!("question"), &json!(1)));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn presence_is_sent_when_it_changes_and_not_again() {
    LocalSet::new()
        .run_until(async {
            let table = Table::open().await;
            let host = table.host().await;
            let first = host.wait_for("presence", 1).await;
            assert_eq!(first[0]["present"], json!([1]));
            let ada = table.join("Ada").await.token.reveal();
            let _ada = Client::resumed(&table, &ada, None).await;
            let present = host.wait_for("presence", 2).await;
            assert_eq!(present[1]["present"], json!([1, 2]));
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert_eq!(host.frames("presence").len(), 2);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_pinged_and_then_given_up() {
    LocalSet::new()
        .run_until(async {
            let table = Table::open().await;
            let away = Duration::from(RoomSettings::default().away);
            let host = table.host().await;
            let begun = Instant::now();
            // Pongs are a sign of life.
            while begun.elapsed() < 3 * away {
                tokio::time::sleep(away / 6).await;
                *host.heard.lock() = Instant::now();
            }
            assert!(!host.ended.is_finished());
            let silent = Instant::now();
            assert_eq!(host.ended.await.expect("it does not panic"), None, "there is nobody to be told");
            let lasted = silent.elapsed();
            assert!(lasted > 2 * away && lasted < 2 * away + away / 3, "{lasted:?}");
            let pings = host.sink.frames.lock().iter().filter(|frame| frame["type"] == "ping").count();
            assert!(pings >= 5, "one in a third of the grace: {pings}");
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_kicked_seat_a_slow_client_and_a_stranger_are_told_why() {
    LocalSet::new()
        .run_until(async {
            let table = Table::open().await;
            let host = table.host().await;
            let ada = table.join("Ada").await.token.reveal();
            let ada = Client::resumed(&table, &ada, None).await;
            host.say(json!({ "type": "kick", "at": 0, "seatId": 2 }));
            assert_eq!(ada.ended.await.expect("it does not panic"), Some(CloseReason::Removed));
            host.sink.is_full.store(true, Ordering::Relaxed);
            table.join("Bob").await;
            assert_eq!(host.ended.await.expect("it does not panic"), Some(CloseReason::TooSlow));
            let stranger = Client::silent(&table.shared, &table.room.room);
            stranger.say(json!({ "type": "resume", "token": "0".repeat(64) }));
            assert_eq!(stranger.ended.await.expect("it does not panic"), Some(CloseReason::BadToken));
            let mute = Client::silent(&table.shared, &table.room.room);
            let late = CloseReason::NotTheProtocol("no resume within 5 seconds");
            assert_eq!(mute.ended.await.expect("it does not panic"), Some(late));
            let rude = Client::silent(&table.shared, &table.room.room);
            rude.say(json!({ "type": "heartbeat" }));
            assert!(matches!(rude.ended.await.expect("it does not panic"), Some(CloseReason::NotTheProtocol(_))));
        })
        .await;
}
