//! `rejoin status`: how a running server is, on one screen.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use bytesize::ByteSize;
use serde::Deserialize;
use serde_json::Value;
use ureq::http::Method;

use super::{AdminClient, print_json, rough};
use crate::config::StatusArgs;

/// The state of a server, as the admin listener tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerStatus {
    status: String,
    version: String,
    commit: String,
    instance: Option<String>,
    engine: String,
    reachable: bool,
    breaker: Option<String>,
    cause: Option<String>,
    since: Option<String>,
    reason: String,
    started_at: String,
    server_time: String,
    limits: String,
    limits_hit: BTreeMap<String, u64>,
    live_sessions: u64,
    records: u64,
    damaged: u64,
    now: BTreeMap<String, f64>,
    totals: BTreeMap<String, f64>,
    latencies: BTreeMap<String, Durations>,
    backups: Option<Backups>,
}

/// What became of the server's backups. Dates are in milliseconds since 1970.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Backups {
    every_ms: Option<u64>,
    last: Option<LastBackup>,
    last_at: Option<u64>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastBackup {
    file: String,
    bytes: u64,
    games: u64,
    left_out: u64,
}

#[derive(Deserialize)]
struct Failure {
    at: u64,
    why: String,
}

/// Counts of durations: how many took at most each bound, and at last how many there were.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Durations {
    bounds_ms: Vec<f64>,
    counts: Vec<f64>,
}

/// Prints the state of the server. The exit code is 0 if new games can begin.
///
/// # Errors
/// The server can't be reached, or refuses the request.
pub fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let reply: Value = AdminClient::new(&args.admin)?.call(Method::GET, "/admin/api/status", None)?;
    let code = if reply["status"] == "unavailable" { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if args.json {
        print_json(&reply)?;
        return Ok(code);
    }
    let status: ServerStatus = serde_json::from_value(reply).context("the server's state is not understood")?;
    for (name, value) in lines(&status) {
        println!("{name:<12}  {value}");
    }
    Ok(code)
}

fn lines(status: &ServerStatus) -> Vec<(&'static str, String)> {
    let now = |name: &str| status.now.get(name).copied();
    let bytes = |value: f64| ByteSize(value as u64).to_string();
    let mut lines = vec![("status", readiness(status))];
    let mut add = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    add("version", Some(format!("{}, commit {}", status.version, status.commit)));
    add("instance", status.instance.clone());
    add("running for", uptime(status).map(rough));
    add("memory", now("memoryBytes").map(bytes));
    add("engine", Some(engine(status)));
    add("file", now("fileBytes").map(bytes));
    add("free disk", now("diskFreeBytes").map(bytes));
    add("cleaned up", now("cleanedUpMs").map(|ms| format!("{} ago", rough((ms / 1_000.0) as u64))));
    add("sessions", Some(format!("{} live, {} stored", status.live_sessions, status.records)));
    add("unreadable", (status.damaged > 0).then(|| unreadable(status)));
    add("here", Some(here(status)));
    add("since start", Some(totals(status)));
    add("requests", status.latencies.get("http").and_then(latency));
    add("changes", status.latencies.get("store").and_then(latency));
    add("limits", Some(limits(status)));
    let server_time = milliseconds(&status.server_time);
    add("backups", status.backups.as_ref().map(|of| backups(of, server_time.unwrap_or_default())));
    lines
}

/// How many games were found damaged, and the next step. Only a file can be repaired.
fn unreadable(ServerStatus { damaged, engine, .. }: &ServerStatus) -> String {
    let games = super::number_of(*damaged, "damaged game");
    match engine.as_str() {
        "redb" => format!("{games}: stop the server, and run rejoin check --repair"),
        _ => format!("{games}: the log names each"),
    }
}

/// Whether new games can begin, and if not, why and since when.
fn readiness(status: &ServerStatus) -> String {
    let ServerStatus { status: word, reason, .. } = status;
    let (Some(cause), Some(since)) = (&status.cause, &status.since) else { return word.clone() };
    let running = if status.reachable { "" } else { "; running games stand still" };
    format!("{word}: {reason} ({cause}), since {since}{running}")
}

fn engine(status: &ServerStatus) -> String {
    let breaker = status.breaker.as_ref().map(|breaker| format!(", breaker {breaker}"));
    format!("{}{}", status.engine, breaker.unwrap_or_default())
}

fn uptime(status: &ServerStatus) -> Option<u64> {
    let date = |text: &str| humantime::parse_rfc3339(text).ok();
    let (started, now): (SystemTime, _) = (date(&status.started_at)?, date(&status.server_time)?);
    Some(now.duration_since(started).unwrap_or(Duration::ZERO).as_secs())
}

fn here(status: &ServerStatus) -> String {
    counted(&status.now, &[("connections", "connections"), ("rooms", "rooms"), ("seats", "seats")])
}

fn totals(status: &ServerStatus) -> String {
    let names =
        [("requests", "requests"), ("answers", "answers"), ("events", "events delivered"), ("refusals", "refusals")];
    counted(&status.totals, &names)
}

/// The values of these names, each behind its word.
fn counted(values: &BTreeMap<String, f64>, names: &[(&str, &str)]) -> String {
    let known = names.iter().filter_map(|(name, word)| Some(format!("{word} {}", values.get(*name)?)));
    known.collect::<Vec<_>>().join(", ")
}

/// Median and 99th percentile since the start. `None` if there was none.
fn latency(durations: &Durations) -> Option<String> {
    let [median, slow] = [0.5, 0.99].map(|share| at_most(durations, share));
    Some(format!("half took at most {} ms, 99 % at most {} ms", median?, slow?))
}

/// The bound that this share of the durations did not exceed.
fn at_most(Durations { bounds_ms, counts }: &Durations, share: f64) -> Option<f64> {
    let all = counts.last().filter(|all| **all > 0.0)?;
    let place = counts.iter().position(|count| *count >= all * share)?;
    bounds_ms.get(place).or(bounds_ms.last()).copied()
}

fn limits(status: &ServerStatus) -> String {
    let hits: Vec<_> = status.limits_hit.iter().map(|(name, count)| format!("{name} {count} times")).collect();
    match (status.limits.as_str(), hits.is_empty()) {
        ("off", _) => "off".to_owned(),
        (_, true) => "on, none was met".to_owned(),
        (_, false) => format!("on, met: {}", hits.join(", ")),
    }
}

/// A date in milliseconds since 1970.
fn milliseconds(date: &str) -> Option<u64> {
    let since_1970 = humantime::parse_rfc3339(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since_1970.as_millis()).ok()
}

/// The schedule, the last backup, and the failure since then.
fn backups(Backups { every_ms, last, last_at, failure }: &Backups, now: u64) -> String {
    let ago = |at: u64| format!("{} ago", rough(now.saturating_sub(at) / 1_000));
    let interval = |every: &u64| format!("every {}", humantime::format_duration(Duration::from_millis(*every)));
    let schedule = every_ms.as_ref().map_or_else(|| "no schedule".to_owned(), interval);
    let last = match (last_at, last) {
        (None, _) => "there is none yet".to_owned(),
        (Some(at), None) => format!("the last one {}, before this start", ago(*at)),
        (Some(at), Some(LastBackup { file, bytes, games, left_out })) => {
            let without = if *left_out > 0 {
                format!(" without {}", super::number_of(*left_out, "damaged one"))
            } else {
                String::new()
            };
            let games = super::number_of(*games, "game");
            format!("the last one {}: {file}, {}, {games}{without}", ago(*at), ByteSize(*bytes))
        }
    };
    let failure = failure.as_ref().map(|Failure { at, why }| format!("; failed {}: {why}", ago(*at)));
    format!("{schedule}; {last}{}", failure.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_told_with_their_schedule_and_the_failure_since_the_last_one() {
        let told = |reply: Value| backups(&serde_json::from_value(reply).expect("its shape"), 10_000_000);
        let none = serde_json::json!({ "everyMs": null, "last": null, "lastAt": null, "failure": null });
        assert_eq!(told(none), "no schedule; there is none yet");
        let earlier = serde_json::json!({ "everyMs": 5_400_000, "lastAt": 2_800_000 });
        assert_eq!(told(earlier), "every 1h 30m; the last one 2h ago, before this start");
        let last = serde_json::json!({ "file": "/b/x.redb", "bytes": 2_097_152, "games": 40, "leftOut": 2 });
        let failure = serde_json::json!({ "at": 9_700_000, "why": "no space is left for it" });
        let failed = serde_json::json!({ "everyMs": 3_600_000, "last": last, "lastAt": 2_800_000, "failure": failure });
        let expected = "every 1h; the last one 2h ago: /b/x.redb, 2.0 MiB, 40 games without 2 damaged ones; failed 5m \
                        ago: no space is left for it";
        assert_eq!(told(failed), expected);
        assert_eq!(milliseconds("1970-01-01T02:46:40.000Z"), Some(10_000_000));
    }

    #[test]
    fn damaged_games_are_told_with_the_next_step() {
        let empty = serde_json::json!({});
        let reply = |engine: &str, damaged: u64| {
            serde_json::json!({
                "status": "ok", "version": "1", "commit": "c", "engine": engine, "reachable": true, "reason": "",
                "startedAt": "", "serverTime": "", "limits": "off", "limitsHit": empty, "liveSessions": 4,
                "records": 4, "damaged": damaged, "now": empty, "totals": empty, "latencies": empty,
            })
        };
        let line = |engine, damaged| {
            let status = serde_json::from_value(reply(engine, damaged)).expect("its shape");
            lines(&status).into_iter().find_map(|(name, value)| (name == "unreadable").then_some(value))
        };
        assert_eq!(line("redb", 0), None);
        let next = "1 damaged game: stop the server, and run rejoin check --repair";
        assert_eq!(line("redb", 1).as_deref(), Some(next));
        assert_eq!(line("valkey", 2_000).as_deref(), Some("2,000 damaged games: the log names each"));
    }

    #[test]
    fn a_share_of_durations_lies_below_a_bound() {
        let durations = |counts: [f64; 3]| Durations { bounds_ms: vec![1.0, 5.0], counts: counts.into() };
        assert_eq!(at_most(&durations([50.0, 99.0, 100.0]), 0.5), Some(1.0));
        assert_eq!(at_most(&durations([50.0, 99.0, 100.0]), 0.99), Some(5.0));
        assert_eq!(at_most(&durations([0.0, 0.0, 3.0]), 0.5), Some(5.0), "longer than all bounds");
        assert_eq!(at_most(&durations([0.0; 3]), 0.5), None);
    }
}
