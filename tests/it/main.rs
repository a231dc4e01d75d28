//! Integration tests in one binary. They test what the program and its stores promise from outside, over real
//! sockets and real files.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected stops there")]

mod admin;
mod backups;
mod browser;
mod command_line;
mod compose;
mod contract;
mod crash;
mod degraded;
mod docs;
mod edges;
mod errors;
mod faults;
mod host;
mod instances;
mod kinds;
mod kit;
mod layers;
mod limits;
mod logs;
mod metrics;
mod migrate;
mod model;
mod outage;
mod pages;
mod reaper;
mod rooms;
mod servers;
mod sizes;
mod soak;
mod solo;
mod started;
mod support;
mod upgrade;
mod valkey;
mod websocket;
