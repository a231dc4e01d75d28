//! What can go wrong with a call, by what is known of its effect.

use redis::{ErrorKind, RedisError};
use tokio::time::Instant;

use super::super::contract::ValkeyCause;
use super::super::error::{BoxError, StoreError, StoreResult};
use super::commit::AGAIN;
use super::link::Obstacle;

/// Why a call came to nothing, or may not have.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server is out of reach or does not serve: nothing happened.
    #[error("{0}")]
    Away(BoxError),
    /// It refuses what it was asked, writes for now or a user without the right: nothing happened.
    #[error("{0}")]
    Refused(BoxError),
    /// It has no memory left for writes: nothing happened.
    #[error("out of memory")]
    Full,
    /// No answer: it may have happened, and may still happen.
    #[error("{0}")]
    Unknown(BoxError),
    /// The server has not met this script: nothing happened, and its text will do.
    #[error("an unknown script")]
    NoScript,
    /// What is stored there is not what this program stores.
    #[error("{0}")]
    Odd(BoxError),
}

/// What a failure says of the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkVerdict {
    /// The server answered: the way is good.
    Answered,
    /// It failed, and may be better the next time.
    Failed,
    /// This connection is of no use any more.
    Lost,
}

impl Failure {
    /// Reads a client's error. The client sends nothing a second time, so that a code is the server's
    /// word on the only try. But what a cluster's client meets when it asks for the cluster's shape it
    /// tells to all that is under way: a code that such a question can meet proves nothing there.
    pub(super) fn of(error: RedisError, is_cluster: bool) -> (Self, LinkVerdict) {
        let code = error.code().unwrap_or_default().to_owned();
        let unsure = |error: RedisError| {
            if is_cluster { Self::Unknown(error.into()) } else { Self::Away(error.into()) }
        };
        match code.as_str() {
            "OOM" => (Self::Full, LinkVerdict::Answered),
            "NOSCRIPT" => (Self::NoScript, LinkVerdict::Answered),
            "MISCONF" | "NOREPLICAS" => (Self::Refused(error.into()), LinkVerdict::Answered),
            "NOPERM" if !is_cluster => (Self::Refused(error.into()), LinkVerdict::Answered),
            "NOPERM" => (Self::Unknown(error.into()), LinkVerdict::Answered),
            "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" => {
                (Self::Away(error.into()), LinkVerdict::Failed)
            }
            "LOADING" | "BUSY" => (unsure(error), LinkVerdict::Failed),
            // A primary that has become a replica; a password that was changed.
            "READONLY" => (Self::Away(error.into()), LinkVerdict::Lost),
            "NOAUTH" | "WRONGPASS" => (unsure(error), LinkVerdict::Lost),
            "" => Self::without_code(error, is_cluster),
            _ if why(&error) == ValkeyCause::Rights => (Self::Refused(error.into()), LinkVerdict::Answered),
            _ => (Self::Odd(error.into()), LinkVerdict::Answered),
        }
    }

    fn without_code(error: RedisError, is_cluster: bool) -> (Self, LinkVerdict) {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => (Self::Odd(error.into()), LinkVerdict::Answered),
            // A cluster's connections are many, and the client mends each by itself.
            _ if is_cluster || error.is_timeout() => (Self::Unknown(error.into()), LinkVerdict::Failed),
            _ => (Self::Unknown(error.into()), LinkVerdict::Lost),
        }
    }

    /// Why the server serves no writes, if it is for this.
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

    /// Waits to run a step again that does no harm twice and comes before anything is stored.
    ///
    /// # Errors
    /// What it means, if it has failed for sure, or `until` is too near.
    pub(super) async fn wait_to_retry(self, until: Instant) -> StoreResult<()> {
        match self {
            Self::Unknown(_) if Instant::now() + AGAIN < until => {
                tokio::time::sleep(AGAIN).await;
                Ok(())
            }
            // Whatever it did, nothing was stored.
            Self::Unknown(cause) => Err(StoreError::Unavailable(Some(cause))),
            failure => Err(failure.of_write()),
        }
    }
}

/// Why the server serves no writes, by what a client met.
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
        // The greeting's refusal has a code only in its text.
        "" if says(&["WRONGPASS", "NOAUTH"]) => ValkeyCause::Password,
        "" if says(&["LOADING"]) => ValkeyCause::Loading,
        "" if says(&["ertificate", "UnknownIssuer", "BadSignature", "no native root"]) => ValkeyCause::Certificate,
        "" => ValkeyCause::Unreachable,
        // A missing right that only a command within a script meets has no code of its own.
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
