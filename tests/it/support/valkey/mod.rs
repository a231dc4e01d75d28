//! Real Valkey servers, started with `deploy/valkey.conf`. All calls block their thread: a start for about 50
//! ms, and a command until the server replies.

pub(crate) mod access;
pub(crate) mod cluster;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod resp;
pub(crate) mod sentinels;
pub(crate) mod server;
pub(crate) mod shared;
pub(crate) mod tls;

use std::time::Duration;

pub(crate) use cluster::{FreshCluster, ValkeyCluster, fresh_cluster};
pub(crate) use proxy::Proxy;
pub(crate) use resp::Resp;
pub(crate) use sentinels::ValkeySentinels;
pub(crate) use server::ValkeyServer;
pub(crate) use shared::{fresh_database, shared};
pub(crate) use tls::TlsServer;

/// The setting of a server that loses no acknowledged write when it is killed, however slow its disk is. With
/// `everysec` it may lose up to two seconds.
pub(crate) const DURABLE: [&str; 2] = ["--appendfsync", "always"];

/// The longest time that a server may take to reply.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
