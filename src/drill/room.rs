//! One room of the drill: a host, its players, and their shared state.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use parking_lot::Mutex;
use serde_json::json;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::host;
use super::moment::CurrentQuestion;
use super::options::DrillOptions;
use super::player::{Player, Tally};
use super::questions::questions;
use super::server::KEY;
use crate::client::{Api, Connection, SeatCredentials, TakenSeat, connect};

/// How long a question is shown before it opens, and how long its reveal is shown.
pub(super) const READY: Duration = Duration::from_millis(300);
pub(super) const REVEAL: Duration = Duration::from_millis(400);
/// How many players of a room join at the same time.
const AT_ONCE: usize = 16;

/// A room with its bots. Dropping it ends their tasks.
pub(super) struct DrillRoom {
    pub(super) host: Connection,
    pub(super) host_ticket: SeatCredentials,
    /// Unexpected results that the host met.
    pub(super) troubles: Arc<Mutex<Vec<String>>>,
    pub(super) players: Vec<SeatedBot>,
    pub(super) moment: Arc<CurrentQuestion>,
    tasks: Vec<Playing>,
}

/// A player bot in its seat.
pub(super) struct SeatedBot {
    pub(super) ticket: SeatCredentials,
    pub(super) seat: u64,
    pub(super) connection: Connection,
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// The task of a bot. It is aborted when this value is dropped.
struct Playing(AbortHandle);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl DrillRoom {
    /// Opens the rooms, waits until all bots are connected, and starts the games.
    pub(super) async fn open_all(
        options: &DrillOptions,
        api: &Api,
        rng: &mut fastrand::Rng,
    ) -> anyhow::Result<Vec<Self>> {
        let mut rooms = Vec::new();
        for number in 0..options.rooms() {
            let count = options.seats.min(options.bots - number * options.seats);
            rooms.push(Self::open(options, api, rng, number, count).await?);
        }
        for room in &rooms {
            let everybody = room.players.iter().map(|player| &player.connection).chain([&room.host]);
            for connection in everybody {
                welcomed(connection).await?;
            }
        }
        for room in &rooms {
            let moved = room.host.host_move("start", json!({ "at": 0 })).await.context("start")?;
            anyhow::ensure!(moved.moved, "a new room does not start: {}", moved.snapshot);
        }
        Ok(rooms)
    }

    async fn open(
        options: &DrillOptions,
        api: &Api,
        rng: &mut fastrand::Rng,
        number: usize,
        count: usize,
    ) -> anyhow::Result<Self> {
        // Test both ways to advance: by the host, and automatic.
        let advance = if number.is_multiple_of(2) { "host" } else { "auto" };
        let settings = json!({
            "questions": questions(options.questions),
            "timeLimitMs": millis(options.time_limit),
            "readyMs": millis(READY),
            "revealMs": millis(REVEAL),
            "advance": advance,
            "maxSeats": count + 1,
        });
        let opened = api.open(&settings, Some(KEY)).await.context("a room could not be opened")?;
        let host_ticket = opened.ticket().context("a room has no host")?;
        let seats = join_all(api, &opened.join_code, number, count).await?;
        let moment = Arc::new(CurrentQuestion::default());
        let troubles = Arc::<Mutex<Vec<String>>>::default();
        let (host, happenings) = connect(host_ticket.clone(), bot_options(api, rng));
        let hosting = host::run(host.clone(), happenings, advance == "host", troubles.clone());
        let mut tasks = vec![Playing(tokio::spawn(hosting).abort_handle())];
        let mut players = Vec::new();
        for TakenSeat { ticket, seat_id: seat, .. } in seats {
            let (connection, happenings) = connect(ticket.clone(), bot_options(api, rng));
            let tally = Arc::<Mutex<Tally>>::default();
            let rng = fastrand::Rng::with_seed(rng.u64(..));
            let player = Player { connection: connection.clone(), moment: moment.clone(), tally: tally.clone(), rng };
            tasks.push(Playing(tokio::spawn(player.play(happenings)).abort_handle()));
            players.push(SeatedBot { ticket, seat, connection, tally });
        }
        Ok(Self { host, host_ticket, troubles, players, moment, tasks })
    }

    /// Waits until all bots have seen the end of the game, or have stopped.
    pub(super) async fn play_all(rooms: &[Self]) {
        while !rooms.iter().flat_map(|room| &room.tasks).all(|task| task.0.is_finished()) {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn bot_options(api: &Api, rng: &mut fastrand::Rng) -> crate::client::ConnectOptions {
    crate::client::ConnectOptions {
        rng: fastrand::Rng::with_seed(rng.u64(..)),
        ..crate::client::ConnectOptions::new(api.bases())
    }
}

async fn join_all(api: &Api, code: &str, room: usize, count: usize) -> anyhow::Result<Vec<TakenSeat>> {
    let (mut seats, mut joining, mut next) = (Vec::new(), JoinSet::new(), 0);
    while seats.len() < count {
        while next < count && joining.len() < AT_ONCE {
            next += 1;
            let (api, code, name) = (api.clone(), code.to_owned(), format!("Bot {}-{next}", room + 1));
            joining.spawn(async move { api.join(&code, &name).await });
        }
        let joined = joining.join_next().await.context("nobody joins")?;
        seats.push(joined.context("a join broke off")?.context("a bot could not join")?);
    }
    Ok(seats)
}

async fn welcomed(connection: &Connection) -> anyhow::Result<()> {
    while connection.figures().welcomes == 0 {
        if let Some(why) = connection.stopped() {
            anyhow::bail!("a bot was not let in: {why}");
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
