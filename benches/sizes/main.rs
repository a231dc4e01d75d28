//! What a game, a seat, a connection, a delivery and an answer cost: `cargo bench --bench sizes`. It takes about 12
//! minutes, and `docs/sizes.md` explains the figures.
//!
//! Words after `--` run only those parts: `solo`, `disk`, `rooms`, `idle`, `deliveries`, `pages`, `valkey`, `growth`,
//! `host`.
//! Each figure is measured several times; printed are the median, the lowest and the highest value. The figures are
//! kept in `target/sizes.json`, so that parts can be measured one after the other; `--json` prints that file.
//! `plan` reads it and prints the plan for 1,000 to 10 million players. `page` writes the figures and the plan into
//! `docs/sizes.json` and the tables of `docs/sizes.md`.
//!
//! Costs are counted as CPU time, bytes and memory, and not as times on a clock: a machine that others use too makes
//! clocks useless, and CPU time only somewhat higher.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

mod deliveries;
mod disk;
mod figures;
mod growth;
mod host;
mod idle;
mod live;
mod page;
mod pages;
mod plan;
mod rooms;
mod shards;
mod solo;
mod valkey;

use std::time::Instant;

use figures::Figures;

type Part = (&'static str, fn(&mut Figures));

const PARTS: [Part; 9] = [
    ("solo", solo::measure),
    ("disk", disk::measure),
    ("rooms", rooms::measure),
    ("idle", idle::measure),
    ("deliveries", deliveries::measure),
    ("pages", pages::measure),
    ("valkey", valkey::measure),
    ("growth", growth::measure),
    ("host", host::measure),
];

fn main() {
    let (options, named): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
    let is_named = |name: &str| named.iter().any(|word| word == name);
    let is_for_parts = named.is_empty() || PARTS.iter().any(|(name, _)| is_named(name));
    let path = figures::path();
    let mut figures = if named.is_empty() { Figures::default() } else { Figures::read(&path).unwrap_or_default() };
    if is_for_parts {
        common::server::pin_to_load();
        figures.describe_machine();
        for (name, measure) in PARTS.iter().filter(|(name, _)| named.is_empty() || is_named(name)) {
            let begun = Instant::now();
            figures.forget(name);
            measure(&mut figures);
            figures.write(&path);
            eprintln!("{name}: {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
    if options.iter().any(|option| option == "--json") {
        println!("{}", figures.to_json());
    } else if is_for_parts {
        print!("{}", figures.table());
    }
    if named.is_empty() || is_named("plan") {
        print!("{}", plan::table(&figures));
    }
    if is_named("page") {
        page::write(&figures);
    }
}
