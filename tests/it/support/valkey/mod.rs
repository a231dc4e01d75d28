//! Real Valkey servers, started as `deploy/valkey.conf` says. All of this blocks its thread: for
//! some 50 ms a start, and for as long as a server takes to reply.

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

/// The settings of a server that loses nothing when it is killed, however slow its disk is: by
/// `everysec` it may write up to two seconds behind.
pub(crate) const DURABLE: [&str; 2] = ["--appendfsync", "always"];

/// How long a server may take to reply.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
