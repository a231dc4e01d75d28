//! Use cases: what a request asks for, in commands to the store. Nothing here knows HTTP, and no
//! rule lives here.

pub mod chance;
pub mod dates;
pub mod error;
pub mod hub;
mod picking;
pub mod reaper;
pub mod rooms;
pub mod solo;
mod touch;

pub use chance::Entropy;
pub use dates::Dates;
pub use error::GameError;

pub use hub::Hub;
pub use rooms::Rooms;
pub use solo::SoloGames;
