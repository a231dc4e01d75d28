//! Who makes a request: API keys of trusted backends, tokens of seats, client addresses. API keys are kept as
//! hashes and compared in constant time. They can be replaced while the server runs.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
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

/// Minimum length of an API key in bytes.
const SHORTEST: usize = 16;

fn hash(key: &str) -> KeyHash {
    *blake3::hash(key.as_bytes()).as_bytes()
}

/// An accepted API key: its name, and the hash of its text.
#[derive(Clone)]
pub struct ApiKey {
    name: Owner,
    hash: KeyHash,
}

impl ApiKey {
    /// Parses `name:key`, or a bare key, which gets a name made from its hash. Returns it with the text that its
    /// holders show, which is without the name.
    ///
    /// # Errors
    /// Says what is wrong with the key, without quoting it.
    pub fn read(text: &str) -> Result<(Self, &str), String> {
        let named = text.split_once(':').filter(|(_, key)| key.len() >= SHORTEST);
        let named = named.and_then(|(name, key)| Some((name.parse::<Owner>().ok()?, key)));
        let key = named.as_ref().map_or(text, |(_, key)| *key);
        if key.len() < SHORTEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("must have at least {SHORTEST} printable ASCII characters and no spaces"));
        }
        let hash = hash(key);
        let usual = || {
            let name = format!("key-{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
            name.parse().expect("letters, digits and a hyphen make a name")
        };
        Ok((Self { name: named.map_or_else(usual, |(name, _)| name), hash }, key))
    }

    /// True if both are the same key, under whatever names.
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        self.hash == other.hash
    }

    /// The name of the key in the log. It is also the owner of the rooms that the key opens. Several keys may have
    /// the same name, so that a key can be replaced while the old one is still in use.
    pub fn name(&self) -> &Owner {
        &self.name
    }
}

/// The key with this hash. All keys are compared, so that the time doesn't depend on which one matches.
fn find<'a>(hash: &KeyHash, known: &'a [ApiKey]) -> Option<&'a ApiKey> {
    let mut found = None;
    for key in known {
        if bool::from(key.hash.ct_eq(hash)) {
            found = Some(key);
        }
    }
    found
}

/// The API keys that the server accepts.
pub struct ApiKeys {
    keys: watch::Sender<Vec<ApiKey>>,
    /// True if each key is valid only for the rooms that it opened.
    is_scoped: bool,
}

impl ApiKeys {
    /// Accepts these keys. If `is_scoped`, each is valid only for the rooms that it opened, otherwise for all rooms.
    pub fn new(keys: Vec<ApiKey>, is_scoped: bool) -> Self {
        Self { keys: watch::Sender::new(keys), is_scoped }
    }

    /// Accepts only these keys from now on. An empty list is ignored, since it would open a protected server
    /// to everybody.
    pub fn replace(&self, keys: Vec<ApiKey>) {
        if !keys.is_empty() {
            self.keys.send_replace(keys);
        }
    }

    /// True if the server has no keys. Then everybody may do nearly everything.
    pub fn is_open(&self) -> bool {
        self.keys.borrow().is_empty()
    }

    /// Who may open rooms: as the setting says. Without a setting, only holders of a key if the server has
    /// keys, otherwise everybody.
    pub fn hosting(&self, set: Option<Hosting>) -> Hosting {
        set.unwrap_or(if self.is_open() { Hosting::Open } else { Hosting::Key })
    }

    /// The name of this key. `None` if it is not accepted.
    pub(super) fn name_of(&self, key: &str) -> Option<Owner> {
        find(&hash(key), &self.keys.borrow()).map(|key| key.name.clone())
    }

    /// Like [`name_of`](Self::name_of), and records the name in the request's log span.
    fn admit(&self, key: &str) -> Option<Owner> {
        let name = self.name_of(key);
        if let Some(name) = &name {
            Span::current().record("key", name.as_str());
        }
        name
    }

    /// Watches whether a key stays accepted.
    pub(super) fn follow(&self, key: &str) -> KeyInUse {
        KeyInUse { hash: hash(key), keys: self.keys.subscribe() }
    }
}

/// The key with which a connection was opened.
pub(super) struct KeyInUse {
    hash: KeyHash,
    keys: watch::Receiver<Vec<ApiKey>>,
}

impl KeyInUse {
    /// Completes when the key is no longer accepted.
    pub(super) async fn revoked(&mut self) {
        let hash = self.hash;
        if self.keys.wait_for(|keys| find(&hash, keys).is_none()).await.is_err() {
            // The sender is gone, so the server is stopping, and closes its connections itself.
            std::future::pending().await
        }
    }
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ApiCaller {
    /// A backend that has shown the API key of this name.
    Backend(Owner),
    /// Anyone, on a server without keys. May do everything except bring questions without texts.
    Open,
    /// A caller without a key, on a server that has keys.
    Player,
}

impl ApiCaller {
    /// Refuses a player who wants to do `what`, which only a backend may do.
    pub(super) fn must_be_trusted(&self, what: &str) -> Result<(), Problem> {
        if *self == Self::Player { Err(Self::key_required(what)) } else { Ok(()) }
    }

    /// The owner of the rooms that this caller opens. `None` without an API key.
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

/// The headers that decide what a request may do. A request that has one of them twice could mean one thing to a
/// proxy and another here. (The HTTP library refuses a second `Host` itself.)
const DECISIVE: [&str; 4] = ["authorization", "origin", "sec-fetch-site", "rejoin-generation"];

/// Refuses a request that has one of the [`DECISIVE`] headers twice.
pub(super) fn refuse_repeated(headers: &HeaderMap) -> Result<(), Problem> {
    match DECISIVE.iter().find(|name| headers.get_all(**name).nth(1).is_some()) {
        None => Ok(()),
        Some(name) => {
            let detail = format!("the header {name} comes more than once");
            Err(Problem::new(StatusCode::BAD_REQUEST, "header-repeated", detail))
        }
    }
}

/// The token or key in the header `Authorization: Bearer`. `None` without the header, an error for another scheme.
pub(super) fn bearer(request: &HttpRequest) -> Option<Result<&str, Problem>> {
    let shown = request.headers().get(AUTHORIZATION)?;
    let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
    Some(match shown {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(text.trim()),
        _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "bad-token", "send Authorization: Bearer <token or key>")),
    })
}

impl ApiKeys {
    /// True if the request shows an accepted API key.
    pub(super) fn is_shown(&self, request: &HttpRequest) -> bool {
        bearer(request).and_then(Result::ok).is_some_and(|text| self.name_of(text).is_some())
    }

    /// The token or key that a request shows, checked to be well formed. `None` if it shows nothing.
    pub(super) fn shown(&self, request: &HttpRequest) -> Result<Option<String>, Problem> {
        let Some(text) = bearer(request).transpose()? else { return Ok(None) };
        self.credential(text, None)?;
        Ok(Some(text.to_owned()))
    }

    /// Takes `text` as an accepted API key, or else as a seat's token. `generation` is the seat's connection
    /// that the request belongs to.
    pub(super) fn credential(&self, text: &str, generation: Option<u32>) -> Result<Credential, Problem> {
        if let Some(owner) = self.admit(text) {
            return Ok(Credential::Backend(self.is_scoped.then_some(owner)));
        }
        let token: Result<Token, _> = text.parse();
        token.map(|token| Credential::Seat(token.hash(), generation)).map_err(|_| Refusal::BadToken.into())
    }
}

/// The header with the generation of the connection that a request belongs to, where it has one.
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

/// Whose limits a new game or room counts against: those of the API key that is shown, otherwise those of the
/// address.
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

/// Like [`Who`], for requests that change something. Players are limited in how many such requests they make.
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
