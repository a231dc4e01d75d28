//! Failures of a call, by what is known about its effect.

use redis::{ErrorKind, RedisError};
use tokio::time::Instant;

use super::super::contract::ValkeyCause;
use super::super::error::{SharedError, StoreError, StoreResult, shared};
use super::commit::AGAIN;
use super::link::Obstacle;

/// A failed call, or one whose effect is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server can't be reached or doesn't serve requests. Nothing was executed.
    #[error("{0}")]
    Away(SharedError),
    /// The server refused the command: it currently refuses writes, or the user lacks a permission. Nothing
    /// was executed.
    #[error("{0}")]
    Refused(SharedError),
    /// The server has no memory left for writes. Nothing was executed.
    #[error("out of memory")]
    Full,
    /// No answer. The command may have been executed, or may still be executed.
    #[error("{0}")]
    Unknown(SharedError),
    /// The server doesn't know this script's hash. Nothing was executed; sending the script's text works.
    #[error("an unknown script")]
    NoScript,
    /// The answer or the stored data has a form that this program never writes.
    #[error("{0}")]
    Odd(SharedError),
}

/// What a failure says about the link to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkVerdict {
    /// The server answered, so the link works.
    Answered,
    /// The call failed, but the connection may still work.
    Failed,
    /// The connection can't be used any more.
    Lost,
}

impl Failure {
    /// Classifies a client error. The client never resends a command, so an error code is the server's answer
    /// to the only try. There is one exception: when a cluster client fails to refresh its slot map, it
    /// reports that error for all pending commands. So in a cluster, a code that the refresh can also get
    /// proves nothing about the command.
    pub(super) fn of(error: RedisError, is_cluster: bool) -> (Self, LinkVerdict) {
        let code = error.code().unwrap_or_default().to_owned();
        let unsure = |error: RedisError| {
            if is_cluster { Self::Unknown(shared(error)) } else { Self::Away(shared(error)) }
        };
        match code.as_str() {
            "OOM" => (Self::Full, LinkVerdict::Answered),
            "NOSCRIPT" => (Self::NoScript, LinkVerdict::Answered),
            "MISCONF" | "NOREPLICAS" => (Self::Refused(shared(error)), LinkVerdict::Answered),
            "NOPERM" if !is_cluster => (Self::Refused(shared(error)), LinkVerdict::Answered),
            "NOPERM" => (Self::Unknown(shared(error)), LinkVerdict::Answered),
            "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" => {
                (Self::Away(shared(error)), LinkVerdict::Failed)
            }
            "LOADING" | "BUSY" => (unsure(error), LinkVerdict::Failed),
            // The primary has become a replica (READONLY), or the password was changed (NOAUTH, WRONGPASS).
            "READONLY" => (Self::Away(shared(error)), LinkVerdict::Lost),
            "NOAUTH" | "WRONGPASS" => (unsure(error), LinkVerdict::Lost),
            "" => Self::without_code(error, is_cluster),
            _ if why(&error) == ValkeyCause::Rights => (Self::Refused(shared(error)), LinkVerdict::Answered),
            _ => (Self::Odd(shared(error)), LinkVerdict::Answered),
        }
    }

    fn without_code(error: RedisError, is_cluster: bool) -> (Self, LinkVerdict) {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => (Self::Odd(shared(error)), LinkVerdict::Answered),
            // A cluster client has many connections and reconnects each of them by itself.
            _ if is_cluster || error.is_timeout() => (Self::Unknown(shared(error)), LinkVerdict::Failed),
            _ => (Self::Unknown(shared(error)), LinkVerdict::Lost),
        }
    }

    /// The reason why the server accepts no writes, as far as this failure tells.
    pub(super) fn why(&self) -> ValkeyCause {
        match self {
            Self::Full => ValkeyCause::Full,
            Self::NoScript => ValkeyCause::Refusing,
            Self::Away(cause) | Self::Refused(cause) | Self::Unknown(cause) | Self::Odd(cause) => {
                let known = cause.downcast_ref::<Obstacle>().map(|obstacle| obstacle.why);
                known.or_else(|| cause.downcast_ref().map(why)).unwrap_or(ValkeyCause::Unreachable)
            }
        }
    }

    /// Converts the failure of a read: an unknown outcome is only `Unavailable`, because a read has no
    /// effect.
    pub(super) fn of_read(self) -> StoreError {
        match self {
            Self::Unknown(cause) => StoreError::Unavailable(Some(cause)),
            other => other.of_write(),
        }
    }

    /// Converts the failure of a write.
    pub(super) fn of_write(self) -> StoreError {
        match self {
            Self::Away(cause) | Self::Refused(cause) => StoreError::Unavailable(Some(cause)),
            Self::Full => StoreError::Full,
            Self::NoScript => StoreError::Unavailable(None),
            Self::Unknown(_) => StoreError::OutcomeUnknown,
            Self::Odd(cause) => StoreError::Corrupt { what: format!("an answer that cannot be: {cause}") },
        }
    }

    /// Waits before a retry. Only for idempotent calls that run before anything of the session is stored.
    ///
    /// # Errors
    /// The converted failure, if the call certainly failed or if no time is left for a retry.
    pub(super) async fn wait_to_retry(self, until: Instant) -> StoreResult<()> {
        match self {
            Self::Unknown(_) if Instant::now() + AGAIN < until => {
                tokio::time::sleep(AGAIN).await;
                Ok(())
            }
            // Whatever this call did, the session was not stored yet.
            Self::Unknown(cause) => Err(StoreError::Unavailable(Some(cause))),
            failure => Err(failure.of_write()),
        }
    }
}

/// The reason why the server accepts no writes, derived from a client error.
pub(super) fn why(error: &RedisError) -> ValkeyCause {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match error.code().unwrap_or_default() {
        "OOM" => ValkeyCause::Full,
        "LOADING" => ValkeyCause::Loading,
        "MISCONF" => ValkeyCause::Disk,
        "NOREPLICAS" => ValkeyCause::Replicas,
        "NOAUTH" | "WRONGPASS" => ValkeyCause::Password,
        "NOPERM" => ValkeyCause::Rights,
        "READONLY" => ValkeyCause::ReadOnly,
        "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" => ValkeyCause::Cluster,
        // An error during the handshake has its code only in the text.
        "" if says(&["WRONGPASS", "NOAUTH"]) => ValkeyCause::Password,
        "" if says(&["LOADING"]) => ValkeyCause::Loading,
        "" if says(&["ertificate", "UnknownIssuer", "BadSignature", "no native root"]) => ValkeyCause::Certificate,
        "" => ValkeyCause::Unreachable,
        // A missing permission for a command inside a script has no error code of its own.
        _ if says(&["ACL failure in script", "user executing the script"]) => ValkeyCause::Rights,
        _ => ValkeyCause::Refusing,
    }
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, RedisError, ServerErrorKind};

    use super::*;

    #[test]
    fn what_a_cluster_s_client_says_proves_nothing_where_its_own_question_could_have_met_it() {
        for kind in [ServerErrorKind::BusyLoading, ServerErrorKind::NoPerm] {
            let error = || RedisError::from((ErrorKind::Server(kind), "no"));
            assert!(matches!(Failure::of(error(), true).0, Failure::Unknown(_)), "{kind:?}");
            assert!(!matches!(Failure::of(error(), false).0, Failure::Unknown(_)), "{kind:?}");
        }
        for kind in [ServerErrorKind::NoScript, ServerErrorKind::Moved, ServerErrorKind::ClusterDown] {
            let error = RedisError::from((ErrorKind::Server(kind), "no"));
            assert!(!matches!(Failure::of(error, true).0, Failure::Unknown(_)), "{kind:?}");
        }
    }
}
