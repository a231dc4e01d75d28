//! Use cases: what a request asks for, in commands to the store. Nothing here knows HTTP, and no
//! rule lives here.

pub mod chance;
pub mod error;
pub mod reaper;
pub mod solo;

pub use chance::Chance;
pub use error::GameError;
pub use solo::SoloGames;
