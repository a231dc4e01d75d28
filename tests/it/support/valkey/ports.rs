//! Ports that stay with a server over its restarts. They are below the range from which the system assigns
//! ports, and each is handed out once.

use std::net::TcpListener;
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// Linux assigns ports from 32768 on.
const PORTS: Range<u16> = 10_000..32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens now. This process hands it out only once.
pub(crate) fn free_port() -> u16 {
    let count = PORTS.end - PORTS.start;
    // Another test process starts at another port.
    let first = u16::try_from(std::process::id() * 97 % u32::from(count)).expect("a remainder of a u16");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = (0..count).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % count;
        PORTS.start + u16::try_from((u32::from(first) + u32::from(step)) % u32::from(count)).expect("below the end")
    });
    ports.find(is_free).expect("some port is free")
}

/// A few ports: another program may take one after it was chosen and before the server starts.
pub(crate) fn free_ports() -> impl Iterator<Item = u16> {
    std::iter::repeat_with(free_port).take(5)
}
