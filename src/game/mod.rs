//! Use cases: turn requests into commands to the store. Nothing here knows HTTP, and the rules are in the domain.

mod activity;
pub mod dates;
pub mod entropy;
pub mod error;
pub mod hub;
mod outcomes;
mod quiz_source;
pub mod reaper;
pub mod rooms;
mod session_access;
pub mod sessions;
pub mod solo;

pub use activity::{Activity, ActivityCounts};
pub use dates::Dates;
pub use entropy::Entropy;
pub use error::GameError;

pub use hub::Hub;
pub use rooms::Rooms;
pub use sessions::SessionAdmin;
pub use solo::SoloGames;
