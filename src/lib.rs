//! rejoin: a game-session server that keeps live quiz games on disk, so that every player can rejoin a game
//! after a failure.
//!
//! Each layer may import only from the layers below it in this table. `tests/it/layers.rs` checks this.
//!
//! | layer | what lives there |
//! | --- | --- |
//! | [`server`] | the composition root: creates all parts, starts and stops them in order |
//! | [`http`] | the URL table, requests, replies, problems; besides the root only this layer uses actix |
//! | `websocket` | WebSocket framing over a TCP connection; it knows no other layer |
//! | [`game`] | use cases: solo games, rooms and their hub, the reaper |
//! | [`quizzes`] | question banks: the file format, the catalogue, importers |
//! | [`store`] | the store contract, its errors, the record format, the engines |
//! | [`metrics`] | what is measured, for Prometheus; it knows no other layer |
//! | [`domain`] | the rules: pure, without async, I/O, clock or randomness |
//!
//! The client side, which imports nothing of the layers above. It is left out without the feature `clients`:
//!
//! | part | what lives there |
//! | --- | --- |
//! | [`drill`] | rooms full of bots that play against a server while it is killed repeatedly |
//! | [`client`] | a client of rooms that reconnects, and checks the protocol's promises while it plays |
//!
//! Beside the root: [`config`] has every setting, [`telemetry`] sets up the log, [`output`] prints what commands say,
//! [`health`] is the health check that a container runs against a server, [`operator`] has the commands that ask a
//! running server, [`upkeep`] those that work on the file of a server that does not run, [`migrate`] moves whole
//! sessions from one store to another, and [`version`] says which build this is.

// First, because its macros are known only below it.
#[macro_use]
pub mod output;

#[cfg(feature = "clients")]
pub mod client;
pub mod config;
pub mod domain;
#[cfg(feature = "clients")]
pub mod drill;
#[cfg(test)]
mod fuzzing;
pub mod game;
pub mod health;
pub mod http;
pub mod metrics;
pub mod migrate;
pub mod operator;
pub mod quizzes;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod upkeep;
pub mod version;
mod websocket;

/// mimalloc, because a session's texts are allocated on the request's thread and freed on the writer's. With
/// the C library's allocator this was the largest cost of a commit. Huge pages stay off: clearing one takes
/// as long as three answers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
