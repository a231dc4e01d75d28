//! Kills the server in the middle of a question, when some players have answered and some have not. Then
//! measures how long it takes until everyone has reconnected.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::options::DrillOptions;
use super::report::Kill;
use super::room::DrillRoom;
use super::server::Server;
use crate::client::Connection;

/// How long to wait for the reconnects after a kill.
const PATIENCE: Duration = Duration::from_secs(30);

/// Kills the server as often as `options` say. Adds one entry to `kills` for each.
///
/// # Errors
/// The server does not start again.
pub(super) async fn kill(
    server: &mut Server,
    rooms: &[DrillRoom],
    options: &DrillOptions,
    kills: &mut Vec<Kill>,
) -> anyhow::Result<()> {
    for number in 0..options.kills {
        let question = question_of(number, options);
        if !middle_of(rooms, question).await {
            return Ok(());
        }
        // Count before the kill: the numbers change once the server is back.
        let (answered, open) = answers(rooms);
        let killed = Instant::now();
        let ready = server.kill_and_restart().await?;
        let backs = all_back(rooms, killed).await;
        kills.push(Kill::new(answered, open - answered.min(open), ready, backs));
    }
    Ok(())
}

/// The question, counted from 1, during which to kill. The kills are spread evenly over the game.
fn question_of(kill: usize, options: &DrillOptions) -> u64 {
    let place = (kill + 1) * options.questions / (options.kills + 1);
    place.clamp(1, options.questions) as u64
}

/// Waits until in some room at least half of the players, but not all, have answered this question or a later
/// one. False if all games end first.
async fn middle_of(rooms: &[DrillRoom], question: u64) -> bool {
    loop {
        let is_middle = |room: &DrillRoom| {
            let players = room.players.len();
            let some = (players / 2).clamp(usize::from(players > 1), players);
            room.moment.answers(question).is_some_and(|answered| (some..players).contains(&answered))
        };
        if rooms.iter().any(is_middle) {
            return true;
        }
        if rooms.iter().all(|room| room.moment.is_over()) {
            return false;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// The number of answers to open questions, and the number of players who have an open question.
fn answers(rooms: &[DrillRoom]) -> (usize, usize) {
    let open = rooms.iter().filter_map(|room| Some((room.moment.answers(0)?, room.players.len())));
    open.fold((0, 0), |(answered, of), (some, players)| (answered + some, of + players))
}

/// The time from the kill to the next welcome, for each player who reconnected in time. Waits for the hosts
/// too.
async fn all_back(rooms: &[DrillRoom], killed: Instant) -> Vec<Duration> {
    let players: Vec<_> = rooms.iter().flat_map(|room| &room.players).collect();
    let hosts = || rooms.iter().all(|room| back(&room.host, killed).is_some());
    loop {
        let backs: Vec<_> = players.iter().filter_map(|player| back(&player.connection, killed)).collect();
        if (backs.len() == players.len() && hosts()) || killed.elapsed() > PATIENCE {
            return backs;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

fn back(connection: &Connection, killed: Instant) -> Option<Duration> {
    let figures = connection.figures();
    let way = figures.backs.iter().find(|way| way.back >= killed)?;
    Some(way.back.duration_since(killed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_spread_over_the_game() {
        let questions = |kills, questions| {
            let options = DrillOptions { kills, questions, ..DrillOptions::new("rejoin") };
            (0..kills).map(|kill| question_of(kill, &options)).collect::<Vec<_>>()
        };
        assert_eq!(questions(3, 8), [2, 4, 6]);
        assert_eq!(questions(1, 1), [1]);
        assert_eq!(questions(4, 2), [1, 1, 1, 1]);
    }
}
