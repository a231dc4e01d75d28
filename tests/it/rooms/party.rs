//! Rooms full of players who record everything that they receive.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rejoin::client::{
    Api, AskError, ClientEvent, ConnectOptions, Connection, Endpoints, EventFrame, SeatCredentials, TakenSeat,
    Violations, connect,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Happenings, open, results};
use crate::support::until;

/// The size of a party.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rooms: usize,
    /// The number of players in a room, without its host.
    pub(crate) players: usize,
    pub(crate) questions: u64,
    /// The index of the question from which on every other player answers only after [`Party::go`] or
    /// [`Party::go_until`].
    pub(crate) held: u64,
}

/// What a player was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The first sequence number expected after the first welcome. `sequences` has all that arrived, in their
    /// order.
    pub(crate) first: Option<u64>,
    pub(crate) sequences: Vec<u64>,
    /// The sequence numbers and names of all events.
    pub(crate) events: Vec<(u64, String)>,
    /// For each welcome, true if it continued where the connection before it had ended.
    pub(crate) recovered: Vec<bool>,
    /// The acknowledged answers: question id to option id.
    pub(crate) accepted: BTreeMap<String, Option<u64>>,
    pub(crate) refused: Vec<String>,
    pub(crate) is_finished: bool,
}

pub(crate) struct Guest {
    pub(crate) ticket: SeatCredentials,
    pub(crate) seat: u64,
    pub(crate) connection: Connection,
    pub(crate) told: Arc<Mutex<Told>>,
}

pub(crate) struct Room {
    pub(crate) host: Connection,
    pub(crate) host_ticket: SeatCredentials,
    pub(crate) guests: Vec<Guest>,
}

pub(crate) struct Party {
    pub(crate) rooms: Vec<Room>,
    size: Size,
    /// The index of the question at which every other player waits.
    held: watch::Sender<u64>,
}

impl Party {
    /// Opens the rooms, gives everybody a seat and starts the games. The `n`-th player connects to
    /// `bases(n)`.
    pub(crate) async fn begin(api: &Api, size: Size, bases: impl Fn(usize) -> Endpoints) -> Self {
        let held = watch::Sender::new(size.held);
        let mut rooms = Vec::new();
        for number in 0..size.rooms {
            rooms.push(Self::room(api, size, number, &bases, &held).await);
        }
        let party = Self { rooms, size, held };
        until(|| party.everybody().all(|connection| connection.figures().welcomes > 0)).await;
        for room in &party.rooms {
            let started = room.host.host_move("start", json!({ "at": 0 })).await.unwrap();
            assert!(started.moved || started.repeated);
        }
        party
    }

    async fn room(
        api: &Api,
        size: Size,
        number: usize,
        bases: &impl Fn(usize) -> Endpoints,
        held: &watch::Sender<u64>,
    ) -> Room {
        let opened = open(api, size.questions, json!({ "maxSeats": size.players + 1 })).await;
        let mut joining = JoinSet::new();
        for player in 0..size.players {
            let (api, code) = (api.clone(), opened.join_code.clone());
            joining.spawn(async move { api.join(&code, &format!("Player {player}")).await.unwrap() });
        }
        let seats = joining.join_all().await;
        let host_ticket = opened.ticket().unwrap();
        let (host, happenings) = connect(host_ticket.clone(), ConnectOptions::new(bases(number)));
        tokio::spawn(move_on(host.clone(), happenings));
        let mut guests = Vec::new();
        for (n, TakenSeat { ticket, seat_id: seat, .. }) in seats.into_iter().enumerate() {
            let (connection, happenings) = connect(ticket.clone(), ConnectOptions::new(bases(n)));
            let told = Arc::<Mutex<Told>>::default();
            let player = Player { connection: connection.clone(), told: told.clone(), n: n as u64 };
            tokio::spawn(player.play(happenings, held.subscribe()));
            guests.push(Guest { ticket, seat, connection, told });
        }
        Room { host, host_ticket, guests }
    }

    pub(crate) fn guests(&self) -> impl Iterator<Item = &Guest> {
        self.rooms.iter().flat_map(|room| &room.guests)
    }

    /// All connections, including those of the hosts.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Connection> {
        self.guests().map(|guest| &guest.connection).chain(self.rooms.iter().map(|room| &room.host))
    }

    /// Waits until each room is in the middle of the held question: the players who do not wait have
    /// answered.
    pub(crate) async fn in_the_middle(&self) {
        let question = format!("q{}", *self.held.borrow());
        let has_answered = |guest: &&Guest| guest.told.lock().accepted.contains_key(&question);
        let early = self.size.players.div_ceil(2);
        until(|| self.rooms.iter().all(|room| room.guests.iter().filter(has_answered).count() == early)).await;
    }

    /// Lets the waiting players answer.
    pub(crate) fn go(&self) {
        self.go_until(u64::MAX);
    }

    /// Lets the waiting players answer. They wait again at the question with this index.
    pub(crate) fn go_until(&self, held: u64) {
        self.held.send_replace(held);
    }

    /// Waits until every player has seen the end and has a reply to every answer. The reply to the last
    /// answer may be lost, and then the reply to its repeat comes after the end.
    pub(crate) async fn over(&self) {
        for guest in self.guests() {
            until(|| guest.told.lock().is_over(self.size.questions)).await;
        }
    }

    /// Checks every promise against what each player was told and against the results.
    pub(crate) async fn check(&self, api: &Api) {
        let mut faults = Violations::default();
        self.everybody().for_each(|connection| faults.add(&connection.faults()));
        assert!(faults.is_clean(), "{faults:?}");
        for room in &self.rooms {
            let whole = results(api, &room.host_ticket).await;
            for guest in &room.guests {
                guest.told.lock().check(self.size.questions);
                let own = results(api, &guest.ticket).await;
                for results in [&whole, &own] {
                    guest.check_results(results);
                }
                assert_eq!(own["seats"].as_array().map(Vec::len), Some(1), "a seat sees its own results");
            }
            let all: Vec<_> = room.guests.iter().map(|guest| guest.told.lock().after_the_joins()).collect();
            assert!(all.windows(2).all(|two| two[0] == two[1]), "all are told the same");
        }
    }
}

impl Guest {
    /// Asserts that the results have the score and the answers that this player knows.
    fn check_results(&self, results: &Value) {
        let (total, told) = (self.connection.total(), self.told.lock());
        assert_eq!(self.connection.final_total(), Some(total));
        let mut seats = results["seats"].as_array().unwrap().iter();
        let mine = seats.find(|seat| seat["seatId"] == self.seat).expect("the results know the seat");
        assert_eq!(mine["total"].as_i64(), Some(total), "{mine}");
        let answers = mine["answers"].as_array().unwrap();
        let known: BTreeMap<_, _> = answers
            .iter()
            .map(|answer| (answer["questionId"].as_str().unwrap().to_owned(), answer["optionId"].as_u64()))
            .collect();
        assert_eq!((answers.len(), &known), (told.accepted.len(), &told.accepted), "{mine}");
        let sum: i64 = answers.iter().filter_map(|answer| answer["points"].as_i64()).sum();
        assert_eq!(sum, total, "{mine}");
    }
}

impl Told {
    fn is_over(&self, answers: u64) -> bool {
        self.is_finished && (self.accepted.len() + self.refused.len()) as u64 >= answers
    }

    /// Asserts that no sequence number is missing or doubled, and that this many answers were acknowledged.
    fn check(&self, answers: u64) {
        assert!(self.refused.is_empty(), "{:?}", self.refused);
        assert_eq!(self.accepted.len() as u64, answers, "each answer was acknowledged");
        let first = self.first.expect("it was welcomed");
        let wanted: Vec<_> = (first..).take(self.sequences.len()).collect();
        assert_eq!(self.sequences, wanted);
    }

    /// The events that all players of a room receive, whenever they joined.
    fn after_the_joins(&self) -> Vec<(u64, String)> {
        self.events.iter().filter(|(_, name)| name != "joined").cloned().collect()
    }
}

/// Plays the host, who moves on from each reveal.
async fn move_on(host: Connection, mut happenings: Happenings) {
    while let Some(happening) = happenings.recv().await {
        if let ClientEvent::Event(event) = happening
            && event.event == "reveal"
        {
            let at = &event.payload["phaseNumber"];
            host.host_move("next", json!({ "at": at })).await.expect("the host may");
        }
    }
}

struct Player {
    connection: Connection,
    told: Arc<Mutex<Told>>,
    n: u64,
}

impl Player {
    async fn play(self, mut happenings: Happenings, held: watch::Receiver<u64>) {
        while let Some(happening) = happenings.recv().await {
            match happening {
                ClientEvent::Welcome(welcome) => {
                    let mut told = self.told.lock();
                    let head = welcome.snapshot["head"].as_u64().expect("a head");
                    told.first.get_or_insert(head + 1);
                    told.recovered.push(welcome.recovered);
                }
                ClientEvent::Skip { sequence } => self.told.lock().sequences.push(sequence),
                ClientEvent::Event(event) => self.see(&event, &held),
                _ => {}
            }
        }
    }

    fn see(&self, event: &EventFrame, held: &watch::Receiver<u64>) {
        let mut told = self.told.lock();
        told.sequences.push(event.sequence);
        told.events.push((event.sequence, event.event.clone()));
        told.is_finished |= event.event == "finished";
        if event.event == "question" {
            let index = event.payload["index"].as_u64().expect("an index");
            let question = event.question_id().expect("an id").to_owned();
            let option = Some((self.n + index) % 4 + 1);
            let may_wait = self.n % 2 == 1;
            let (connection, told, mut held) = (self.connection.clone(), self.told.clone(), held.clone());
            tokio::spawn(async move {
                if may_wait {
                    held.wait_for(|held| index < *held).await.expect("the party goes on");
                }
                match connection.answer(&question, option).await {
                    Ok(reply) => {
                        assert_eq!((reply.accepted, reply.answer.option_id), (true, option));
                        told.lock().accepted.insert(question, option);
                    }
                    Err(AskError::Stopped(_)) => {}
                    Err(error) => told.lock().refused.push(error.to_string()),
                }
            });
        }
    }
}
