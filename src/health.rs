//! `rejoin health`: asks a running server whether it is ready, for containers and scripts.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server at `listen` whether it is ready.
///
/// # Errors
/// It can't be reached, or says no.
pub fn ask(listen: SocketAddr) -> anyhow::Result<()> {
    let address = reachable(listen);
    let answer = fetch(address).with_context(|| format!("nothing answers at {address}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let body = answer.lines().last().unwrap_or_default();
    if status != "200" {
        bail!("the server at {address} is not ready: {body}");
    }
    println!("{}", word(body));
    Ok(())
}

/// In which way it is ready: `degraded` is a way.
fn word(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    body["status"].as_str().unwrap_or("ready").to_owned()
}

/// A server that listens everywhere is asked on loopback.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn fetch(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(16 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_server_is_said_to_be_so() {
        assert_eq!(word(r#"{"status":"degraded","engine":"valkey"}"#), "degraded");
        assert_eq!(word(r#"{"status":"ready"}"#), "ready");
        assert_eq!(word("no JSON"), "ready");
    }
}
