//! The client of a server's admin listener.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode};
use ureq::{Agent, Body};

use crate::config::{AdminListen, AdminSettings, USUAL_ADDRESS};
use crate::health::reachable;

/// How long a connection may take to be opened.
const CONNECTING: Duration = Duration::from_secs(3);
/// Maximum bytes of a reply.
const MOST_REPLY: u64 = 64 * 1024 * 1024;

/// A client of the admin listener of one server.
pub struct AdminClient {
    agent: Agent,
    address: SocketAddr,
    token: Option<String>,
}

/// The error replies of a server.
#[derive(serde::Deserialize)]
struct Refused {
    code: String,
    detail: String,
}

impl AdminClient {
    /// A client of the server whose admin listener has these settings.
    ///
    /// # Errors
    /// The admin listener is off, or the token's file can't be read.
    pub fn new(settings: &AdminSettings) -> anyhow::Result<Self> {
        let address = match settings.admin_listen {
            None => USUAL_ADDRESS,
            Some(AdminListen::At(address)) => reachable(address),
            Some(AdminListen::Off) => bail!("REJOIN_ADMIN_LISTEN is off: this command asks the admin listener"),
        };
        let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECTING));
        Ok(Self { agent: config.proxy(None).build().into(), address, token: settings.own_token()? })
    }

    /// Sends a request and reads the reply as JSON. `path` begins with a slash. A reply without a body is `null`.
    ///
    /// # Errors
    /// The server can't be reached, or refuses the request.
    pub fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<T> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let sent = match body {
            None => self.agent.run(request.body(())?),
            Some(body) => self.agent.run(request.header("Content-Type", "application/json").body(body.to_string())?),
        };
        let mut reply = sent.with_context(|| format!("the admin listener at {} can't be reached", self.address))?;
        let body = read(reply.body_mut())?;
        if reply.status().is_success() {
            let body = if body.is_empty() { "null" } else { &body };
            return serde_json::from_str(body).context("the server's reply is not understood: is it of this version?");
        }
        ensure!(reply.status() != StatusCode::UNAUTHORIZED, "the server wants a token: set REJOIN_ADMIN_TOKEN");
        match serde_json::from_str::<Refused>(&body) {
            Ok(Refused { code, detail }) => bail!("{detail} ({code})"),
            Err(_) => bail!("{} is no admin listener of rejoin: it replied {}", self.address, reply.status()),
        }
    }
}

fn read(body: &mut Body) -> anyhow::Result<String> {
    body.with_config().limit(MOST_REPLY).read_to_string().context("the reply did not arrive whole")
}
