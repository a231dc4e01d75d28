//! Settings of `drill`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::duration;
use crate::drill::DrillOptions;

/// What `drill --help` says after the settings.
pub(super) const HELP: &str = "\
The drill starts a server of its own from this very program, on a free port of
127.0.0.1 and in a temporary folder, both gone afterwards: a running server and
its data are left alone. Rooms are opened and filled with bots; every second
room is moved on by its host, the others go on by themselves. In the middle of a
question, with some answers in and others not, the server is killed with SIGKILL
and started again on the same folder. Each bot comes back by itself, and checks
that no event is missed, repeated or out of order, that every answer which was
acknowledged is in its reveal, that nothing counts twice (some answers are sent
twice, as by a double tap), and at the end that its own sum, the ranking and the
results agree.

The exit code is 0 only if all of that holds and everybody came back; else 1,
with what was wrong. About 20 seconds with the defaults.";

/// Settings of `drill`.
#[derive(Debug, Clone, Args)]
pub struct DrillArgs {
    /// How many players
    #[arg(long, default_value_t = 60, value_name = "COUNT")]
    pub bots: usize,

    /// How many of them in a room; its host comes besides
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub seats: usize,

    /// How often the server is killed
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    pub kills: usize,

    /// How many questions a game has
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    pub questions: usize,

    /// The time that a question has; it closes earlier once all have answered
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub time_limit: Duration,

    /// What the bots' choices and pauses come from; another one each time if left out
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Break off after this long
    #[arg(long, default_value = "120s", value_parser = duration, value_name = "DURATION")]
    pub at_most: Duration,

    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
}

impl DrillArgs {
    /// The drill that these settings ask for, against this very program.
    ///
    /// # Errors
    /// The program can't be found.
    pub fn options(&self) -> anyhow::Result<DrillOptions> {
        let server = std::env::current_exe().context("this program's own file is not known")?;
        Ok(DrillOptions {
            bots: self.bots,
            seats: self.seats,
            kills: self.kills,
            questions: self.questions,
            time_limit: self.time_limit,
            // Short enough to be typed again.
            seed: self.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..1_000_000)),
            at_most: self.at_most,
            ..DrillOptions::new(server)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, CliCommand};

    #[test]
    fn the_usual_drill_is_the_same_from_the_command_line_and_from_a_test() {
        let cli = Cli::try_parse_from(["rejoin", "drill", "--seed", "1"]).expect("it can be read");
        let Some(CliCommand::Drill(args)) = cli.command else { panic!("{cli:?}") };
        let options = args.options().expect("this program has a file");
        let usual = DrillOptions::new(options.server.clone());
        assert_eq!(format!("{options:?}"), format!("{usual:?}"));
    }
}
