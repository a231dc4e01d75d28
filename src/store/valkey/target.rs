//! The connection settings for Valkey: servers, topology, credentials and TLS.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Default ports of a server and of a sentinel.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// The topology of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// A single server.
    Standalone,
    /// A primary with replicas. The target's nodes are sentinels, which know the current primary.
    Sentinel {
        /// The sentinels' name for the primary.
        service: String,
        /// The password of the sentinels themselves, if they need one.
        password: Option<String>,
    },
    /// A cluster. The target's nodes are some of its nodes.
    Cluster,
}

/// The servers and how to connect to them. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct ValkeyTarget {
    /// Hosts and ports of the servers or sentinels to contact first. Exactly one for a single server.
    pub nodes: Vec<(String, u16)>,
    /// The topology of the servers.
    pub topology: Topology,
    /// The database number. Always 0 for a cluster.
    pub database: i64,
    /// The ACL user, or `None` for the default user.
    pub user: Option<String>,
    /// The password of the user, or `None` to connect without one.
    pub password: Option<String>,
    /// True if connections use TLS.
    pub is_encrypted: bool,
    /// The certificate authorities (PEM) to trust, or `None` to trust the system's.
    pub authority: Option<Vec<u8>>,
    /// True if games may begin although the servers may evict them.
    pub allows_eviction: bool,
}

/// The reason why a URL or certificate is invalid. The message is for the operator and shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTarget(pub String);

impl ValkeyTarget {
    /// Parses `valkey://[user:password@]host[:port][,host[:port]…][/database]`. `redis://` means the same;
    /// `valkeys://` and `rediss://` use TLS.
    ///
    /// # Errors
    /// The URL is malformed or doesn't fit the topology.
    pub fn parse(url: &str, topology: Topology) -> Result<Self, InvalidTarget> {
        let invalid = |what: &str| InvalidTarget(what.to_owned());
        let usual = "write it as valkey://user:password@host:6379, or rediss:// for TLS";
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid(usual))?;
        let is_encrypted = match scheme {
            "valkey" | "redis" => false,
            "valkeys" | "rediss" => true,
            _ => return Err(invalid(usual)),
        };
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(before, after)| (Some(before), after));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number.parse().map_err(|_| invalid("after the host stands a database's number, or nothing"))?,
        };
        let port = if matches!(topology, Topology::Sentinel { .. }) { SENTINEL_PORT } else { PORT };
        let nodes = hosts.split(',').map(|host| node(host, port)).collect::<Result<Vec<_>, _>>()?;
        if topology == Topology::Standalone && nodes.len() > 1 {
            return Err(invalid("several hosts need VALKEY_MODE=sentinel or cluster"));
        }
        if topology == Topology::Cluster && database != 0 {
            return Err(invalid("a cluster has no database but 0"));
        }
        let (user, password) = credentials.map_or((None, None), |text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            (Some(user), Some(password))
        });
        let decoded = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(decoded).transpose();
        let (user, password) = (decoded(user)?, decoded(password)?);
        let (authority, allows_eviction) = (None, false);
        Ok(Self { nodes, topology, database, user, password, is_encrypted, authority, allows_eviction })
    }

    /// Makes the target trust only these certificate authorities (PEM).
    ///
    /// # Errors
    /// The target doesn't use TLS, or `pem` contains no certificate.
    pub fn trusting(mut self, pem: Vec<u8>) -> Result<Self, InvalidTarget> {
        if !self.is_encrypted {
            return Err(InvalidTarget("the URL is not one of TLS: use rediss://".to_owned()));
        }
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => {
                self.authority = Some(pem);
                Ok(self)
            }
            Ok(_) => Err(InvalidTarget("it holds no certificate (PEM)".to_owned())),
            Err(error) => Err(InvalidTarget(format!("it holds no certificate (PEM): {error}"))),
        }
    }

    /// The hosts and ports as text for people, without user and password.
    pub fn hosts(&self) -> String {
        let shown: Vec<_> = self.nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        shown.join(", ")
    }
}

/// Parses a host with an optional port. An IPv6 address must be in brackets.
fn node(text: &str, usual: u16) -> Result<(String, u16), InvalidTarget> {
    // The message must not show `text`: if the URL has no `@`, it may be a password.
    let invalid = || InvalidTarget("after the credentials and an @ stands a host, or a host:port".to_owned());
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(invalid)) {
        Some(bracketed) => bracketed.map(|(host, rest)| (host, rest.strip_prefix(':')))?,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| invalid()))?;
    if host.is_empty() || port == 0 { Err(invalid()) } else { Ok((host.to_owned(), port)) }
}

/// Decodes a percent-encoded user name or password.
fn decoded(text: &str) -> Result<String, InvalidTarget> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    let invalid = |_| InvalidTarget("user and password must be percent-encoded UTF-8".to_owned());
    decoded.map(Into::into).map_err(invalid)
}

impl fmt::Debug for ValkeyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.hosts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> ValkeyTarget {
        ValkeyTarget::parse(url, Topology::Standalone).expect("it is good")
    }

    #[test]
    fn a_url_names_host_user_and_database() {
        let target = parsed("valkey://me:s%40fe@cache.example:7000/3");
        assert_eq!(target.nodes, [("cache.example".to_owned(), 7000)]);
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("me"), Some("s@fe")));
        assert_eq!((target.database, target.is_encrypted), (3, false));
        let target = parsed("rediss://:only@[::1]");
        assert_eq!(target.nodes, [("::1".to_owned(), 6379)]);
        assert_eq!((target.user, target.password.as_deref()), (None, Some("only")));
        assert!(target.is_encrypted);
    }

    #[test]
    fn several_hosts_are_for_sentinels_and_clusters() {
        assert!(ValkeyTarget::parse("valkey://a,b", Topology::Standalone).is_err());
        let service = "mymaster".to_owned();
        let target =
            ValkeyTarget::parse("redis://a,b:5", Topology::Sentinel { service, password: None }).expect("good");
        assert_eq!(target.nodes, [("a".to_owned(), 26_379), ("b".to_owned(), 5)]);
        assert!(ValkeyTarget::parse("redis://a/1", Topology::Cluster).is_err());
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for url in ["", "localhost:6379", "http://a", "valkey://", "valkey://a:x", "valkey://a:0", "redis://%ff:x@a"] {
            assert!(ValkeyTarget::parse(url, Topology::Standalone).is_err(), "{url}");
        }
        assert!(ValkeyTarget::parse("valkey://a/x", Topology::Standalone).is_err());
    }

    #[test]
    fn a_target_shows_no_password() {
        let forgotten = ValkeyTarget::parse("valkey://me:secret", Topology::Standalone).expect_err("there is no host");
        assert!(!forgotten.to_string().contains("secret"), "{forgotten}");
        assert!(!format!("{:?}", parsed("valkey://me:secret@a")).contains("secret"));
    }
}
