//! The lines of the log that an operator reads: rooms, the end of the server, the trace and the address of a
//! request. A server that is dropped has its log searched for secrets.

mod requests;
mod rooms;
#[cfg(feature = "otel")]
mod spans;

use serde_json::Value;

/// The lines of a log in JSON that have this message.
fn lines(log: &str, message: &str) -> Vec<Value> {
    let all = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    all.filter(|line| line["message"] == message).collect()
}

/// The only line of a log in JSON that has this message.
#[track_caller]
fn only(log: &str, message: &str) -> Value {
    let lines = lines(log, message);
    assert_eq!(lines.len(), 1, "{message}: {log}");
    lines[0].clone()
}
