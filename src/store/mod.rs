//! Stores for live sessions: one contract ([`GameSessionStore`]) and several engines (memory, redb, Valkey).
//!
//! A caller never reads a session and writes it back. It passes a command, and the engine applies the command
//! in one atomic step. Engine-specific terms (tables, keys) stay in the engine's own folder.

pub mod backup;
pub mod clock;
mod condition;
pub mod contract;
mod damage;
pub mod error;
mod format;
pub mod memory;
mod metered;
mod page;
pub(crate) mod panics;
mod payload;
mod quiz_cache;
pub mod redb;
pub mod router;
mod step;
pub mod valkey;
pub mod watch;

pub use clock::{Clock, GameClock, WallClock};
pub use contract::{
    Breaker, Cause, Dump, EventPage, FileFigures, GameSessionStore, ImportOutcome, LinkStatus, NewSession, Portable,
    Store, StoreFigures, StoreStatus, Swept, Trouble, ValkeyCause, ValkeyFigures,
};
pub use error::{StoreError, StoreResult};
pub use format::RECORD_FORMAT;
pub use metered::MeteredStore;
pub use router::{LocalFallback, OtherInstance, StoreRouter, StoresStatus};
pub use step::ApplyFn;
pub use watch::{Notice, Watch};
