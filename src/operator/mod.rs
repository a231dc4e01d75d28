//! What an operator does to a running server from the command line, over its admin listener.

mod client;

pub use client::AdminClient;
