//! What can go wrong with a store, named by what the caller can do about it. Absence is `None`, a
//! refused move is a [`Refusal`](crate::domain::Refusal); neither is an error.

/// A store's answer.
pub type StoreResult<T> = Result<T, StoreError>;

/// The cause beneath an error: for the log, never for a player.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a caller has to tell apart.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A live session has this id or join code: choose another.
    #[error("a live session has this id or join code")]
    AlreadyExists,
    /// Too much is waiting: nothing happened, try again.
    #[error("too many commands are waiting for the store")]
    Busy,
    /// No space is left: nothing happened, and it heals when there is space again.
    #[error("the store has no space left")]
    Full,
    /// Out of reach: nothing happened, try again later.
    #[error("the store is out of reach")]
    Unavailable(#[source] Option<BoxError>),
    /// It may have happened: the idempotent repeat finds out.
    #[error("the store cannot tell whether the command was committed")]
    OutcomeUnknown,
    /// A record is damaged or newer than this program. It is left as it is.
    #[error("a stored record cannot be read: {what}")]
    Corrupt {
        /// Which record, and what was met.
        what: String,
    },
    /// A rule panicked: the command was not carried out, no other was harmed.
    #[error("a rule failed on this command: {what}")]
    RuleFailed {
        /// The panic's message.
        what: String,
    },
}

impl StoreError {
    /// Out of reach because of `cause`.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(Some(cause.into()))
    }
}
