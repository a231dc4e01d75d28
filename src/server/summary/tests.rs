use std::io::Write;

use clap::Parser;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::config::Cli;
use crate::domain::solo::Deliver;
use crate::domain::{GameSession, Lifetimes, Millis, Timestamp};
use crate::game::solo::{NewGame, QuizChoice};
use crate::game::{Entropy, SoloGames};
use crate::metrics::Metrics;
use crate::quizzes::{Catalogue, Selection};
use crate::store::GameClock;
use crate::store::clock::system_wall_clock;
use crate::store::memory::MemoryStore;

/// The lines of a log in JSON.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The log of this thread, until the guard is dropped.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock();
        String::from_utf8_lossy(&bytes).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// The parts of a server over a store in memory, and its solo games.
fn server(file: Option<PathBuf>) -> (Summaries, SoloGames) {
    let clock = Arc::new(GameClock::start(Timestamp::default(), system_wall_clock()));
    let router = Arc::new(StoreRouter::only(Arc::new(MemoryStore::new(GameSession::apply, 1, clock))));
    let (activity, metrics) = (Arc::new(Activity::default()), Metrics::new());
    let limits = Cli::try_parse_from(["rejoin"]).expect("the defaults").serve.limits;
    let lifetimes = Lifetimes { ttl: Millis(1_000_000), max_age: Millis(1_000_000), results_ttl: Millis(1_000_000) };
    let games = SoloGames {
        router: router.clone(),
        catalogue: Arc::new(Catalogue::open(None).expect("its own banks")),
        lifetimes,
        chance: Entropy::system(),
        activity: activity.clone(),
        metrics: metrics.clone(),
    };
    let summaries = Summaries {
        router,
        admission: Arc::new(Admission::new(&limits, None)),
        metrics,
        sockets: Sockets::default(),
        hub: Hub::new(CancellationToken::new(), None, activity.clone()),
        activity,
        file,
        started: Instant::now(),
    };
    (summaries, games)
}

async fn begin(games: &SoloGames) {
    let new = NewGame {
        quiz: QuizChoice::Bank(None, Selection::default()),
        user: None,
        session_id: None,
        ttl: None,
        deliver: Deliver::All,
        metadata: None,
        request: [0; 16],
    };
    games.create(new).await.expect("it begins");
}

#[tokio::test(start_paused = true)]
async fn there_is_one_line_an_hour_with_the_counts_of_that_hour() {
    let (log, _guard) = Log::start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), [0; 4_321]).expect("written");
    let (summaries, games) = server(Some(file.path().to_owned()));
    let summaries = Arc::new(summaries);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (summaries, stop) = (summaries.clone(), stop.clone());
        async move { summaries.run(HOUR, stop).await }
    });
    begin(&games).await;
    begin(&games).await;
    tokio::time::sleep(HOUR - Duration::from_millis(1)).await;
    assert_eq!(log.lines(), Vec::<Value>::new(), "nothing before the hour is over");
    tokio::time::sleep(HOUR).await;
    begin(&games).await;
    tokio::time::sleep(HOUR * 2).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, (hours, begun, live)) in lines.iter().zip([(1, 2, 2), (2, 1, 3), (3, 0, 3)]) {
        assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("hourly summary")));
        assert_eq!(line["uptime_seconds"], 3_600 * hours);
        assert_eq!((&line["games_begun"], &line["commits"]), (&json!(begun), &json!(begun)), "{line}");
        assert_eq!((&line["live_sessions"], &line["to_delete"]), (&json!(live), &json!(0)), "{line}");
        assert_eq!((&line["file_bytes"], &line["connections"]), (&json!(4_321), &json!(0)), "{line}");
        assert_eq!((&line["reachable"], &line["degraded"]), (&json!(true), &json!(false)), "{line}");
        assert!(line["memory_bytes"].as_u64() > Some(1 << 20) && line["disk_free_bytes"].is_u64(), "{line}");
        assert!(line.get("limits_hit").is_none() && line.get("cause").is_none(), "{line}");
    }
    stop.cancel();
    running.await.expect("it stops when it is told to");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_left_out() {
    let (log, _guard) = Log::start();
    let (summaries, _) = server(None);
    summaries.router.close().await.expect("closed");
    summaries.tell(&Totals::default()).await;
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for name in ["commits", "live_sessions", "to_delete", "reachable", "degraded", "damaged", "file_bytes"] {
        assert!(line.get(name).is_none(), "{name}: {line}");
    }
    assert_eq!(line["requests"], 0);
}

#[test]
fn the_counts_of_an_hour_are_the_difference_of_two_totals() {
    let activity = |n| ActivityCounts { games_begun: n, rooms_opened: n, rooms_ended: n, expired: n };
    let limits = |hits: &[(&'static str, u64)]| hits.iter().copied().collect();
    let before = Totals {
        activity: activity(3),
        answers: 8,
        requests: RequestCounts { all: 10, refused: 4, failed: 1 },
        commits: Some(7),
        limits: limits(&[("A", 2), ("B", 1)]),
    };
    let now = Totals {
        activity: activity(5),
        answers: 9,
        requests: RequestCounts { all: 30, refused: 5, failed: 1 },
        commits: Some(9),
        limits: limits(&[("A", 2), ("B", 4), ("C", 6)]),
    };
    let hour = now.since(&before);
    assert_eq!((hour.activity, hour.answers), (activity(2), 1));
    assert_eq!((hour.requests, hour.commits), (RequestCounts { all: 20, refused: 1, failed: 0 }, Some(2)));
    assert_eq!(hour.limits_hit().as_deref(), Some("B: 3, C: 6"));
    assert_eq!(now.since(&now).limits_hit(), None);
}
