//! How a server lets clients in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::resp::Connection;

/// What a client must know.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// The default user's password.
    pub(crate) password: Option<String>,
    /// Whom to trust, where connections are encrypted.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Access {
    /// That to a server with these settings, without TLS.
    pub(crate) fn plain(args: &[&str]) -> Self {
        let password = args.windows(2).find(|pair| pair[0] == "--requirepass").map(|pair| pair[1].to_owned());
        Self { password, tls: None }
    }

    /// The URL of a server on this port.
    pub(crate) fn url(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "rediss" } else { "valkey" };
        let credentials = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("{scheme}://{credentials}127.0.0.1:{port}")
    }

    /// A connection to a port on 127.0.0.1, no step of which may take longer than `patience`.
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
