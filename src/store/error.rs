//! The error type of the stores, with one variant for each way the caller can react.
//!
//! A missing session is `None`, and a refused move is a [`Refusal`](crate::domain::Refusal). Neither is an
//! error.

use std::sync::Arc;

/// The result of a call to a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// The underlying cause of an error, shared by all callers that get it. It is logged and never shown to a player.
pub type SharedError = Arc<dyn std::error::Error + Send + Sync>;

/// Makes a cause that can be shared.
pub(crate) fn shared(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SharedError {
    cause.into().into()
}

/// An error of a store, by what the caller can do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A live session has this id or join code. The caller must choose another one.
    #[error("a live session has this id or join code")]
    AlreadyExists,
    /// Too much work is queued. Nothing was changed; the caller can retry.
    #[error("too many commands are waiting for the store")]
    Busy,
    /// No space is left. Nothing was changed; writes work again once there is space.
    #[error("the store has no space left")]
    Full,
    /// The store can't be reached. Nothing was changed; the caller can retry later.
    #[error("the store is out of reach")]
    Unavailable(#[source] Option<SharedError>),
    /// The command may or may not have been committed. A retry with the same idempotency key finds out.
    #[error("the store cannot tell whether the command was committed")]
    OutcomeUnknown,
    /// A stored record is damaged or written by a newer release. It is left unchanged.
    #[error("a stored record cannot be read: {what}")]
    Corrupt {
        /// The record, and what is wrong with it.
        what: String,
    },
    /// A rule panicked. This command was not applied; other commands are not affected.
    #[error("a rule failed on this command: {what}")]
    RuleFailed {
        /// The panic message.
        what: String,
    },
}

impl StoreError {
    /// An [`Unavailable`](Self::Unavailable) error with this cause.
    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(Some(shared(cause)))
    }
}
