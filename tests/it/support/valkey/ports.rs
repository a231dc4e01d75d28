//! Ports that stay a server's own over its restarts: from below those that the system hands out
//! by itself, one after the other.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Linux hands out ports from 32768 on.
const PORTS: Range<u16> = 10_000..32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on now, and that this process hands out once.
pub(crate) fn free_port() -> u16 {
    let count = PORTS.end - PORTS.start;
    // Another test process begins elsewhere.
    let first = u16::try_from(std::process::id() * 97 % u32::from(count)).expect("a remainder of a u16");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = (0..count).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        PORTS.start + u16::try_from((u32::from(first) + u32::from(step)) % u32::from(count)).expect("below the end")
    });
    ports.find(is_free).expect("some port is free")
}

/// A few such ports: somebody may take one between its choice and the start of a server.
pub(crate) fn free_ports() -> impl Iterator<Item = u16> {
    std::iter::repeat_with(free_port).take(5)
}
