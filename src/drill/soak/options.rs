//! The settings of a soak.

use std::time::Duration;

use anyhow::ensure;

use super::super::options::DrillOptions;

/// The most lines that a soak prints.
const MOST_LINES: u32 = 10_000;
/// Answers per second of one solo player.
const PACE: f64 = 10.0;

/// The settings of one soak.
#[derive(Debug, Clone)]
pub struct SoakOptions {
    /// One round of rooms. `bots` is the number of players in all rooms, and `at_most` the time limit of a
    /// round; `kills` is not used.
    pub round: DrillOptions,
    /// How long to play.
    pub lasts: Duration,
    /// Answers per second in solo games, all players together. The rooms come in addition.
    pub rate: u32,
    /// The mean time between two kills; zero for no kills.
    pub kill_every: Duration,
    /// The time between two lines of figures.
    pub every: Duration,
}

impl SoakOptions {
    /// The default soak of this length.
    pub fn new(round: DrillOptions, lasts: Duration) -> Self {
        Self { round, lasts, rate: 250, kill_every: Duration::from_secs(60), every: Duration::from_secs(60) }
    }

    /// The number of solo players.
    pub(super) fn solo_players(&self) -> u32 {
        (f64::from(self.rate) / PACE).ceil() as u32
    }

    /// The time from one answer of a solo player to the next one.
    pub(super) fn pause(&self) -> Duration {
        Duration::from_secs(1) * self.solo_players() / self.rate.max(1)
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.round.check()?;
        ensure!(self.lasts >= Duration::from_secs(1), "--soak: at least 1s");
        ensure!((1..=10_000).contains(&self.rate), "--rate: 1 to 10000");
        ensure!(
            self.kill_every.is_zero() || self.kill_every >= Duration::from_secs(1),
            "--kill-every: at least 1s, or 0s for no kills"
        );
        ensure!(self.every >= Duration::from_secs(1), "--every: at least 1s");
        ensure!(self.lasts / MOST_LINES <= self.every, "--every: at most {MOST_LINES} lines in a soak: make it longer");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solo_players_share_the_rate() {
        let soak =
            |rate| SoakOptions { rate, ..SoakOptions::new(DrillOptions::new("rejoin"), Duration::from_secs(60)) };
        assert_eq!([1, 10, 15, 250].map(|rate| soak(rate).solo_players()), [1, 1, 2, 25]);
        assert_eq!([1, 10, 250].map(|rate| soak(rate).pause().as_millis()), [1_000, 100, 100]);
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let usual = SoakOptions::new(DrillOptions::new("rejoin"), Duration::from_secs(3_600));
        usual.check().expect("the usual soak is a good one");
        let refusal = |options: SoakOptions| options.check().expect_err("it is refused").to_string();
        assert!(refusal(SoakOptions { rate: 0, ..usual.clone() }).starts_with("--rate"));
        assert!(refusal(SoakOptions { kill_every: Duration::from_millis(1), ..usual.clone() }).starts_with("--kill"));
        assert!(refusal(SoakOptions { lasts: Duration::ZERO, ..usual.clone() }).starts_with("--soak"));
        let day = Duration::from_secs(24 * 3_600);
        assert!(refusal(SoakOptions { lasts: day, every: Duration::from_secs(1), ..usual }).starts_with("--every"));
    }
}
