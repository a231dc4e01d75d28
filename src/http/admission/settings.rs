//! The settings of all limits. A refusal names its setting to the client. The doc comments on the fields are
//! the `--help` text.

use std::num::NonZeroU32;

use anyhow::ensure;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

/// Whether limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// They do
    On,
    /// None does: for load tests
    Off,
}

/// How much one address, one key and all together may take.
#[derive(Debug, Clone, Args)]
pub struct LimitSettings {
    /// Whether the limits below hold; off is for load tests
    #[arg(long = "limits", env = "REJOIN_LIMITS", default_value = "on", value_name = "SWITCH")]
    pub switch: Switch,

    /// Proxies that are believed when they say in X-Forwarded-For who the client is: addresses or
    /// networks, separated by commas (127.0.0.1,10.0.0.0/8)
    #[arg(long, env = "REJOIN_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "NETWORK,…")]
    pub trusted_proxies: Vec<IpNet>,

    /// Most connections in all
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS", default_value = "10000", value_name = "COUNT")]
    pub max_connections: NonZeroU32,

    /// Most connections of one address (IPv6: of one /64). A school is one address
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS_PER_ADDRESS", default_value = "3000", value_name = "COUNT")]
    pub max_connections_per_address: NonZeroU32,

    /// Most live connections, and requests that wait for events, of one seat. Only a host's seat has
    /// several at once
    #[arg(long, env = "REJOIN_MAX_CONNECTIONS_PER_SEAT", default_value = "8", value_name = "COUNT")]
    pub max_connections_per_seat: NonZeroU32,

    /// Frames a second that a player may send over a WebSocket, of 16 KiB each on average, and calls
    /// over HTTP; six seconds' worth may come at once
    #[arg(long, env = "REJOIN_FRAMES_PER_SECOND", default_value = "20", value_name = "COUNT")]
    pub frames_per_second: NonZeroU32,

    /// Requests a second of one address, whatever they ask for; two seconds' worth may come at once. Whoever
    /// shows an API key has no such limit
    #[arg(long, env = "REJOIN_REQUESTS_PER_ADDRESS", default_value = "2000", value_name = "COUNT")]
    pub requests_per_address: NonZeroU32,

    /// What the bodies of all requests under way may hold
    #[arg(long, env = "REJOIN_BODIES_SIZE", default_value = "128MiB", value_name = "SIZE")]
    pub bodies_size: ByteSize,

    /// What the bodies of one address's requests under way may hold
    #[arg(long, env = "REJOIN_BODIES_SIZE_PER_ADDRESS", default_value = "16MiB", value_name = "SIZE")]
    pub bodies_size_per_address: ByteSize,

    /// Games and rooms that one address may create a minute
    #[arg(long, env = "REJOIN_CREATES_PER_ADDRESS", default_value = "600", value_name = "COUNT")]
    pub creates_per_address: NonZeroU32,

    /// Games and rooms that all addresses without a key may create a minute
    #[arg(long, env = "REJOIN_CREATES", default_value = "6000", value_name = "COUNT")]
    pub creates: NonZeroU32,

    /// Rooms that one address may open a minute
    #[arg(long, env = "REJOIN_ROOMS_PER_ADDRESS", default_value = "60", value_name = "COUNT")]
    pub rooms_per_address: NonZeroU32,

    /// What the games and rooms may hold that one address creates a minute
    #[arg(long, env = "REJOIN_CREATED_SIZE_PER_ADDRESS", default_value = "32MiB", value_name = "SIZE")]
    pub created_size_per_address: ByteSize,

    /// What the games and rooms may hold that all addresses without a key create a minute
    #[arg(long, env = "REJOIN_CREATED_SIZE", default_value = "256MiB", value_name = "SIZE")]
    pub created_size: ByteSize,

    /// Most live games and rooms in all. The last tenth is for API keys
    #[arg(long, env = "REJOIN_MAX_SESSIONS", default_value = "100000", value_name = "COUNT")]
    pub max_sessions: NonZeroU32,

    /// Most live games and rooms that one address has created, as far as this instance remembers
    #[arg(long, env = "REJOIN_MAX_SESSIONS_PER_ADDRESS", default_value = "10000", value_name = "COUNT")]
    pub max_sessions_per_address: NonZeroU32,

    /// Most live games and rooms that one API key has created, as far as this instance remembers
    #[arg(long, env = "REJOIN_MAX_SESSIONS_PER_KEY", default_value = "50000", value_name = "COUNT")]
    pub max_sessions_per_key: NonZeroU32,

    /// Join codes that one address may try a minute though no room has them
    #[arg(long, env = "REJOIN_UNKNOWN_CODES_PER_ADDRESS", default_value = "120", value_name = "COUNT")]
    pub unknown_codes_per_address: NonZeroU32,

    /// Join codes that all addresses may try a minute though no room has them
    #[arg(long, env = "REJOIN_UNKNOWN_CODES", default_value = "1200", value_name = "COUNT")]
    pub unknown_codes: NonZeroU32,

    /// Players that may join one room a minute [default: twice its maxSeats, at least 120]
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
