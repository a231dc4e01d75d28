//! How far it is: a bar on a terminal, a line now and then elsewhere.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::task::JoinHandle;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {rate}/s, {eta} left";

/// Shows how far one pass over all sessions is, until it is dropped.
pub(super) struct PassProgress {
    bar: ProgressBar,
    lines: Option<JoinHandle<()>>,
}

impl PassProgress {
    /// Begins to show; `doing` is a word such as "moving".
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

    /// What counts the sessions.
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

/// So many a second, for people.
pub(super) fn rate(count: u64, time: Duration) -> HumanCount {
    // A rate for people: no count comes near what a float keeps exactly.
    HumanCount((count as f64 / time.as_secs_f64().max(0.001)).round() as u64)
}
