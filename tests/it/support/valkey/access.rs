//! The URL, the password and the TLS settings by which clients connect to a server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::resp::Connection;

/// What a client needs to connect.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// The password of the default user, if it has one.
    pub(crate) password: Option<String>,
    /// The TLS settings with the trusted authority, or `None` where connections are not encrypted.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Access {
    /// The access to a server that is started with these arguments, without TLS.
    pub(crate) fn plain(args: &[&str]) -> Self {
        let password = args.windows(2).find(|pair| pair[0] == "--requirepass").map(|pair| pair[1].to_owned());
        Self { password, tls: None }
    }

    /// The URL of a server on this port of 127.0.0.1.
    pub(crate) fn url(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "rediss" } else { "valkey" };
        let credentials = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("{scheme}://{credentials}127.0.0.1:{port}")
    }

    /// Connects to a port on 127.0.0.1. Connecting and each read or write may take `patience` at most.
    pub(crate) fn connection(&self, port: u16, patience: Duration) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Connection::over(stream, self.password.as_deref()) };
        let session = ClientConnection::new(tls.clone(), ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)));
        let session = session.map_err(io::Error::other)?;
        Connection::over(StreamOwned::new(session, stream), self.password.as_deref())
    }
}
