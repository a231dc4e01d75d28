//! The settings of the connection to Valkey, shared by every command that uses it.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use super::keys::{open_regular, read_file};
use crate::store::valkey::{Topology, ValkeyTarget};

/// How the servers of a Valkey store are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValkeyMode {
    /// One server
    Standalone,
    /// A primary with replicas. The URL names the sentinels, which know the primary
    Sentinel,
    /// A cluster
    Cluster,
}

/// Whether new games begin in a Valkey that may evict them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValkeyEviction {
    /// New games are refused, or begin in the fallback
    Refuse,
    /// New games begin. If Valkey evicts data of a game, rejoin notices it, and only that game is affected
    Allow,
}

/// Where Valkey is and how it is reached.
#[derive(Debug, Clone, Args)]
pub struct ValkeySettings {
    /// The URL of Valkey: valkey://user:password@host:6379/0 (the number of the database may be left out), or
    /// rediss:// for TLS. Several hosts, separated by commas, for sentinels and clusters
    #[arg(long = "valkey-url", env = "VALKEY_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,

    /// How the servers are arranged
    #[arg(long = "valkey-mode", env = "VALKEY_MODE", default_value = "standalone", value_name = "MODE")]
    pub mode: ValkeyMode,

    /// The password, if it is not in the URL
    #[arg(long = "valkey-password", env = "VALKEY_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub password: Option<String>,

    /// A file with the password
    #[arg(long = "valkey-password-file", env = "VALKEY_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// The only certificate authority (PEM) to trust. If not set, those of the system
    #[arg(long = "valkey-ca-file", env = "VALKEY_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// The name under which the sentinels know the primary
    #[arg(
        long = "valkey-sentinel-name",
        env = "VALKEY_SENTINEL_NAME",
        default_value = "mymaster",
        value_name = "NAME"
    )]
    pub sentinel_name: String,

    /// The password of the sentinels
    #[arg(
        long = "valkey-sentinel-password",
        env = "VALKEY_SENTINEL_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub sentinel_password: Option<String>,

    /// Whether new games begin if Valkey may evict live games, because its maxmemory-policy is not noeviction
    #[arg(long = "valkey-eviction", env = "REJOIN_VALKEY_EVICTION", default_value = "refuse", value_name = "WHETHER")]
    pub eviction: ValkeyEviction,
}

impl ValkeySettings {
    /// The target of the connection, by these settings and `url`. Reads the password file and the CA file.
    ///
    /// # Errors
    /// A setting is invalid, two settings contradict each other, or a file can't be read. The error names the
    /// setting.
    pub fn target(&self, url: &str) -> anyhow::Result<ValkeyTarget> {
        let topology = match self.mode {
            ValkeyMode::Standalone => Topology::Standalone,
            ValkeyMode::Cluster => Topology::Cluster,
            ValkeyMode::Sentinel => {
                Topology::Sentinel { service: self.sentinel_name.clone(), password: self.sentinel_password.clone() }
            }
        };
        let mut target = ValkeyTarget::parse(url, topology).context("VALKEY_URL")?;
        target.allows_eviction = self.eviction == ValkeyEviction::Allow;
        let named = [
            ("the password in the URL", target.password.is_some()),
            ("VALKEY_PASSWORD", self.password.is_some()),
            ("VALKEY_PASSWORD_FILE", self.password_file.is_some()),
        ];
        let named: Vec<_> = named.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name).collect();
        ensure!(named.len() < 2, "{}: only one of them may be set", named.join(" and "));
        target.password = target.password.or_else(|| self.password.clone());
        if let Some(file) = &self.password_file {
            let text = read_file("VALKEY_PASSWORD_FILE", file)?;
            let password = text.trim_end_matches(['\r', '\n']);
            ensure!(!password.is_empty(), "VALKEY_PASSWORD_FILE: {}: holds no password", file.display());
            target.password = Some(password.to_owned());
        }
        if let Some(file) = &self.ca_file {
            let name = || format!("VALKEY_CA_FILE: {}", file.display());
            let mut certificates = Vec::new();
            open_regular("VALKEY_CA_FILE", file)?.read_to_end(&mut certificates).with_context(name)?;
            target = target.trusting(certificates).with_context(name)?;
        }
        Ok(target)
    }
}
