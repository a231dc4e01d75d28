//! `rejoin health`: asks a running server whether it is ready, for containers and scripts.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// How long a server may take to reply.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait before a server that is not ready is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks the server at `listen` whether it is ready, again and again until it is or `wait` is over. Prints its status.
///
/// # Errors
/// It can't be reached, or says no. After a wait this is its last reply.
pub fn ask(listen: SocketAddr, wait: Duration) -> anyhow::Result<()> {
    let (address, begun) = (reachable(listen), Instant::now());
    let left = || wait.saturating_sub(begun.elapsed());
    loop {
        let patience = if wait.is_zero() { PATIENCE } else { left().clamp(PAUSE, PATIENCE) };
        match status(address, patience) {
            Ok(status) => {
                println!("{status}");
                return Ok(());
            }
            Err(error) if wait.is_zero() => return Err(error),
            Err(error) if left().is_zero() => {
                return Err(error.context(format!("not ready after {}", humantime::format_duration(wait))));
            }
            Err(_) => std::thread::sleep(left().min(PAUSE)),
        }
    }
}

/// The status of a ready server.
fn status(address: SocketAddr, patience: Duration) -> anyhow::Result<String> {
    let answer = fetch(address, patience).with_context(|| format!("nothing answers at {address}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    let body = answer.lines().last().unwrap_or_default();
    ensure!(status == "200", "the server at {address} is not ready: {body}");
    Ok(word(body))
}

/// The status of a ready server: `ready` or `degraded`.
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

fn fetch(address: SocketAddr, patience: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
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
