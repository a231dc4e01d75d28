//! API keys of trusted backends. Kept as hashes, compared in constant time.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use subtle::{Choice, ConstantTimeEq};

use super::Shared;
use super::problem::Problem;

/// The keys that are accepted.
pub struct ApiKeys(Vec<[u8; 32]>);

impl ApiKeys {
    /// Keeps the hashes of these keys.
    pub fn new(keys: &[String]) -> Self {
        Self(keys.iter().map(|key| *blake3::hash(key.as_bytes()).as_bytes()).collect())
    }

    fn accept(&self, key: &str) -> bool {
        let hash = blake3::hash(key.as_bytes());
        let equal = self.0.iter().map(|known| known.ct_eq(hash.as_bytes()));
        equal.fold(Choice::from(0), |any, equal| any | equal).into()
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
        if self == Self::Player {
            let detail = format!("{what} needs an API key: send Authorization: Bearer <key>");
            return Err(Problem::new(StatusCode::FORBIDDEN, "api-key-required", detail));
        }
        Ok(())
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(shared) = request.app_data::<web::Data<Shared>>() else { return ready(Ok(Self::Player)) };
        if shared.keys.0.is_empty() {
            return ready(Ok(Self::Open));
        }
        let Some(shown) = request.headers().get(AUTHORIZATION) else { return ready(Ok(Self::Player)) };
        let key = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
        ready(match key {
            Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer") && shared.keys.accept(key.trim()) => {
                Ok(Self::Backend)
            }
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "api-key-invalid", "this is no API key of this server")),
        })
    }
}
