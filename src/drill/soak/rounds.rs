//! Rounds of rooms, one after the other, with players who lose their connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::super::options::DrillOptions;
use super::super::report::DrillReport;
use super::super::results::{Compared, compare};
use super::super::room::DrillRoom;
use super::Soak;
use super::game_record::Finding;

/// How many rounds run beside each other, each with its share of the players.
pub(super) const AT_ONCE: usize = 2;
/// The mean time between two lost connections in a round.
const CUT_EVERY: Duration = Duration::from_secs(3);
/// How often results are read again if the server was killed meanwhile.
const READS: usize = 5;

/// Plays rounds until the soak ends. `number` tells which of the parallel rounds this is.
pub(super) async fn play(soak: Arc<Soak>, number: usize, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let usual = &soak.options.round;
    let bots = (usual.bots / AT_ONCE + usize::from(number < usual.bots % AT_ONCE)).max(1);
    let options = DrillOptions { bots, kills: 0, ..usual.clone() };
    while !soak.ending.is_cancelled() {
        let begun = Instant::now();
        match timeout(options.at_most, round(&soak, &options, &mut rng)).await {
            Ok(Ok(report)) => add(&soak, report),
            // A lost reply to the opening of a room can't be found again: the room expires, and another one is
            // opened.
            Ok(Err(_)) if soak.stats.was_away(begun) => {}
            Ok(Err(error)) => {
                soak.stats.found([Finding::Wrong(format!("a round of rooms could not begin: {error:#}"))]);
                sleep(Duration::from_secs(1)).await;
            }
            Err(_) => {
                let limit = options.at_most.as_secs();
                soak.stats.found([Finding::Wrong(format!("a round of rooms was not over within {limit} s"))]);
            }
        }
    }
}

/// Plays one round: opens the rooms, plays them to their end, and compares the results.
async fn round(soak: &Soak, options: &DrillOptions, rng: &mut fastrand::Rng) -> anyhow::Result<DrillReport> {
    let begun = Instant::now();
    let rooms = DrillRoom::open_all(options, &soak.api, rng).await?;
    tokio::select! {
        () = DrillRoom::play_all(&rooms) => {}
        () = cut(soak, &rooms, rng) => {}
    }
    let compared = compare_all(soak, &rooms).await;
    for player in rooms.iter().flat_map(|room| &room.players) {
        let tally = player.tally.lock();
        tally.replied.iter().for_each(|(sent, took)| soak.stats.replied(*sent, *took));
        if !tally.is_finished {
            let what = format!("a player of a room could not go on, with {} acknowledged answers", tally.accepted);
            soak.stats.found([Finding::Lost(tally.accepted, what)]);
        }
    }
    Ok(DrillReport::new(options, &rooms, Vec::new(), compared, None, begun.elapsed()))
}

/// Cuts connections of random players. Never returns.
async fn cut(soak: &Soak, rooms: &[DrillRoom], rng: &mut fastrand::Rng) {
    let players: Vec<_> = rooms.iter().flat_map(|room| &room.players).collect();
    loop {
        sleep(CUT_EVERY.mul_f64(0.5 + rng.f64())).await;
        players[rng.usize(..players.len())].connection.cut();
        soak.stats.count(|counts| counts.cuts += 1);
    }
}

/// Compares the results, again if the server was killed while they were read.
async fn compare_all(soak: &Soak, rooms: &[DrillRoom]) -> Vec<Compared> {
    let mut compared = Vec::new();
    for _ in 0..READS {
        let begun = Instant::now();
        compared = compare(rooms, &soak.api).await;
        if compared.iter().all(|compared| *compared == Compared::Agrees) || !soak.stats.was_away(begun) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    compared
}

/// Adds the result of a round to the stats.
fn add(soak: &Soak, report: DrillReport) {
    let DrillReport { answers, faults, wrong, rooms, .. } = report;
    soak.stats.count(|counts| {
        counts.rooms += rooms as u64;
        counts.answers += answers.accepted;
        counts.lost += faults.lost_answers + faults.points_lost;
        counts.doubled += faults.counted_twice;
    });
    // The counts are added above; here are the words.
    soak.stats.found(wrong.into_iter().map(|what| Finding::Wrong(format!("a room: {what}"))));
}
