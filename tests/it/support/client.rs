//! A client of the HTTP API. It checks what every reply must contain.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{HANG, in_time};

/// Fields with which `/readyz` describes the stores. A problem has them too if no store is ready.
const STANDING: [&str; 6] =
    ["engine?: text", "reachable?: bool", "degraded?: bool", "breaker?: text", "cause?: text", "since?: date"];

/// Sends requests to one server, with or without an API key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// A reply that has been read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        // An idle connection would make the server wait for it when it stops.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(HANG).no_proxy();
        Self { http: http.build().expect("a client"), base: base.to_owned(), key: None }
    }

    /// The same client with this API key, as a backend.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The start of a request to this server, with the API key if the client has one.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, path)).await
    }

    /// Creates a game and returns the JSON of the reply.
    pub(crate) async fn create(&self, body: Value) -> Value {
        self.post("/api/game/session", &body).await.json(201)
    }

    /// Creates a game of `count` [`questions`](super::questions) and returns its id.
    pub(crate) async fn play(&self, count: u64) -> String {
        let created = self.create(json!({ "questions": super::questions(count) })).await;
        created["sessionId"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn show(&self, id: &str, question: &str) -> Reply {
        self.post("/api/game/question", &json!({ "sessionId": id, "questionId": question })).await
    }

    /// Answers question `n` of [`questions`](super::questions) without an idempotency key.
    pub(crate) async fn answer(&self, id: &str, n: u64, option: impl Into<Value>) -> Reply {
        self.post("/api/game/answer", &answer_body(id, n, option)).await
    }

    /// Like [`Client::answer`], with an idempotency key.
    pub(crate) async fn answer_as(&self, key: &str, id: &str, n: u64, option: impl Into<Value>) -> Reply {
        let request = self.request(Method::POST, "/api/game/answer").header("Idempotency-Key", key);
        send(request.json(&answer_body(id, n, option))).await
    }

    pub(crate) async fn resume(&self, id: &str) -> Reply {
        self.get(&format!("/api/game/session/{id}")).await
    }

    pub(crate) async fn results(&self, id: &str) -> Reply {
        self.get(&format!("/api/game/results/{id}")).await
    }

    pub(crate) async fn award(&self, id: &str) -> Reply {
        send(self.request(Method::POST, &format!("/api/game/results/{id}/award"))).await
    }

    /// Sends these bytes unchanged and reads until the server closes the connection.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        // A server that refuses early may close the connection before it has read everything, so a write may
        // fail.
        let _ = stream.write_all(bytes).await;
        read_to_close(&mut stream).await
    }

    /// The reply to these bytes. They must be one request with `Connection: close`.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Reply {
        Reply::parse(&self.raw(bytes).await)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let address = self.base.strip_prefix("http://").expect("the base is http");
        TcpStream::connect(address).await.expect("the server listens")
    }
}

fn answer_body(id: &str, n: u64, option: impl Into<Value>) -> Value {
    json!({ "sessionId": id, "questionId": format!("q{n}"), "optionId": option.into() })
}

/// Everything that arrives until the server closes the connection.
pub(crate) async fn read_to_close(stream: &mut TcpStream) -> Vec<u8> {
    let mut reply = Vec::new();
    // A reset after the reply ends the connection too.
    let _ = in_time(stream.read_to_end(&mut reply)).await;
    reply
}

/// Sends a request and reads its whole reply.
pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("the server replies");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.expect("the reply arrives whole").to_vec();
    Reply { status, headers, body }
}

impl Reply {
    /// Parses a reply from its bytes on the wire.
    #[track_caller]
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| {
            panic!("no reply: {:?}", String::from_utf8_lossy(bytes));
        });
        let head = std::str::from_utf8(&bytes[..end]).expect("headers are ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name: HeaderName = name.parse().expect("a header's name");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON body. Fails unless the reply has this status and the headers that every reply must have.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.assert_carries_what_all_do();
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The problem in the body. Fails unless the reply has this status and this code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self.assert_carries_what_all_do();
        let problem: Value = serde_json::from_slice(&self.body).expect("a problem is JSON");
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{problem}");
        let fields = ["type: text", "title: text", "status: integer", "code: text", "detail: text"];
        super::assert_shape(
            &problem,
            &[
                &fields[..],
                &["problems?: array", "results?: text", "head?: integer", "limit?: text", "reason?: text"],
                &STANDING,
            ]
            .concat(),
        );
        assert_eq!(self.header("retry-after").is_some(), matches!(status, 503 | 429), "{:?}", self.headers);
        for wrong in problem["problems"].as_array().into_iter().flatten() {
            super::assert_shape(wrong, &["path: text", "message: text"]);
        }
        problem
    }

    #[track_caller]
    fn assert_carries_what_all_do(&self) {
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{:?}", self.headers);
        assert_eq!(self.header("cache-control"), Some("no-store"), "{:?}", self.headers);
    }
}
