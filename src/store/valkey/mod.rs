//! Sessions in a Valkey that several instances share.

mod target;

pub use target::{InvalidTarget, Target, Topology};
