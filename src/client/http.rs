//! Rooms over HTTP: opening one, joining it, taking a seat over, and every other URL.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::backoff::Backoff;
use super::credentials::{SeatCredentials, Token};
use super::dice::Dice;
use super::endpoints::Endpoints;

/// How long one try may take: longer than the server holds an `events` call.
const ONE_TRY: Duration = Duration::from_secs(30);

/// Talks to a server, or to several instances of it.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    bases: Endpoints,
    patience: Duration,
}

/// A room that was opened.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The room.
    pub room_id: String,
    /// What players join by.
    pub join_code: String,
    /// The host's seat; an external room has no host.
    pub seat_id: Option<u64>,
    /// The host's token.
    pub token: Option<Token>,
    /// This life of the numbering.
    pub epoch: String,
}

impl Opened {
    /// The host's way in; `None` for an external room.
    pub fn ticket(&self) -> Option<SeatCredentials> {
        self.token.clone().map(|token| SeatCredentials::new(self.room_id.clone(), token))
    }
}

/// A seat that was taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TakenSeat {
    /// Its way in.
    #[serde(flatten)]
    pub ticket: SeatCredentials,
    /// Its number.
    pub seat_id: u64,
    /// The room as it sees it.
    #[serde(default)]
    pub snapshot: Value,
}

/// A reply, whatever it says.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub text: String,
    /// The body as JSON, null where it is none.
    pub body: Value,
}

impl Reply {
    /// The body of a reply that says yes.
    ///
    /// # Errors
    /// What the problem says.
    pub fn ok(self) -> Result<Value, CallError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text = |field: &str| self.body[field].as_str().unwrap_or_default().to_owned();
        Err(CallError::Refused { status: self.status, code: text("code"), detail: text("detail") })
    }

    /// The store may come back, and this request has surely not happened.
    fn is_for_later(&self) -> bool {
        self.status == 503 && self.body["code"] != "outcome-unknown"
    }
}

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server said no.
    #[error("{status} {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Stable.
        code: String,
        /// In words.
        detail: String,
    },
    /// No reply came: it may have happened or not.
    #[error("no reply came")]
    NoReply(#[source] reqwest::Error),
    /// The reply is none of the protocol.
    #[error("the reply cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Api {
    /// Talks to the server at `bases`, and repeats what can be repeated for 30 s.
    pub fn new(bases: Endpoints) -> Self {
        // The WebSocket goes through no proxy, so this does not either. An idle connection would make
        // a server wait for it when it stops.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(ONE_TRY).build();
        let http = http.expect("without TLS there is nothing that could be missing");
        Self { http, bases, patience: Duration::from_secs(30) }
    }

    /// The same with another patience.
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where the server is.
    pub fn bases(&self) -> Endpoints {
        self.bases.clone()
    }

    /// Opens a room with these settings. A lost reply is not asked for again: that would open another.
    ///
    /// # Errors
    /// The server refuses, or is out of reach for longer than the patience.
    pub async fn open(&self, settings: &Value, key: Option<&str>) -> Result<Opened, CallError> {
        let mut call = Call::post("/api/rooms", settings);
        call.bearer = key;
        self.insist(call).await
    }

    /// Takes a seat by the room's code. A lost reply is asked for again, and gives the same seat.
    ///
    /// # Errors
    /// The server refuses, or is out of reach for longer than the patience.
    pub async fn join(&self, join_code: &str, name: &str) -> Result<TakenSeat, CallError> {
        let key = format!("{:016x}{:016x}", Dice::system().roll(), Dice::system().roll());
        self.join_as(join_code, name, &key).await
    }

    /// The same under an idempotency key of the caller's: with it another process may repeat the call.
    ///
    /// # Errors
    /// The same.
    pub async fn join_as(&self, join_code: &str, name: &str, key: &str) -> Result<TakenSeat, CallError> {
        let body = json!({ "joinCode": join_code, "name": name });
        let mut call = Call::post("/api/rooms/join", &body);
        call.idempotency_key = Some(key);
        self.insist(call).await
    }

    /// Takes a seat over by its code, which is good once: after a lost reply it needs another.
    ///
    /// # Errors
    /// The server refuses, or is out of reach for longer than the patience.
    pub async fn take_over(&self, join_code: &str, seat_code: &str) -> Result<TakenSeat, CallError> {
        let body = json!({ "joinCode": join_code, "seatCode": seat_code });
        self.insist(Call::post("/api/rooms/join", &body)).await
    }

    /// Any other URL, once; `bearer` is a token or an API key.
    ///
    /// # Errors
    /// No reply came.
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

    /// The results of a room: a seat sees its own, the host and a backend all.
    ///
    /// # Errors
    /// The server refuses, or no reply came.
    pub async fn results(&self, ticket: &SeatCredentials) -> Result<Value, CallError> {
        let path = format!("/api/rooms/{}/results", ticket.room_id);
        self.call(Method::GET, &path, Some(ticket.token.as_str()), None).await?.ok()
    }

    /// Repeats a call for as long as that does no harm, and patience lasts.
    async fn insist<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CallError> {
        let (begun, mut bases, mut dice) = (Instant::now(), self.bases.clone(), Dice::system());
        let mut schedule = Backoff::default();
        let can_repeat = call.idempotency_key.is_some();
        loop {
            tokio::time::sleep(schedule.next(dice.unit())).await;
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

/// One request.
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
