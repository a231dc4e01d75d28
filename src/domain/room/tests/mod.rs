//! The rules of rooms, without any I/O.

mod games;
mod host;
mod kit;
mod results;
