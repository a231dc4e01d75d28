//! Solo games on redb, over HTTP: CPU time, memory, disk and bandwidth of a game.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use crate::common::load::Connection;
use crate::common::server::Server;
use crate::common::{all_of, runtime, traffic};
use crate::figures::Figures;

const ROUNDS: usize = 3;
/// Games of one run. Each has ten questions.
const GAMES: usize = 10_000;
/// Connections over which they are played at the same time.
const AT_ONCE: usize = 64;
/// Longer than the store takes to write its log into the file.
const SETTLING: Duration = Duration::from_secs(2);

/// A started game: its id and its questions.
pub(crate) struct Game {
    pub(crate) id: String,
    pub(crate) questions: Vec<String>,
}

/// Connections that take turns. Each is used by one player at a time.
pub(crate) struct Lines {
    addresses: Vec<SocketAddr>,
    free: RefCell<Vec<Connection>>,
}

impl Lines {
    /// No connection yet. New ones go to these servers in turn.
    pub(crate) fn to(addresses: &[SocketAddr]) -> Rc<Self> {
        Rc::new(Self { addresses: addresses.to_vec(), free: RefCell::default() })
    }

    /// Sends a request over a free connection, or over a new one to the `n`th server. `key` is the request's
    /// `Idempotency-Key`: the same for its repeats, and another one for any other request of the game.
    async fn ask(&self, n: usize, key: &str, (method, path): (&str, &str), body: &str, good: u16) -> Vec<u8> {
        let free = self.free.borrow_mut().pop();
        let mut line = match free {
            Some(line) => line,
            None => Connection::open(self.addresses[n % self.addresses.len()]).await,
        };
        let (status, reply) = line.request_again(key, method, path, body).await;
        assert_eq!(status, good, "{method} {path}: {}", String::from_utf8_lossy(&reply));
        self.free.borrow_mut().push(line);
        reply
    }

    /// Starts a game of ten questions.
    pub(crate) async fn create(&self, n: usize) -> Game {
        let created = self.ask(n, "create", ("POST", "/api/game/session"), r#"{"quizId":"civics"}"#, 201).await;
        let created: Value = serde_json::from_slice(&created).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let questions = created["questions"].as_array().expect("questions");
        Game {
            id: text(&created["sessionId"]),
            questions: questions.iter().map(|question| text(&question["questionId"])).collect(),
        }
    }

    /// Answers one question of a game.
    pub(crate) async fn answer(&self, n: usize, game: &Game, question: usize) {
        let (id, question) = (&game.id, &game.questions[question]);
        let answer = format!(r#"{{"sessionId":"{id}","questionId":"{question}","optionId":1}}"#);
        self.ask(n, question, ("POST", "/api/game/answer"), &answer, 200).await;
    }

    /// Reads the results of a game.
    pub(crate) async fn results(&self, n: usize, game: &Game) {
        self.ask(n, "results", ("GET", &format!("/api/game/results/{}", game.id)), "", 200).await;
    }
}

/// Starts `count` games.
pub(crate) async fn create(lines: &Rc<Lines>, count: usize) -> Rc<[Game]> {
    let games = Rc::new(RefCell::new(Vec::new()));
    let (lines, into) = (lines.clone(), games.clone());
    all_of(count, AT_ONCE, move |n| {
        let (lines, into) = (lines.clone(), into.clone());
        async move {
            let game = lines.create(n).await;
            into.borrow_mut().push(game);
        }
    })
    .await;
    games.take().into()
}

/// Answers all ten questions of each game: the first of all games, then the second of all games.
pub(crate) async fn answer(lines: &Rc<Lines>, games: &Rc<[Game]>) {
    let (lines, games) = (lines.clone(), games.clone());
    all_of(games.len() * 10, AT_ONCE, move |turn| {
        let (lines, games) = (lines.clone(), games.clone());
        async move { lines.answer(turn, &games[turn % games.len()], turn / games.len()).await }
    })
    .await;
}

/// Reads the results of each game.
pub(crate) async fn results(lines: &Rc<Lines>, games: &Rc<[Game]>) {
    let (lines, games) = (lines.clone(), games.clone());
    all_of(games.len(), AT_ONCE, move |n| {
        let (lines, games) = (lines.clone(), games.clone());
        async move { lines.results(n, &games[n]).await }
    })
    .await;
}

/// What a server has used so far.
struct Used {
    busy: f64,
    written: f64,
    traffic: [f64; 2],
}

impl Used {
    fn by(server: &Server) -> Self {
        Self { busy: server.busy().as_secs_f64() * 1e6, written: server.written() as f64, traffic: traffic::so_far() }
    }

    fn note(self, server: &Server, figures: &mut Figures, what: &str, count: usize) {
        let (now, count) = (Self::by(server), count as f64);
        figures.note(&format!("solo.{what}.cpu"), "µs", (now.busy - self.busy) / count);
        figures.note(&format!("solo.{what}.sent"), "bytes", (now.traffic[0] - self.traffic[0]) / count);
        figures.note(&format!("solo.{what}.received"), "bytes", (now.traffic[1] - self.traffic[1]) / count);
        if what != "results" {
            figures.note(&format!("solo.{what}.written"), "bytes", (now.written - self.written) / count);
        }
    }
}

/// Measures solo games.
pub(crate) fn measure(figures: &mut Figures) {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let server = Server::start(folder.path(), &[]);
        runtime().block_on(one(&server, figures));
    }
}

async fn one(server: &Server, figures: &mut Figures) {
    let lines = Lines::to(&[server.address]);
    // Before the first figure, everything that happens only once has happened.
    let first = create(&lines, 1_000).await;
    answer(&lines, &first).await;
    tokio::time::sleep(SETTLING).await;
    let empty = server.resident() as f64;
    figures.note("solo.server.memory", "MB", empty / 1e6);

    let used = Used::by(server);
    let games = create(&lines, GAMES).await;
    used.note(server, figures, "create", GAMES);
    tokio::time::sleep(SETTLING).await;
    figures.note("solo.game.memory", "bytes", (server.resident() as f64 - empty) / GAMES as f64);

    let used = Used::by(server);
    answer(&lines, &games).await;
    used.note(server, figures, "answer", GAMES * 10);
    tokio::time::sleep(SETTLING).await;
    figures.note("solo.finished.memory", "bytes", (server.resident() as f64 - empty) / GAMES as f64);

    let used = Used::by(server);
    results(&lines, &games).await;
    used.note(server, figures, "results", GAMES);
}
