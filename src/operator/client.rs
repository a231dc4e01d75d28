//! The client of a server's admin listener.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Method, Request, Response, StatusCode};
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
    /// Tried one after the other, until the server accepts one.
    tokens: Vec<String>,
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
    /// The admin listener is off, a token is invalid, or the tokens' file can't be read.
    pub fn new(settings: &AdminSettings) -> anyhow::Result<Self> {
        let address = match settings.admin_listen {
            None => USUAL_ADDRESS,
            Some(AdminListen::At(address)) => reachable(address),
            Some(AdminListen::Off) => bail!("REJOIN_ADMIN_LISTEN is off: this command asks the admin listener"),
        };
        let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECTING));
        Ok(Self { agent: config.proxy(None).build().into(), address, tokens: settings.shown_tokens()? })
    }

    /// Sends a request and reads the reply as JSON. `path` begins with a slash. A reply without a body is `null`.
    ///
    /// # Errors
    /// The server can't be reached, or refuses the request.
    pub fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<T> {
        let mut tokens = self.tokens.iter();
        let mut reply = self.send(&method, path, body, tokens.next())?;
        // The server reads its file of tokens again on SIGHUP only, so the first one may be new to it.
        while reply.status() == StatusCode::UNAUTHORIZED
            && let Some(token) = tokens.next()
        {
            reply = self.send(&method, path, body, Some(token))?;
        }
        let text = read(reply.body_mut())?;
        if reply.status().is_success() {
            let text = if text.is_empty() { "null" } else { &text };
            return serde_json::from_str(text).context("the server's reply is not understood: is it of this version?");
        }
        ensure!(reply.status() != StatusCode::UNAUTHORIZED, "{}", self.unauthorized());
        match serde_json::from_str::<Refused>(&text) {
            Ok(Refused { code, detail }) => bail!("{detail} ({code})"),
            Err(_) => bail!("{} is no admin listener of rejoin: it replied {}", self.address, reply.status()),
        }
    }

    fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        token: Option<&String>,
    ) -> anyhow::Result<Response<Body>> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let sent = match body {
            None => self.agent.run(request.body(())?),
            Some(body) => self.agent.run(request.header("Content-Type", "application/json").body(body.to_string())?),
        };
        sent.with_context(|| format!("the admin listener at {} can't be reached", self.address))
    }

    /// What to do if the server accepts no token of these settings.
    fn unauthorized(&self) -> &'static str {
        if self.tokens.is_empty() {
            "the server wants a token: set REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE"
        } else {
            "the server accepts no token of REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE. It reads its own file at its \
             start and on SIGHUP"
        }
    }
}

fn read(body: &mut Body) -> anyhow::Result<String> {
    body.with_config().limit(MOST_REPLY).read_to_string().context("the reply did not arrive whole")
}
