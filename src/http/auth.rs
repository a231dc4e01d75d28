//! API keys of trusted backends. Kept as hashes, compared in constant time; they may be others from
//! one request to the next.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tracing::Span;

use super::Shared;
use super::admission::{ClientAddress, Creator};
use super::problem::Problem;
use crate::domain::{Owner, Refusal, Token, idempotency};
use crate::game::rooms::Credential;
use crate::quizzes::Hosting;

type KeyHash = [u8; 32];

/// The shortest API key that is accepted, in bytes.
const SHORTEST: usize = 16;

fn hash(key: &str) -> KeyHash {
    *blake3::hash(key.as_bytes()).as_bytes()
}

/// An API key that is accepted: its name, and the hash of its text.
#[derive(Clone)]
pub struct ApiKey {
    name: Owner,
    hash: KeyHash,
}

impl ApiKey {
    /// Reads `name:key`, or a bare key, whose name is made of its hash.
    ///
    /// # Errors
    /// What is wrong with it; the key isn't quoted.
    pub fn read(text: &str) -> Result<Self, String> {
        let named = text.split_once(':').filter(|(_, key)| key.len() >= SHORTEST);
        let named = named.and_then(|(name, key)| Some((name.parse::<Owner>().ok()?, key)));
        let key = named.as_ref().map_or(text, |(_, key)| *key);
        if key.len() < SHORTEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("each key has at least {SHORTEST} printable ASCII characters and no spaces"));
        }
        let hash = hash(key);
        let usual = || {
            let name = format!("key-{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
            name.parse().expect("letters, digits and a hyphen make a name")
        };
        Ok(Self { name: named.map_or_else(usual, |(name, _)| name), hash })
    }

    /// Whether it has the other's name, or is the same key.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.name == other.name || self.hash == other.hash
    }

    /// What the log calls it, and what its rooms belong to.
    pub fn name(&self) -> &Owner {
        &self.name
    }
}

/// The key of this hash. All are compared, wherever the right one stands.
fn find<'a>(hash: &KeyHash, known: &'a [ApiKey]) -> Option<&'a ApiKey> {
    let mut found = None;
    for key in known {
        if bool::from(key.hash.ct_eq(hash)) {
            found = Some(key);
        }
    }
    found
}

/// The keys that are accepted.
pub struct ApiKeys {
    keys: watch::Sender<Vec<ApiKey>>,
    /// Whether each is good only for the rooms that it opened.
    is_scoped: bool,
}

impl ApiKeys {
    /// Accepts these keys, each for the rooms alone that it opened, or for all.
    pub fn new(keys: Vec<ApiKey>, is_scoped: bool) -> Self {
        Self { keys: watch::Sender::new(keys), is_scoped }
    }

    /// Accepts these keys from now on, and no others. Not none: a server that had keys would be open.
    pub fn replace(&self, keys: Vec<ApiKey>) {
        if !keys.is_empty() {
            self.keys.send_replace(keys);
        }
    }

    /// Whether there is no key, and so everybody may do nearly everything.
    pub fn is_open(&self) -> bool {
        self.keys.borrow().is_empty()
    }

    /// Who may open rooms: as it is set, or whoever has a key once there are any.
    pub fn hosting(&self, set: Option<Hosting>) -> Hosting {
        set.unwrap_or(if self.is_open() { Hosting::Open } else { Hosting::Key })
    }

    /// The name of a key that is accepted.
    pub(super) fn name_of(&self, key: &str) -> Option<Owner> {
        find(&hash(key), &self.keys.borrow()).map(|key| key.name.clone())
    }

    /// The same, and the name is in the log of the request.
    fn admit(&self, key: &str) -> Option<Owner> {
        let name = self.name_of(key);
        if let Some(name) = &name {
            Span::current().record("key", name.as_str());
        }
        name
    }

    /// Follows what becomes of a key.
    pub(super) fn follow(&self, key: &str) -> KeyInUse {
        KeyInUse { hash: hash(key), keys: self.keys.subscribe() }
    }
}

/// A key by which a connection was made.
pub(super) struct KeyInUse {
    hash: KeyHash,
    keys: watch::Receiver<Vec<ApiKey>>,
}

impl KeyInUse {
    /// Ends when the key is accepted no more.
    pub(super) async fn revoked(&mut self) {
        let hash = self.hash;
        if self.keys.wait_for(|keys| find(&hash, keys).is_none()).await.is_err() {
            // The server is going away, and closes its connections by itself.
            std::future::pending().await
        }
    }
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiCaller {
    /// A backend that showed the key of this name.
    Backend(Owner),
    /// Anyone, on a server that has no keys: everything but leaving out texts is open.
    Open,
    /// A player, on a server that has keys.
    Player,
}

impl ApiCaller {
    /// Refuses a player what only a backend may do.
    pub(super) fn must_be_trusted(&self, what: &str) -> Result<(), Problem> {
        if *self == Self::Player { Err(Self::key_required(what)) } else { Ok(()) }
    }

    /// The owner of the rooms that this caller opens.
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Backend(owner) => Some(owner.clone()),
            Self::Open | Self::Player => None,
        }
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
    /// Whether a request shows a key that is accepted.
    pub(super) fn is_shown(&self, request: &HttpRequest) -> bool {
        bearer(request).and_then(Result::ok).is_some_and(|text| self.name_of(text).is_some())
    }

    /// The good token or key that a request shows, if it shows anything.
    pub(super) fn shown(&self, request: &HttpRequest) -> Result<Option<String>, Problem> {
        let Some(text) = bearer(request).transpose()? else { return Ok(None) };
        self.credential(text, None)?;
        Ok(Some(text.to_owned()))
    }

    /// Whose text this is: a backend's key, or a seat's token.
    pub(super) fn credential(&self, text: &str, generation: Option<u32>) -> Result<Credential, Problem> {
        if let Some(owner) = self.admit(text) {
            return Ok(Credential::Backend(self.is_scoped.then_some(owner)));
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
            let needed =
                || Problem::new(StatusCode::UNAUTHORIZED, "token-required", "send Authorization: Bearer <token>");
            let text = bearer(request).ok_or_else(needed)??;
            let unreadable =
                || Problem::new(StatusCode::BAD_REQUEST, "invalid-generation", "Rejoin-Generation: a number");
            let generation = generation.map(|generation| generation.ok_or_else(unreadable)).transpose()?;
            Shared::of(request).keys.credential(text, generation).map(Self)
        };
        ready(read())
    }
}

/// Who creates a game or a room: the key that is shown counts, or else the address.
pub(super) struct Creating(pub(super) Creator);

impl FromRequest for Creating {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let shared = Shared::of(request);
        let key = bearer(request).and_then(Result::ok).and_then(|text| shared.keys.name_of(text));
        let by_address = || Creator::Address(shared.admission.client(request));
        ready(Ok(Self(key.map_or_else(by_address, Creator::Key))))
    }
}

impl FromRequest for ClientAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Shared::of(request).admission.client(request)))
    }
}

/// The same as [`Who`] for a request that changes something, of which a player may make only so many.
pub(super) struct Acting(pub(super) Credential);

impl FromRequest for Acting {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let check = |Who(who): Who| {
            if !who.is_backend() {
                let token = bearer(request).and_then(Result::ok).unwrap_or_default();
                Shared::of(request).admission.call(idempotency::hash(&[token]))?;
            }
            Ok(Self(who))
        };
        ready(Who::from_request(request, payload).into_inner().and_then(check))
    }
}

impl FromRequest for ApiCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let shared = Shared::of(request);
        if shared.keys.is_open() {
            return ready(Ok(Self::Open));
        }
        ready(match bearer(request) {
            None => Ok(Self::Player),
            Some(key) => match key.ok().and_then(|key| shared.keys.admit(key)) {
                Some(owner) => Ok(Self::Backend(owner)),
                None => {
                    let detail = "this is no API key of this server";
                    Err(Problem::new(StatusCode::UNAUTHORIZED, "api-key-invalid", detail))
                }
            },
        })
    }
}
