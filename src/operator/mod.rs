//! What an operator does to a running server from the command line, over its admin listener.

mod backup;
mod client;
mod sessions;
mod status;
mod table;

use std::process::ExitCode;

use indicatif::HumanCount;
use serde_json::Value;

pub use backup::back_up;
pub use client::AdminClient;
pub use sessions::sessions;
pub use status::status;

/// Prints a reply for programs.
fn print_json(reply: &Value) -> anyhow::Result<ExitCode> {
    println!("{reply}");
    Ok(ExitCode::SUCCESS)
}

/// A number with its noun: `1 game`, `2,000 games`.
fn number_of(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}

/// A time in its largest unit that fits: `59s`, `3m`, `2h`, `5d`.
fn rough(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
