//! WebSocket framing (RFC 6455) over a TCP connection that has left HTTP: two ends that send frames and receive
//! whole messages. Protocol errors and pings are answered here. It knows nothing of what is spoken over it.
//!
//! A [`Sender`] queues nothing and waits instead, and a [`Receiver`] reads no further than the message that it
//! gives: a client that doesn't read, or that floods, costs no memory.
//!
//! `docs/websocket.md` says why this is not a library's.

mod close;
mod decoder;
mod frame;
mod rate;
mod socket;
mod wire;

use std::any::Any;

pub(crate) use close::{CloseCode, ReceiveEnd};
pub(crate) use decoder::{Limits, Message};
pub(crate) use frame::Frame;
pub(crate) use rate::FRAMES_BURST;
#[cfg(test)]
pub(crate) use socket::tests::{connected, large};
pub(crate) use socket::{Receiver, Sender, Unsent, socket};
pub(crate) use wire::{CLOSING_BYTES, Wire, in_time};

/// Something that is held as long as the connection, such as its place in the limits.
pub(crate) type Guard = Box<dyn Any + Send + Sync>;
