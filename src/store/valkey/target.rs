//! Where Valkey is: which servers, how they are arranged, who we are to them.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The port of a server, and of a sentinel, whose URL names none.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// How the servers are arranged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// One server.
    Standalone,
    /// A primary and its replicas, of which the nodes, sentinels, know the primary by this name.
    Sentinel {
        /// The name under which the sentinels know the primary.
        service: String,
        /// What the sentinels themselves ask for.
        password: Option<String>,
    },
    /// A cluster, of which the nodes are some.
    Cluster,
}

/// Where Valkey is and how it is reached. `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct ValkeyTarget {
    /// Hosts and ports to begin with; one if it stands alone.
    pub nodes: Vec<(String, u16)>,
    /// How they are arranged.
    pub topology: Topology,
    /// The database's number.
    pub database: i64,
    /// The user, if not the default one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// Whether connections are encrypted.
    pub is_encrypted: bool,
    /// The certificate authority (PEM) that signs the servers' certificates, if not the system's.
    pub authority: Option<Vec<u8>>,
    /// Whether games begin though the servers may throw them away.
    pub allows_eviction: bool,
}

/// Why a URL is none of Valkey's. The message is fit for the operator and shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTarget(pub String);

impl ValkeyTarget {
    /// Reads `valkey://[user:password@]host[:port][,host[:port]…][/database]`; `redis://` is the
    /// same, `valkeys://` and `rediss://` are encrypted.
    ///
    /// # Errors
    /// What is wrong with it.
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

    /// The same, trusting servers whose certificates these authorities (PEM) sign, and no others.
    ///
    /// # Errors
    /// The target isn't encrypted, or there is no certificate in `pem`.
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

    /// The hosts for people: no user, no password.
    pub fn hosts(&self) -> String {
        let shown: Vec<_> = self.nodes.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        shown.join(", ")
    }
}

/// A host with its port; an IPv6 address stands in brackets.
fn node(text: &str, usual: u16) -> Result<(String, u16), InvalidTarget> {
    // Not with its text: without an @ behind it, it may be a password.
    let invalid = || InvalidTarget("after the credentials and an @ stands a host, or a host:port".to_owned());
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(invalid)) {
        Some(bracketed) => bracketed.map(|(host, rest)| (host, rest.strip_prefix(':')))?,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| invalid()))?;
    if host.is_empty() || port == 0 { Err(invalid()) } else { Ok((host.to_owned(), port)) }
}

/// A user or password as it was before it was written into a URL.
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
