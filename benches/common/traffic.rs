//! Bytes that the players of this process have sent to the server and received from it: payloads of TCP, without
//! the headers of its packets.

use std::sync::atomic::{AtomicU64, Ordering};

static SENT: AtomicU64 = AtomicU64::new(0);
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Counts bytes that a player has passed to the kernel.
pub fn sent(bytes: usize) {
    SENT.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Counts bytes that a player has read.
pub fn received(bytes: usize) {
    RECEIVED.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// All bytes sent and received so far.
pub fn so_far() -> [f64; 2] {
    [&SENT, &RECEIVED].map(|bytes| bytes.load(Ordering::Relaxed) as f64)
}
