//! The settings of all limits. A refusal names its setting to the client. The doc comments on the fields are
//! the `--help` text.

use std::num::NonZeroU32;

use anyhow::ensure;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

/// Whether limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// All limits apply
    On,
    /// No limit applies: for load tests
    Off,
}

/// The limits of one address, of one API key, and of all together.
#[derive(Debug, Clone, Args)]
pub struct LimitSettings {
    /// Whether the limits below apply
    #[arg(long = "limits", env = "REJOIN_LIMITS", default_value = "on", value_name = "SWITCH")]
    pub switch: Switch,

    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas (127.0.0.1,10.0.0.0/8)
    #[arg(long, env = "REJOIN_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "NETWORK,…")]
    pub trusted_proxies: Vec<IpNet>,

    /// Maximum connections in total, but never more than the limit of open files allows
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS", default_value = "10000", value_name = "COUNT")]
    pub max_connections: NonZeroU32,

    /// Maximum connections of one address (for IPv6, of one /64 network). A school is usually one address
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS_PER_ADDRESS", default_value = "3000", value_name = "COUNT")]
    pub max_connections_per_address: NonZeroU32,

    /// Maximum live connections and long polls of one seat. Only a host's seat has several
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS_PER_SEAT", default_value = "8", value_name = "COUNT")]
    pub max_connections_per_seat: NonZeroU32,

    /// Maximum frames per second from a player or a host, of 16 KiB each on average, and separately the seat's
    /// changing calls over HTTP. The burst is six times as much
    #[arg(long, env = "REJOIN_FRAMES_PER_SECOND", default_value = "20", value_name = "COUNT")]
    pub frames_per_second: NonZeroU32,

    /// Maximum requests of any kind per second from one address. The burst is twice as much. Requests with an API key
    /// have no such limit
    #[arg(long, env = "REJOIN_REQUESTS_PER_ADDRESS", default_value = "2000", value_name = "COUNT")]
    pub requests_per_address: NonZeroU32,

    /// Maximum total size of the bodies of all requests in flight, 1MiB to 1TiB
    #[arg(long, env = "REJOIN_BODIES_SIZE", default_value = "128MiB", value_name = "SIZE")]
    pub bodies_size: ByteSize,

    /// Maximum total size of the bodies of all requests in flight from one address, 1MiB to 1TiB
    #[arg(long, env = "REJOIN_BODIES_SIZE_PER_ADDRESS", default_value = "16MiB", value_name = "SIZE")]
    pub bodies_size_per_address: ByteSize,

    /// Maximum games and rooms created per minute by one address
    #[arg(long, env = "REJOIN_CREATES_PER_ADDRESS", default_value = "600", value_name = "COUNT")]
    pub creates_per_address: NonZeroU32,

    /// Maximum games and rooms created per minute by all addresses without an API key together
    #[arg(long, env = "REJOIN_CREATES", default_value = "6000", value_name = "COUNT")]
    pub creates: NonZeroU32,

    /// Maximum rooms opened per minute by one address
    #[arg(long, env = "REJOIN_ROOMS_PER_ADDRESS", default_value = "60", value_name = "COUNT")]
    pub rooms_per_address: NonZeroU32,

    /// Maximum total size of the games and rooms created per minute by one address, 1MiB to 1TiB
    #[arg(long, env = "REJOIN_CREATED_SIZE_PER_ADDRESS", default_value = "32MiB", value_name = "SIZE")]
    pub created_size_per_address: ByteSize,

    /// Maximum total size of the games and rooms created per minute by all addresses without an API key together,
    /// 1MiB to 1TiB
    #[arg(long, env = "REJOIN_CREATED_SIZE", default_value = "256MiB", value_name = "SIZE")]
    pub created_size: ByteSize,

    /// Maximum live games and rooms in total. The last tenth is reserved for API keys
    #[arg(long, env = "REJOIN_MAX_SESSIONS", default_value = "100000", value_name = "COUNT")]
    pub max_sessions: NonZeroU32,

    /// Maximum live games and rooms created by one address, as far as this instance remembers
    #[arg(long, env = "REJOIN_MAX_SESSIONS_PER_ADDRESS", default_value = "10000", value_name = "COUNT")]
    pub max_sessions_per_address: NonZeroU32,

    /// Maximum live games and rooms created by one API key, as far as this instance remembers
    #[arg(long, env = "REJOIN_MAX_SESSIONS_PER_KEY", default_value = "50000", value_name = "COUNT")]
    pub max_sessions_per_key: NonZeroU32,

    /// Maximum wrong join codes per minute from one address
    #[arg(long, env = "REJOIN_UNKNOWN_CODES_PER_ADDRESS", default_value = "120", value_name = "COUNT")]
    pub unknown_codes_per_address: NonZeroU32,

    /// Maximum wrong join codes per minute from all addresses together
    #[arg(long, env = "REJOIN_UNKNOWN_CODES", default_value = "1200", value_name = "COUNT")]
    pub unknown_codes: NonZeroU32,

    /// Maximum joins per minute in one room [default: twice its maxSeats, at least 120]
    #[arg(long, env = "REJOIN_JOINS_PER_ROOM", value_name = "COUNT")]
    pub joins_per_room: Option<NonZeroU32>,
}

impl LimitSettings {
    /// False if all limits are off.
    pub fn is_on(&self) -> bool {
        self.switch == Switch::On
    }

    /// Checks that every size is between 1 MiB and 1 TiB.
    ///
    /// # Errors
    /// Names the first setting that is out of range.
    pub fn check(&self) -> anyhow::Result<()> {
        // The lower bound leaves room for the largest body of one request.
        let sizes = ByteSize::mib(1)..=ByteSize::gib(1024);
        ensure!(sizes.contains(&self.created_size), "REJOIN_CREATED_SIZE: 1MiB to 1TiB");
        ensure!(sizes.contains(&self.created_size_per_address), "REJOIN_CREATED_SIZE_PER_ADDRESS: 1MiB to 1TiB");
        ensure!(sizes.contains(&self.bodies_size), "REJOIN_BODIES_SIZE: 1MiB to 1TiB");
        ensure!(sizes.contains(&self.bodies_size_per_address), "REJOIN_BODIES_SIZE_PER_ADDRESS: 1MiB to 1TiB");
        Ok(())
    }
}

/// Parses a network. An address alone is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    network.map_err(|_| "write an address or a network, such as 10.0.0.1 or 10.0.0.0/8".to_owned())
}
