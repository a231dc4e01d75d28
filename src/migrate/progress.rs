//! Shows the progress of a pass: a bar on a terminal, or a line from time to time elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::task::JoinHandle;

/// How often a line is written without a terminal.
const EVERY: Duration = Duration::from_secs(10);
const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {rate}/s, {eta} left";

/// Shows the progress of one pass over all sessions, until it is dropped.
pub(super) struct PassProgress {
    bar: ProgressBar,
    lines: Option<JoinHandle<()>>,
}

impl PassProgress {
    /// Starts showing progress. `doing` is a word such as "moving"; `total` is a number of sessions.
    pub(super) fn begin(doing: &'static str, total: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let drawn = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template(BAR).expect("the template is well formed");
        let style = style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
            let _ = write!(text, "{}", HumanCount(state.per_sec().round() as u64));
        });
        let bar = ProgressBar::with_draw_target(Some(total), drawn).with_style(style).with_message(doing);
        let lines = (!is_terminal).then(|| tokio::spawn(tell(bar.clone(), doing, total)));
        Self { bar, lines }
    }

    /// The bar that counts the sessions; clones share the count.
    pub(super) fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }
}

impl Drop for PassProgress {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.abort();
        }
        self.bar.finish_and_clear();
    }
}

async fn tell(bar: ProgressBar, doing: &'static str, total: u64) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(EVERY).await;
        let done = bar.position();
        let rate = rate(done, begun.elapsed());
        eprintln!("{doing}: {} of {} sessions, {rate}/s", HumanCount(done), HumanCount(total));
    }
}

/// Sessions per second, rounded.
pub(super) fn rate(count: u64, time: Duration) -> HumanCount {
    // An `f64` is exact enough: no count comes near 2^53.
    HumanCount((count as f64 / time.as_secs_f64().max(0.001)).round() as u64)
}
