//! API keys of trusted backends. Kept as hashes, compared in constant time; they may be others from
//! one request to the next.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::watch;

use super::Shared;
use super::problem::Problem;
use crate::domain::{Owner, Refusal, Token};
use crate::game::rooms::Credential;

type Hash = [u8; 32];

fn hash(key: &str) -> Hash {
    *blake3::hash(key.as_bytes()).as_bytes()
}

fn is_among(hash: &Hash, known: &[Hash]) -> bool {
    let equal = known.iter().map(|known| known.ct_eq(hash));
    equal.fold(Choice::from(0), |any, equal| any | equal).into()
}

/// The keys that are accepted.
pub struct ApiKeys(watch::Sender<Vec<Hash>>);

impl ApiKeys {
    /// Keeps the hashes of these keys.
    pub fn new(keys: &[String]) -> Self {
        Self(watch::Sender::new(keys.iter().map(|key| hash(key)).collect()))
    }

    /// Accepts these keys from now on, and no others. Not none: a server that had keys would be open.
    pub fn replace(&self, keys: &[String]) {
        if !keys.is_empty() {
            self.0.send_replace(keys.iter().map(|key| hash(key)).collect());
        }
    }

    /// Whether there is no key, and so everybody may do nearly everything.
    pub fn is_open(&self) -> bool {
        self.0.borrow().is_empty()
    }

    fn accept(&self, key: &str) -> bool {
        is_among(&hash(key), &self.0.borrow())
    }

    /// Follows what becomes of a key.
    pub(super) fn follow(&self, key: &str) -> KeyInUse {
        KeyInUse { hash: hash(key), keys: self.0.subscribe() }
    }
}

/// A key by which a connection was made.
pub(super) struct KeyInUse {
    hash: Hash,
    keys: watch::Receiver<Vec<Hash>>,
}

impl KeyInUse {
    /// Ends when the key is accepted no more.
    pub(super) async fn revoked(&mut self) {
        let hash = self.hash;
        if self.keys.wait_for(|keys| !is_among(&hash, keys)).await.is_err() {
            // The server is going away, and closes its connections by itself.
            std::future::pending().await
        }
    }
}

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A backend that showed a key.
    Backend,
    /// Anyone, on a server that has no keys: everything but leaving out texts is open.
    Open,
    /// A player, on a server that has keys.
    Player,
}

impl Caller {
    /// Refuses a player what only a backend may do.
    pub(super) fn must_be_trusted(self, what: &str) -> Result<(), Problem> {
        if self == Self::Player { Err(Self::key_required(what)) } else { Ok(()) }
    }

    /// The owner of the sessions that this caller begins: one name for all keys.
    pub(super) fn owner(self) -> Option<Owner> {
        (self == Self::Backend).then(|| "key".parse().expect("it is an owner's name"))
    }

    pub(super) fn key_required(what: &str) -> Problem {
        let detail = format!("{what} needs an API key: send Authorization: Bearer <key>");
        Problem::new(StatusCode::FORBIDDEN, "api-key-required", detail)
    }
}

/// The text of a bearer's token or key, if one is shown.
fn bearer(request: &HttpRequest) -> Option<Result<&str, Problem>> {
    let shown = request.headers().get(AUTHORIZATION)?;
    let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
    Some(match shown {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(text.trim()),
        _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "bad-token", "send Authorization: Bearer <token or key>")),
    })
}

impl ApiKeys {
    /// The good token or key that a request shows, if it shows anything.
    pub(super) fn shown(&self, request: &HttpRequest) -> Result<Option<String>, Problem> {
        let Some(text) = bearer(request).transpose()? else { return Ok(None) };
        self.credential(text, None)?;
        Ok(Some(text.to_owned()))
    }

    /// Whose text this is: a backend's key, or a seat's token.
    pub(super) fn credential(&self, text: &str, generation: Option<u32>) -> Result<Credential, Problem> {
        if self.accept(text) {
            return Ok(Credential::Backend);
        }
        let token: Result<Token, _> = text.parse();
        token.map(|token| Credential::Seat(token.hash(), generation)).map_err(|_| Refusal::BadToken.into())
    }
}

/// Names the connection that a request belongs to, where it has one.
const GENERATION: &str = "Rejoin-Generation";

/// Who may do something in a room: a backend by its key, or the holder of a seat's token.
pub(super) struct Who(pub(super) Credential);

impl FromRequest for Who {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let generation =
            request.headers().get(GENERATION).map(|text| text.to_str().ok().and_then(|text| text.parse().ok()));
        let read = || {
            let shared = request.app_data::<web::Data<Shared>>().ok_or_else(Problem::room_not_found)?;
            let needed =
                || Problem::new(StatusCode::UNAUTHORIZED, "token-required", "send Authorization: Bearer <token>");
            let text = bearer(request).ok_or_else(needed)??;
            let unreadable =
                || Problem::new(StatusCode::BAD_REQUEST, "invalid-generation", "Rejoin-Generation: a number");
            let generation = generation.map(|generation| generation.ok_or_else(unreadable)).transpose()?;
            shared.keys.credential(text, generation).map(Self)
        };
        ready(read())
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(shared) = request.app_data::<web::Data<Shared>>() else { return ready(Ok(Self::Player)) };
        if shared.keys.is_open() {
            return ready(Ok(Self::Open));
        }
        ready(match bearer(request) {
            None => Ok(Self::Player),
            Some(Ok(key)) if shared.keys.accept(key) => Ok(Self::Backend),
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "api-key-invalid", "this is no API key of this server")),
        })
    }
}
