//! The table of `docs/access.md`: which caller may make which call. Each of its cells is tested, directly and
//! through nginx and Caddy.

use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::KEY;
use crate::support::client::send;
use crate::support::reverse_proxy::ReverseProxy;
use crate::support::websocket::{CLOSE, Socket, TEXT};
use crate::support::{Client, Server, questions};

const CALLERS: [&str; 5] = ["stranger", "code", "seat", "host", "key"];

/// One row of the table: a call, and the expected result for each of [`CALLERS`].
struct Row {
    call: String,
    expected: Vec<String>,
}

fn table() -> Vec<Row> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/access.md");
    let text = fs::read_to_string(docs).expect("the table is there");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `GET ") || line.starts_with("| `POST ") || line.starts_with("| `DELETE "));
    rows.map(|line| {
        let mut cells = cells(line);
        let call = cells.remove(0);
        assert_eq!(cells.len(), CALLERS.len(), "{line}");
        Row { call, expected: cells }
    })
    .collect()
}

/// A game, and one room of each mode with two seats, made for a single cell.
struct Scene {
    game: String,
    question: String,
    room: Value,
    external: Value,
    seats: Vec<Value>,
    external_seats: Vec<Value>,
}

impl Scene {
    async fn set(client: &Client) -> Self {
        let backend = client.with_key(KEY);
        let game = backend.post("/api/game/session", &json!({ "questions": questions(2) })).await.json(201);
        let room = backend.post("/api/rooms", &json!({ "count": 2 })).await.json(201);
        let external = backend.post("/api/rooms", &json!({ "mode": "external" })).await.json(201);
        let (mut seats, mut external_seats) = (Vec::new(), Vec::new());
        for name in ["Ada", "Bob"] {
            let join = json!({ "joinCode": room["joinCode"], "name": name });
            seats.push(client.post("/api/rooms/join", &join).await.json(201));
            let path = format!("/api/rooms/{}/seats", text(&external, "roomId"));
            external_seats.push(backend.post(&path, &json!({ "name": name })).await.json(201));
        }
        let (game, question) = (text(&game, "sessionId").to_owned(), "q0".to_owned());
        Self { game, question, room, external, seats, external_seats }
    }

    /// The token or key that a caller sends, or `None`.
    fn token(&self, caller: &str, is_external: bool) -> Option<&str> {
        let seats = if is_external { &self.external_seats } else { &self.seats };
        match caller {
            "seat" => Some(text(&seats[0], "token")),
            "host" => Some(text(&self.room, "token")),
            "key" => Some(KEY),
            _ => None,
        }
    }

    /// The id of the caller's own seat. Callers without a seat use that of the first player.
    fn own(&self, caller: &str) -> u64 {
        if caller == "host" { 1 } else { 2 }
    }

    fn path(&self, path: &str, caller: &str) -> String {
        path.replace("{game}", &self.game)
            .replace("{room}", text(&self.room, "roomId"))
            .replace("{external}", text(&self.external, "roomId"))
            .replace("{own}", &self.own(caller).to_string())
            .replace("{other}", if path.contains("{external}") { "2" } else { "3" })
    }

    /// The JSON body of a call, or `None` if it has none.
    fn body(&self, method: &Method, call: &str, caller: &str) -> Option<Value> {
        let (path, with) = call.trim_start_matches('`').split_once('`')?;
        let last = path.rsplit('/').next()?;
        let body = match (last, with.trim()) {
            _ if *method != Method::POST => return None,
            ("session", "with questions") => json!({ "questions": questions(1) }),
            ("rooms", "external") => json!({ "mode": "external" }),
            ("session" | "rooms", _) => json!({ "count": 1 }),
            ("question", _) => json!({ "sessionId": self.game, "questionId": self.question }),
            ("answer", _) if path.contains("game") => {
                json!({ "sessionId": self.game, "questionId": self.question, "optionId": null })
            }
            ("answer", _) => json!({ "questionId": "none", "optionId": null }),
            ("join", _) => {
                let code = if caller == "stranger" { json!("222222") } else { self.room["joinCode"].clone() };
                json!({ "joinCode": code, "name": "Cleo" })
            }
            ("pause", _) => json!({ "at": 0, "paused": true }),
            ("lock", _) => json!({ "at": 0, "locked": true }),
            ("kick", _) => json!({ "at": 0, "seatId": 3 }),
            ("start" | "next" | "close" | "finish" | "takeover", _) => json!({ "at": 0 }),
            ("qr", _) => json!({ "text": "x" }),
            ("again", _) => json!({}),
            ("ack", _) => json!({ "sequence": 0 }),
            ("say", _) => json!({ "payload": 1 }),
            ("seats", _) => json!({ "name": "Cleo" }),
            ("events", _) => json!({ "type": "moved" }),
            _ => return None,
        };
        Some(body)
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text")
}

/// What a caller gets: the status, and the code of the problem if there is one.
async fn cell(client: &Client, call: &str, caller: &str) -> String {
    let scene = Scene::set(client).await;
    let request = call.trim_start_matches('`').split('`').next().expect("a call").to_owned();
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let token = scene.token(caller, path.contains("{external}"));
    let path = scene.path(path, caller);
    if path.ends_with("/ws") {
        return over_websocket(client, &path, token.unwrap_or_default()).await;
    }
    let method: Method = method.parse().expect("a method");
    let mut request = client.request(method.clone(), &path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let reply = send(match scene.body(&method, call, caller) {
        Some(body) => request.json(&body),
        None => request,
    })
    .await;
    if reply.status < 300 {
        return reply.status.to_string();
    }
    let problem: Value = serde_json::from_slice(&reply.body).expect("a problem is JSON");
    format!("{} {}", reply.status, text(&problem, "code"))
}

/// The type of the first frame, or the close code, or `cut` if the connection ends without one.
async fn over_websocket(client: &Client, path: &str, token: &str) -> String {
    let mut socket = Socket::open(client, path).await;
    socket.say(TEXT, json!({ "type": "resume", "token": token }).to_string().as_bytes()).await;
    match socket.hear().await {
        Some((CLOSE, payload)) => u16::from_be_bytes(*payload.first_chunk().expect("a code")).to_string(),
        Some((_, payload)) => {
            let frame: Value = serde_json::from_slice(&payload).expect("a frame is JSON");
            text(&frame, "type").to_owned()
        }
        None => "cut".to_owned(),
    }
}

async fn try_all(client: &Client) -> Vec<String> {
    let rows = table();
    assert!(rows.len() > 45, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for Row { call, expected } in rows {
        let cells = CALLERS.map(|caller| cell(client, &call, caller));
        for ((caller, expected), got) in CALLERS.iter().zip(expected).zip(join_all(cells).await) {
            if got != expected {
                wrong.push(format!("{call} by {caller}: {got}, and the table says {expected}"));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_access_table_is_true() {
    let (_folder, server, client) = super::server(&["--api-keys", KEY]);
    let wrong = try_all(&client).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_table_is_true_through_nginx_whose_log_contains_no_id() {
    the_access_table_is_true_through(ReverseProxy::nginx_before, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_table_is_true_through_the_nginx_of_one_instance() {
    the_access_table_is_true_through(ReverseProxy::nginx_single_before, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_table_is_true_through_caddy_which_logs_no_request() {
    the_access_table_is_true_through(ReverseProxy::caddy_before, false).await;
}

/// Plays the whole table through a proxy. `logs_requests`: its log has a line for each request, without ids.
async fn the_access_table_is_true_through(proxy_before: fn(&Server) -> ReverseProxy, logs_requests: bool) {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::process(folder.path(), &["--api-keys", KEY, "--trusted-proxies", "127.0.0.1", "--log", "debug"]);
    let proxy = proxy_before(&server);
    let client = Client::new(&proxy.base);
    // An error that a proxy returns itself has the form of one of rejoin.
    let large = client.post("/api/game/session", &json!({ "metadata": "x".repeat(300_000) })).await;
    let problem: Value = serde_json::from_slice(&large.body).expect("a problem is JSON");
    assert_eq!((large.status, large.header("content-type")), (413, Some("application/problem+json")));
    assert_eq!(problem["code"], "body-too-large");
    let wrong = try_all(&client).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for page in ["/", "/j/ABC234", "/host", "/host/x", "/room/x", "/web/app.js"] {
        assert_eq!(client.get(page).await.status, 200, "{page}");
    }
    let log = proxy.access_log();
    assert!(!log.contains("ABC234"), "the access log tells a code: {log}");
    assert_eq!(log.contains("GET /j/{id} 200"), logs_requests, "{log}");
    assert_eq!(log.contains("/api/rooms/{id}/start") && log.contains("/api/game/session/{id}"), logs_requests, "{log}");
    let is_id = |word: &str| word.len() >= 36 && word.matches('-').count() >= 4;
    let told = log.split([' ', '/', '"']).find(|word| is_id(word));
    assert_eq!(told, None, "the access log tells an id");
    server.stop().await;
    // While the server is away, a client is told to repeat its request.
    let away = client.post("/api/game/session", &json!({ "count": 1 })).await;
    let problem: Value = serde_json::from_slice(&away.body).expect("a problem is JSON");
    assert_eq!(
        (away.status, &problem["code"], away.header("retry-after")),
        (503, &json!("outcome-unknown"), Some("1"))
    );
}
