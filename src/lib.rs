//! rejoin: a game-session server that keeps live quiz games on disk and brings every player back.
//!
//! Data flows one way and imports point one way, down this list; `tests/it/layers.rs` keeps it so.
//!
//! | layer | what lives there |
//! | --- | --- |
//! | [`server`] | the composition root: what starts in which order, and stops in which |
//! | [`http`] | the URL table, requests, replies, problems, WebSockets; the only place besides the root that names actix |
//! | [`game`] | use cases: solo games, the reaper |
//! | [`quizzes`] | question banks: the file format, the catalogue, importers |
//! | [`store`] | the store contract, its errors, the record format, the engines |
//! | [`domain`] | the rules: pure, without async, I/O, clock or chance |
//!
//! On the other side of the wire, naming nothing of the above:
//!
//! | part | what lives there |
//! | --- | --- |
//! | [`drill`] | rooms full of bots against a server that is killed again and again |
//! | [`client`] | a client of rooms that comes back, and checks the promises while it plays |
//!
//! [`config`], [`telemetry`], [`health`] and [`migrate`] stand beside the root: every setting, how the
//! log looks, the question that a container asks of a running server, and the way of whole sessions
//! from one store to another.

pub mod client;
pub mod config;
pub mod domain;
pub mod drill;
pub mod game;
pub mod health;
pub mod http;
pub mod migrate;
pub mod quizzes;
pub mod server;
pub mod store;
pub mod telemetry;

/// A session's texts are allocated on the request's thread and freed on the writer's, which the C
/// library's allocator made the largest cost of a commit. Without huge pages: clearing one of them
/// takes as long as three answers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
