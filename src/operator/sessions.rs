//! `rejoin sessions`: lists, shows and ends sessions of a running server.

use std::io::{IsTerminal, stdin};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use ureq::http::Method;

use super::{AdminClient, print_json, table};
use crate::config::{EndArgs, ListArgs, SessionsCommand, ShowArgs};

/// The exit code for a command that is not complete.
const USAGE: u8 = 2;

/// A page of the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionList {
    sessions: Vec<ListedSession>,
    next: Option<String>,
    incomplete: bool,
    server_time: String,
}

/// A session in the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedSession {
    session: String,
    kind: String,
    phase: Option<String>,
    quiz_id: Option<String>,
    title: Option<String>,
    questions: Option<u64>,
    done: Option<u64>,
    seats: Option<u64>,
    present: Option<u64>,
    owner: Option<String>,
    instance: Option<String>,
    created_at: Option<String>,
    expires_at: Option<String>,
}

/// Runs one of the commands.
///
/// # Errors
/// The server can't be reached, or refuses the request.
pub fn sessions(command: &SessionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        SessionsCommand::List(args) => list(args),
        SessionsCommand::Show(args) => show(args),
        SessionsCommand::End(args) => end(args),
    }
}

fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut path = format!("/admin/api/sessions?limit={}", args.limit);
    if let Some(kind) = args.kind.and_then(|kind| kind.to_possible_value()) {
        path += &format!("&kind={}", kind.get_name());
    }
    if let Some(after) = &args.after {
        path += &format!("&after={}", encoded(after.trim_start_matches('#')));
    }
    let reply: Value = AdminClient::new(&args.admin)?.call(Method::GET, &path, None)?;
    if args.json {
        return print_json(&reply);
    }
    let page: SessionList = serde_json::from_value(reply).context("the server's list is not understood")?;
    let heads = ["SESSION", "KIND", "PHASE", "DONE", "SEATS", "AGE", "LEFT", "OWNER", "INSTANCE", "QUIZ"];
    let rows: Vec<_> = page.sessions.iter().map(|session| row(session, &page.server_time)).collect();
    table::print(&heads, &rows);
    if page.incomplete {
        eprintln!("A store is out of reach: its sessions are missing.");
    }
    if let Some(next) = page.next {
        eprintln!("There may be more: --after {next}");
    }
    Ok(ExitCode::SUCCESS)
}

fn row(session: &ListedSession, now: &str) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let parts = |part: Option<u64>, whole: Option<u64>| match (part, whole) {
        (Some(part), Some(whole)) => format!("{part}/{whole}"),
        _ => "-".to_owned(),
    };
    vec![
        session.session.clone(),
        session.kind.clone(),
        text(&session.phase),
        parts(session.done, session.questions),
        parts(session.present, session.seats),
        session.created_at.as_deref().and_then(|created| span(created, now)).unwrap_or_else(|| "-".to_owned()),
        session.expires_at.as_deref().and_then(|expires| span(now, expires)).unwrap_or_else(|| "-".to_owned()),
        text(&session.owner),
        text(&session.instance),
        text(&session.title.clone().or_else(|| session.quiz_id.clone())),
    ]
}

/// The time from one date to another, in its largest unit that fits. Dates in the wrong order give `0s`.
fn span(from: &str, to: &str) -> Option<String> {
    let [from, to] = [from, to].map(humantime::parse_rfc3339);
    let seconds = to.ok()?.duration_since(from.ok()?).unwrap_or(Duration::ZERO).as_secs();
    Some(super::rough(seconds))
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let reply = look(args)?;
    if args.json {
        return print_json(&reply);
    }
    print_fields(&reply);
    Ok(ExitCode::SUCCESS)
}

fn look(args: &ShowArgs) -> anyhow::Result<Value> {
    call(args, Method::GET)
}

fn end(args: &EndArgs) -> anyhow::Result<ExitCode> {
    let EndArgs { show: args, yes } = args;
    if !yes && !stdin().is_terminal() {
        eprintln!("rejoin: there is no terminal to ask on: repeat the command with --yes");
        return Ok(ExitCode::from(USAGE));
    }
    if !yes && !is_confirmed(&look(args)?)? {
        eprintln!("Nothing was ended.");
        return Ok(ExitCode::FAILURE);
    }
    let ended = call(args, Method::DELETE)?;
    if args.json {
        return print_json(&ended);
    }
    println!("Session {} has ended.", ended["session"].as_str().unwrap_or_default());
    Ok(ExitCode::SUCCESS)
}

/// Shows what will be lost, and asks.
fn is_confirmed(session: &Value) -> anyhow::Result<bool> {
    print_fields(session);
    println!("Its answers and results will be deleted, and cannot be brought back.");
    print!("End it? [y/N] ");
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn print_fields(session: &Value) {
    for (name, value) in session.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        println!("{name:<12}  {value}");
    }
}

/// Asks for one session. An error quotes what was given, because a shell may have made something else of it.
fn call(ShowArgs { session, admin, .. }: &ShowArgs, method: Method) -> anyhow::Result<Value> {
    let path = format!("/admin/api/sessions/{}", encoded(session));
    AdminClient::new(admin)?.call(method, &path, None).with_context(|| format!("{session:?}"))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rough() {
        let span = |to| span("2026-01-01T00:00:00.000Z", to);
        assert_eq!(span("2026-01-01T00:00:59.900Z").as_deref(), Some("59s"));
        assert_eq!(span("2026-01-01T02:03:00.000Z").as_deref(), Some("2h"));
        assert_eq!(span("2025-12-31T00:00:00.000Z").as_deref(), Some("0s"));
        assert_eq!(span("soon"), None);
    }
}
