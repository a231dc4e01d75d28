//! The rules of rooms, without any I/O.

mod external;
mod games;
mod host;
mod joining;
mod kit;
mod results;
mod seats;
