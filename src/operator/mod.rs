//! What an operator does to a running server from the command line, over its admin listener.

mod backup;
mod client;

pub use backup::back_up;
pub use client::AdminClient;
