//! The HTTP API: opening a room, joining it, taking a seat over, and every other URL.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::backoff::Backoff;
use super::credentials::{SeatCredentials, Token};
use super::endpoints::Endpoints;

/// The time limit of one request. It is longer than the server holds an `events` long poll.
const ONE_TRY: Duration = Duration::from_secs(30);

/// How long an unused connection is kept: for less time than a server keeps it, so that a request never meets its
/// end.
const IDLE: Duration = Duration::from_secs(2);

/// An HTTP client for one server, or for several instances of it.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    bases: Endpoints,
    patience: Duration,
}

/// The reply to opening a room.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The id of the room.
    pub room_id: String,
    /// The code by which players join.
    pub join_code: String,
    /// The number of the host's seat; `None` in an external room, which has no host.
    pub seat_id: Option<u64>,
    /// The host's token; `None` in an external room.
    pub token: Option<Token>,
    /// The epoch of the sequence numbers.
    pub epoch: String,
}

impl Opened {
    /// The host's credentials; `None` in an external room.
    pub fn ticket(&self) -> Option<SeatCredentials> {
        self.token.clone().map(|token| SeatCredentials::new(self.room_id.clone(), token))
    }
}

/// The reply to joining a room.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenSeat {
    /// The seat's credentials.
    #[serde(flatten)]
    pub ticket: SeatCredentials,
    /// The number of the seat.
    pub seat_id: u64,
    /// The room as this seat sees it; null if the reply has none.
    #[serde(default)]
    pub snapshot: Value,
}

/// Any HTTP reply, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it is not JSON.
    pub body: Value,
}

impl Reply {
    /// The body of a reply with a 2xx status.
    ///
    /// # Errors
    /// The reply has another status: its `code` and `detail` are in the error.
    pub fn ok(self) -> Result<Value, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text = |field: &str| self.body[field].as_str().unwrap_or_default().to_owned();
        Err(CallError::Refused { status: self.status, code: text("code"), detail: text("detail") })
    }

    /// True if the store may come back and the server has certainly not run this request.
    fn is_for_later(&self) -> bool {
        self.status == 503 && self.body["code"] != "outcome-unknown"
    }
}

/// Why an HTTP call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused the call.
    #[error("{status} {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// A stable error code; empty if the body has none.
        code: String,
        /// A description for people.
        detail: String,
    },
    /// No reply was received. Whether the server ran the request is not known.
    #[error("no reply came")]
    NoReply(#[source] reqwest::Error),
    /// The reply does not follow the protocol.
    #[error("the reply cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Api {
    /// A client for the server at `bases`. It repeats calls that are safe to repeat for up to 30 s.
    pub fn new(bases: Endpoints) -> Self {
        // No idle connections: a stopping server would wait for them.
        Self { http: http(0), bases, patience: Duration::from_secs(30) }
    }

    /// Keeps idle connections for the next calls, as a browser does.
    pub fn keeping_connections(self) -> Self {
        Self { http: http(usize::MAX), ..self }
    }

    /// Sets for how long calls are repeated.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The base URLs of the server. The list is shared with this client.
    pub fn bases(&self) -> Endpoints {
        self.bases.clone()
    }

    /// Opens a room with these settings. If the reply was lost, the call is not repeated, because that would
    /// open a second room.
    ///
    /// # Errors
    /// The server refuses, or can't be reached for longer than the patience.
    pub async fn open(&self, settings: &Value, key: Option<&str>) -> Result<Opened, CallError> {
        let mut call = Call::post("/api/rooms", settings);
        call.bearer = key;
        self.insist(call).await
    }

    /// Takes a seat by the room's join code. If the reply was lost, the call is repeated and gives the same
    /// seat.
    ///
    /// # Errors
    /// The server refuses, or can't be reached for longer than the patience.
    pub async fn join(&self, join_code: &str, name: &str) -> Result<TakenSeat, CallError> {
        let key = format!("{:016x}{:016x}", fastrand::Rng::new().u64(..), fastrand::Rng::new().u64(..));
        self.join_as(join_code, name, &key).await
    }

    /// Like [`Api::join`], with the caller's idempotency key: another process with the key may repeat the
    /// call.
    ///
    /// # Errors
    /// As [`Api::join`].
    pub async fn join_as(&self, join_code: &str, name: &str, key: &str) -> Result<TakenSeat, CallError> {
        let body = json!({ "joinCode": join_code, "name": name });
        let mut call = Call::post("/api/rooms/join", &body);
        call.idempotency_key = Some(key);
        self.insist(call).await
    }

    /// Takes a seat over by its one-time seat code. If the reply was lost, a new code is needed.
    ///
    /// # Errors
    /// The server refuses, or can't be reached for longer than the patience.
    pub async fn take_over(&self, join_code: &str, seat_code: &str) -> Result<TakenSeat, CallError> {
        let body = json!({ "joinCode": join_code, "seatCode": seat_code });
        self.insist(Call::post("/api/rooms/join", &body)).await
    }

    /// Calls any other URL, once. `bearer` is a token or an API key.
    ///
    /// # Errors
    /// No reply was received.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, CallError> {
        let call = Call { method, path, bearer, body, idempotency_key: None };
        self.send(&self.bases.current(), &call).await.map_err(CallError::NoReply)
    }

    /// Posts to any URL, once, with an idempotency key: the caller may repeat the call. `bearer` is a token or
    /// an API key.
    ///
    /// # Errors
    /// No reply was received.
    pub async fn post_as(
        &self,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
        key: &str,
    ) -> Result<Reply, CallError> {
        let call = Call { method: Method::POST, path, bearer, body, idempotency_key: Some(key) };
        self.send(&self.bases.current(), &call).await.map_err(CallError::NoReply)
    }

    /// The results of a room. A seat gets its own results; the host and a backend get those of all seats.
    ///
    /// # Errors
    /// The server refuses, or no reply was received.
    pub async fn results(&self, ticket: &SeatCredentials) -> Result<Value, CallError> {
        let path = format!("/api/rooms/{}/results", ticket.room_id);
        self.call(Method::GET, &path, Some(ticket.token.as_str()), None).await?.ok()
    }

    /// Repeats a call while that is safe and the patience lasts.
    async fn insist<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CallError> {
        let (begun, mut bases, mut rng) = (Instant::now(), self.bases.clone(), fastrand::Rng::new());
        let mut schedule = Backoff::default();
        // Without a key, repeat only what has certainly not taken effect.
        let can_repeat = call.idempotency_key.is_some();
        loop {
            tokio::time::sleep(schedule.next(rng.f64())).await;
            let sent = self.send(&bases.current(), &call).await;
            let is_for_later = match &sent {
                Ok(reply) => reply.is_for_later() || (reply.status == 503 && can_repeat),
                Err(error) => can_repeat || error.is_connect(),
            };
            if !is_for_later || begun.elapsed() >= self.patience {
                let body = sent.map_err(CallError::NoReply)?.ok()?;
                return T::deserialize(body).map_err(CallError::Unreadable);
            }
            bases.turn();
        }
    }

    async fn send(&self, base: &str, call: &Call<'_>) -> Result<Reply, reqwest::Error> {
        let mut request = self.http.request(call.method.clone(), format!("{base}{}", call.path));
        if let Some(bearer) = call.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Reply { status, text, body })
    }
}

/// An HTTP client that keeps at most `idle` unused connections. The WebSocket uses no proxy, so HTTP uses none
/// either.
fn http(idle: usize) -> reqwest::Client {
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(idle).pool_idle_timeout(IDLE);
    http.timeout(ONE_TRY).build().expect("without TLS there is nothing that could be missing")
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    bearer: Option<&'a str>,
    body: Option<&'a Value>,
    idempotency_key: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, bearer: None, body: Some(body), idempotency_key: None }
    }
}
