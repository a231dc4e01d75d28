//! The settings of the `drill` command.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::duration;
use crate::drill::DrillOptions;
use crate::drill::soak::SoakOptions;

/// The text that `drill --help` prints after the settings.
pub(super) const HELP: &str = "\
The drill starts a temporary server from this program, on a free port of
127.0.0.1 and with a temporary folder. Both are removed afterwards. Other running
servers and their data are not touched.

Rooms are opened and filled with bots. In every second room the host starts the
next question; the other rooms go on by themselves. In the middle of a question,
when some answers are in and others are not, the server is killed with SIGKILL
and started again on the same folder. Each bot reconnects by itself and checks:

- no event is missing, repeated or out of order
- every acknowledged answer is in the reveal of its question
- nothing counts twice (some answers are sent twice, as by a double tap)
- at the end, its own sum, the ranking and the results agree

The exit code is 0 only if all checks pass and every bot came back. Otherwise it
is 1, and the report says what was wrong. With the defaults a drill takes about
20 seconds.

A soak, such as `rejoin drill --soak 60m`, plays for as long as you say. Beside
rounds of such rooms, in which players also lose their connections, it plays solo
games over HTTP: answers, repeats with the same Idempotency-Key, second answers,
reloads, results, awards, and games that are left in the middle. Games and
results expire after 30 to 60 seconds, and are deleted. A line of figures is
printed every minute, and at the end a table and the verdict. In columns, file
and log are what they take on the disk; latencies are those of answers that met
no kill.

The kills are in the first half. Then the same process serves to the end, because
a restart would hide that its memory grows, and is killed once more. The exit
code is 0 only if no acknowledged answer was lost, none counted twice, nothing
else was wrong, and memory and disk were flat in the second half: the median of
the last quarter is at most 10 % above that of the third. A soak of less than 10
minutes is too short for that and only looks for losses. Ctrl-C ends a soak early
and prints what it has.";

/// Settings of `drill`.
#[derive(Debug, Clone, Args)]
pub struct DrillArgs {
    /// Number of players
    #[arg(long, default_value_t = 60, value_name = "COUNT")]
    pub bots: usize,

    /// Players per room, without its host
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub seats: usize,

    /// How often the server is killed
    #[arg(long, default_value_t = 3, value_name = "COUNT", conflicts_with = "soak")]
    pub kills: usize,

    /// Questions per game
    #[arg(long, default_value_t = 8, value_name = "COUNT")]
    pub questions: usize,

    /// Time limit of a question. It closes earlier when all have answered
    #[arg(long, default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub time_limit: Duration,

    /// Seed of the bots' choices and pauses [default: a new one each time]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Give up after this time. With --soak: the limit of one round of rooms
    #[arg(long, default_value = "120s", value_parser = duration, value_name = "DURATION")]
    pub at_most: Duration,

    /// Print the report as one JSON object. With --soak: each line of figures too
    #[arg(long)]
    pub json: bool,

    /// Play solo games and rooms for this time, watch memory and files, and judge at the end
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub soak: Option<Duration>,

    /// Answers per second in a soak's solo games. The rooms come in addition
    #[arg(long, default_value_t = 250, value_name = "COUNT", requires = "soak")]
    pub rate: u32,

    /// Mean time between two kills in the first half of a soak; 0s for none
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "DURATION", requires = "soak")]
    pub kill_every: Duration,

    /// Time between two lines of figures of a soak
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "DURATION", requires = "soak")]
    pub every: Duration,
}

impl DrillArgs {
    /// The options of the drill. The server that it starts is this same program.
    ///
    /// # Errors
    /// The path of this program is not known.
    pub fn options(&self) -> anyhow::Result<DrillOptions> {
        let server = std::env::current_exe().context("this program's own file is not known")?;
        Ok(DrillOptions {
            bots: self.bots,
            seats: self.seats,
            kills: self.kills,
            questions: self.questions,
            time_limit: self.time_limit,
            // A small number, so that it can be typed again to repeat the drill.
            seed: self.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..1_000_000)),
            at_most: self.at_most,
            ..DrillOptions::new(server)
        })
    }

    /// The options of the soak, if there is to be one, in rounds of `round`.
    pub fn soak(&self, round: &DrillOptions) -> Option<SoakOptions> {
        let Self { rate, kill_every, every, .. } = *self;
        Some(SoakOptions { rate, kill_every, every, ..SoakOptions::new(round.clone(), self.soak?) })
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
        assert!(args.soak(&options).is_none());
    }

    #[test]
    fn the_usual_soak_is_the_same_from_the_command_line_and_from_a_test() {
        let cli = Cli::try_parse_from(["rejoin", "drill", "--seed", "1", "--soak", "60m"]).expect("it can be read");
        let Some(CliCommand::Drill(args)) = cli.command else { panic!("{cli:?}") };
        let options = args.options().expect("this program has a file");
        let usual = SoakOptions::new(options.clone(), Duration::from_secs(3_600));
        assert_eq!(format!("{:?}", args.soak(&options).expect("a soak")), format!("{usual:?}"));
    }
}
