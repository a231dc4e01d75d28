//! What can go wrong with a call, by what is known of its effect.

use redis::{ErrorKind, RedisError};

use super::super::error::{Cause, StoreError};

/// Why a call came to nothing, or may not have.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server is out of reach or does not serve: nothing happened.
    #[error("{0}")]
    Away(Cause),
    /// It refuses what it was asked, writes for now or a user without the right: nothing happened.
    #[error("{0}")]
    Refused(Cause),
    /// It has no memory left for writes: nothing happened.
    #[error("out of memory")]
    Full,
    /// No answer: it may have happened, and may still happen.
    #[error("{0}")]
    Unknown(Cause),
    /// The server has not met this script: nothing happened, and its text will do.
    #[error("an unknown script")]
    NoScript,
    /// What is stored there is not what this program stores.
    #[error("{0}")]
    Odd(Cause),
}

/// What a failure says of the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server answered: the way is good.
    Answered,
    /// It failed, and may be better the next time.
    Failed,
    /// This connection is of no use any more.
    Lost,
}

impl Failure {
    /// Reads a client's error. In a cluster the client has tried several times, so that its last
    /// error does not prove that the first try came to nothing.
    pub(super) fn of(error: RedisError, is_cluster: bool) -> (Self, Verdict) {
        let code = error.code().unwrap_or_default().to_owned();
        let unsure = |error: RedisError| {
            if is_cluster { Self::Unknown(error.into()) } else { Self::Away(error.into()) }
        };
        match code.as_str() {
            "OOM" => (Self::Full, Verdict::Answered),
            "NOSCRIPT" => (Self::NoScript, Verdict::Answered),
            "MISCONF" | "NOREPLICAS" | "NOPERM" => (Self::Refused(error.into()), Verdict::Answered),
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "MOVED" | "ASK" => {
                (unsure(error), Verdict::Failed)
            }
            // A primary that has become a replica; a password that was changed.
            "READONLY" | "NOAUTH" | "WRONGPASS" => (unsure(error), Verdict::Lost),
            "" => Self::without_code(error, is_cluster),
            _ => (Self::Odd(error.into()), Verdict::Answered),
        }
    }

    fn without_code(error: RedisError, is_cluster: bool) -> (Self, Verdict) {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => (Self::Odd(error.into()), Verdict::Answered),
            // A cluster's connections are many, and the client mends each by itself.
            _ if is_cluster || error.is_timeout() => (Self::Unknown(error.into()), Verdict::Failed),
            _ => (Self::Unknown(error.into()), Verdict::Lost),
        }
    }

    /// What it means to somebody who only reads.
    pub(super) fn of_read(self) -> StoreError {
        match self {
            Self::Unknown(cause) => StoreError::Unavailable(Some(cause)),
            other => other.of_write(),
        }
    }

    /// What it means to somebody who writes.
    pub(super) fn of_write(self) -> StoreError {
        match self {
            Self::Away(cause) | Self::Refused(cause) => StoreError::Unavailable(Some(cause)),
            Self::Full => StoreError::Full,
            Self::NoScript => StoreError::Unavailable(None),
            Self::Unknown(_) => StoreError::OutcomeUnknown,
            Self::Odd(cause) => StoreError::Corrupt { what: format!("an answer that cannot be: {cause}") },
        }
    }
}
