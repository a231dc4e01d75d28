//! One room: a host, its players, and what they have in common.

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
use crate::client::{Api, Connection, Dice, SeatCredentials, TakenSeat, connect};

/// A question is shown so long before it opens, and its reveal stands so long.
pub(super) const READY: Duration = Duration::from_millis(300);
pub(super) const REVEAL: Duration = Duration::from_millis(400);
/// So many players join at once.
const AT_ONCE: usize = 16;

/// A room full of bots.
pub(super) struct DrillRoom {
    pub(super) host: Connection,
    pub(super) host_ticket: SeatCredentials,
    /// What the host met that it should not have.
    pub(super) troubles: Arc<Mutex<Vec<String>>>,
    pub(super) players: Vec<SeatedBot>,
    pub(super) moment: Arc<CurrentQuestion>,
    tasks: Vec<Playing>,
}

/// A bot in its seat.
pub(super) struct SeatedBot {
    pub(super) ticket: SeatCredentials,
    pub(super) seat: u64,
    pub(super) connection: Connection,
    pub(super) tally: Arc<Mutex<Tally>>,
}

/// A bot's task, which ends with its room.
struct Playing(AbortHandle);

impl Drop for Playing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl DrillRoom {
    /// Opens the rooms, seats everybody, and lets the games begin.
    pub(super) async fn open_all(options: &DrillOptions, api: &Api, dice: &mut Dice) -> anyhow::Result<Vec<Self>> {
        let mut rooms = Vec::new();
        for number in 0..options.rooms() {
            let count = options.seats.min(options.bots - number * options.seats);
            rooms.push(Self::open(options, api, dice, number, count).await?);
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
        dice: &mut Dice,
        number: usize,
        count: usize,
    ) -> anyhow::Result<Self> {
        // Both ways of going on are drilled.
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
        let (host, happenings) = connect(host_ticket.clone(), bot_options(api, dice));
        let hosting = host::run(host.clone(), happenings, advance == "host", troubles.clone());
        let mut tasks = vec![Playing(tokio::spawn(hosting).abort_handle())];
        let mut players = Vec::new();
        for TakenSeat { ticket, seat_id: seat, .. } in seats {
            let (connection, happenings) = connect(ticket.clone(), bot_options(api, dice));
            let tally = Arc::<Mutex<Tally>>::default();
            let dice = Dice::new(dice.roll());
            let player = Player { connection: connection.clone(), moment: moment.clone(), tally: tally.clone(), dice };
            tasks.push(Playing(tokio::spawn(player.play(happenings)).abort_handle()));
            players.push(SeatedBot { ticket, seat, connection, tally });
        }
        Ok(Self { host, host_ticket, troubles, players, moment, tasks })
    }

    /// Waits until everybody has seen the end, or can't any more.
    pub(super) async fn play_all(rooms: &[Self]) {
        while !rooms.iter().flat_map(|room| &room.tasks).all(|task| task.0.is_finished()) {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn bot_options(api: &Api, dice: &mut Dice) -> crate::client::ConnectOptions {
    crate::client::ConnectOptions { dice: Dice::new(dice.roll()), ..crate::client::ConnectOptions::new(api.bases()) }
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
