//! The rules of rooms, without any I/O.

mod external;
mod games;
mod host;
mod joining;
mod kit;
mod log;
mod properties;
mod results;
mod seats;
mod succession;
mod time;
