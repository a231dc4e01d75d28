//! The settings of a drill.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;

/// The settings of one drill.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// The program to start with `serve` and to kill.
    pub server: PathBuf,
    /// More arguments for the server, in addition to its address, its folder and the drill's own.
    pub server_args: Vec<String>,
    /// The number of players in all rooms.
    pub bots: usize,
    /// The number of players in a room. Each room has a host in addition.
    pub seats: usize,
    /// How often the server is killed.
    pub kills: usize,
    /// The number of questions in a game.
    pub questions: usize,
    /// The time limit of a question.
    pub time_limit: Duration,
    /// The seed of all random choices of the bots.
    pub seed: u64,
    /// The time limit of the whole drill.
    pub at_most: Duration,
}

impl DrillOptions {
    /// The default drill for this server program.
    pub fn new(server: impl Into<PathBuf>) -> Self {
        Self {
            server: server.into(),
            server_args: Vec::new(),
            bots: 60,
            seats: 20,
            kills: 3,
            questions: 8,
            time_limit: Duration::from_secs(10),
            seed: 1,
            at_most: Duration::from_secs(120),
        }
    }

    /// The number of rooms; the last one may have fewer players.
    pub fn rooms(&self) -> usize {
        self.bots.div_ceil(self.seats.max(1))
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=10_000).contains(&self.bots), "--bots: 1 to 10000");
        ensure!((1..=999).contains(&self.seats), "--seats: 1 to 999");
        ensure!(self.kills <= 100, "--kills: at most 100");
        ensure!((1..=200).contains(&self.questions), "--questions: 1 to 200");
        let limits = Duration::from_secs(1)..=Duration::from_secs(3600);
        ensure!(limits.contains(&self.time_limit), "--time-limit: 1s to 1h");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_dealt_into_rooms() {
        let options = |bots, seats| DrillOptions { bots, seats, ..DrillOptions::new("rejoin") };
        assert_eq!([options(60, 20), options(61, 20), options(5, 20)].map(|options| options.rooms()), [3, 4, 1]);
        assert!(options(0, 20).check().is_err() && options(60, 0).check().is_err());
        options(60, 20).check().expect("the usual drill is a good one");
    }
}
