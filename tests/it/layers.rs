//! Checks the direction of imports. This reads the paths in the source, without its tests. It fails on a path
//! from a layer to one above or beside it, and on a crate that is used outside the modules that may use it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::layers::paths::{Named, paths};

mod paths;

/// The layers that each layer may name, itself included. Files in no layer (the composition root and the
/// modules beside it) may name all.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &["domain"]),
    ("metrics", &["metrics"]),
    ("store", &["store", "domain", "metrics"]),
    ("quizzes", &["quizzes", "domain"]),
    ("game", &["game", "store", "quizzes", "domain", "metrics"]),
    ("http", &["http", "websocket", "game", "store", "quizzes", "domain", "metrics", "version"]),
    ("websocket", &["websocket"]),
    // The client knows the protocol and nothing of the server.
    ("client", &["client"]),
    ("drill", &["drill", "client"]),
];

/// Crates that only some files may use, and these files.
const HOMES: &[(&str, &[&str])] = &[
    ("actix", &["http/", "server/", "main.rs"]),
    ("redb", &["store/redb/"]),
    ("xxhash_rust", &["store/redb/pages/"]),
    ("bincode", &["store/format/", "domain/room/closed.rs"]),
    ("rustls", &["store/valkey/"]),
    ("redis", &["store/valkey/"]),
    ("zstd", &["store/payload.rs"]),
    ("hdrhistogram", &["drill/soak/"]),
    ("reqwest", &["client/"]),
    ("ureq", &["operator/"]),
    ("signal_hook", &["main.rs"]),
    ("prometheus_client", &["metrics/"]),
    ("tokio_tungstenite", &["client/"]),
    ("opentelemetry", &["telemetry/", "http/trace_context.rs"]),
    ("opentelemetry_sdk", &["telemetry/"]),
    ("opentelemetry_otlp", &["telemetry/"]),
    ("tracing_opentelemetry", &["telemetry/", "http/trace_context.rs"]),
];

/// What the domain must not use: async, I/O, clocks, randomness, locks, logs.
const NOT_IN_DOMAIN: [&str; 15] = [
    "tokio",
    "tokio_util",
    "async_trait",
    "getrandom",
    "rand",
    "parking_lot",
    "tracing",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::thread",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
];

const ENGINES: [&str; 3] = ["memory", "redb", "valkey"];

/// The problems with the paths in one file. `file` is relative to `src`.
fn problems(file: &str, source: &str) -> Vec<String> {
    let wrong = |named: &Named| {
        let why = points_wrong(file, named).or_else(|| leaves_its_home(file, named)).or_else(|| taints(file, named))?;
        Some(format!("{file}:{}: {} {why}", named.line, named.segments.join("::")))
    };
    paths(file, source).iter().filter_map(wrong).collect()
}

fn points_wrong(file: &str, named: &Named) -> Option<String> {
    let [first, rest @ ..] = &named.segments[..] else { return None };
    let layer = LAYERS.iter().find(|(layer, _)| file.starts_with(&format!("{layer}/")));
    let (layer, may_name) = layer?;
    if first != "crate" {
        return None;
    }
    let target = rest.first().map_or("*", String::as_str);
    if !may_name.contains(&target) {
        return Some(format!("points from {layer} to {target}"));
    }
    let engine = ENGINES.iter().find(|engine| file.starts_with(&format!("store/{engine}")))?;
    let other =
        rest.get(1).filter(|other| target == "store" && ENGINES.contains(&other.as_str()) && other != engine)?;
    Some(format!("points from the engine {engine} to {other}"))
}

fn leaves_its_home(file: &str, named: &Named) -> Option<String> {
    let first = named.segments.first()?;
    let is_of = |name: &str| first == name || (name == "actix" && first.starts_with("actix"));
    let (name, router) = HOMES.iter().find(|(name, _)| is_of(name))?;
    // The engine's own module has the name of its crate.
    if *name == "redb" && !named.is_global && file == "store/mod.rs" {
        return None;
    }
    (!router.iter().any(|home| file.starts_with(home))).then(|| format!("is at home in {}", router.join(", ")))
}

fn taints(file: &str, named: &Named) -> Option<String> {
    let names = |forbidden: &&&str| {
        let forbidden: Vec<_> = forbidden.split("::").collect();
        let within = named.segments.len() >= forbidden.len();
        // Naming a whole module brings in everything in it: `use std::time;`, `use std::*;`.
        let named: Vec<_> = named.segments.iter().map(String::as_str).filter(|segment| *segment != "*").collect();
        named.starts_with(&forbidden) || (forbidden.starts_with(&named) && (!within || named.len() < forbidden.len()))
    };
    let found = file.starts_with("domain/").then(|| NOT_IN_DOMAIN.iter().find(names)).flatten()?;
    Some(format!("brings {found} into the rules"))
}

#[test]
fn no_import_points_up_or_sideways() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    find(&src, &mut files);
    assert!(files.len() > 40, "the source was not found");
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&src).expect("it lies in src").to_str().expect("plain names").to_owned();
        let is_test = name.ends_with("tests.rs") || name.ends_with("fuzz.rs") || name.contains("/tests/");
        if !is_test {
            found.extend(problems(&name, &fs::read_to_string(&file).expect("it can be read")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_name_stands_for_two_types_within_a_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut seen, mut twice) = (Vec::new(), HashMap::new(), Vec::new());
    find(&src, &mut files);
    for file in files.iter().filter(|file| !file.ends_with("tests.rs") && !file.iter().any(|part| part == "tests")) {
        let layer = file.strip_prefix(&src).expect("it lies in src").iter().next().expect("it has a name").to_owned();
        let source = fs::read_to_string(file).expect("it can be read");
        // Unit tests stand at the end of a file and have types of their own.
        for line in source.lines().take_while(|line| *line != "mod tests {") {
            // Only items of a module begin in the first column.
            let is_visibility = |word: &&str| word.starts_with("pub") || word.starts_with("crate::");
            let words: Vec<_> = line.split(' ').skip_while(is_visibility).collect();
            let ["struct" | "enum" | "trait" | "type", name, ..] = words[..] else { continue };
            let name: String = name.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            if let Some(first) = seen.insert((layer.clone(), name.clone()), file.clone()) {
                twice.push(format!("{name}: {} and {}", first.display(), file.display()));
            }
        }
    }
    assert!(seen.len() > 600, "the source was not found");
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

fn find(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_bad_line_is_found_however_it_is_written() {
    let bad = [
        ("domain/solo.rs", "use crate::store::Clock;"),
        ("domain/solo.rs", "use crate::{\n    domain::Life,\n    game::{Entropy, solo},\n};"),
        ("domain/solo.rs", "fn f() -> crate::game::Entropy { todo() }"),
        ("domain/quiz/draft.rs", "use super::super::super::game::Entropy;"),
        ("domain/solo.rs", "use super::super::http;"),
        ("domain/solo.rs", "use crate::*;"),
        ("store/step.rs", "use crate::quizzes::Bank;"),
        ("quizzes/bank.rs", "pub use crate::store::Clock;"),
        ("game/solo.rs", "let shared = crate::http::Shared::new();"),
        ("http/json.rs", "use crate::server::run;"),
        ("game/solo.rs", "use crate::config::Settings;"),
        ("client/task.rs", "use crate::domain::Millis;"),
        ("client/tests/fake.rs", "use super::super::super::http::Shared;"),
        ("drill/bot.rs", "use crate::{client, game::Entropy};"),
        ("drill/bot.rs", "use reqwest::Method;"),
        ("http/rooms/live.rs", "tokio_tungstenite::accept_async(stream)"),
        ("game/solo.rs", "use actix_web::web;"),
        ("store/redb/mod.rs", "actix_rt::spawn(f)"),
        ("config.rs", "use actix_web as web;"),
        ("store/memory/mod.rs", "use ::redb::Database;"),
        ("game/solo.rs", "fn f(_: redb::Database) {}"),
        ("store/mod.rs", "pub use ::redb::Database;"),
        ("store/redb/reads.rs", "bincode::decode_from_slice(bytes, config)"),
        ("store/memory/mod.rs", "use super::redb::RedbStore;"),
        ("store/redb/reads.rs", "use crate::store::memory::MemoryStore;"),
        ("store/redb/reads.rs", "use super::super::memory::MemoryStore;"),
        ("store/redb/mod.rs", "use super::{clock::Clock, memory::MemoryStore};"),
        ("domain/time.rs", "use std::time::{Duration, Instant};"),
        ("domain/time.rs", "use std::{fmt, time::SystemTime};"),
        ("domain/time.rs", "let now = std::time::Instant::now();"),
        ("domain/time.rs", "use std::time;"),
        ("domain/time.rs", "use std::time::*;"),
        ("domain/solo.rs", "tracing::info!(\"hello\");"),
        ("domain/solo.rs", "#[tokio::main]\nasync fn main() {}"),
        ("domain/ids.rs", "getrandom::fill(&mut bytes)"),
        ("domain/ids.rs", "use std::{collections::BTreeMap, fs};"),
        ("domain/ids.rs", "let c = '\"'; std::net::TcpStream::connect(a); let d = \"x\";"),
        ("domain/ids.rs", "fn f<'a>(a: &'a str) { std::fs::read(a) }"),
    ];
    for (file, line) in bad {
        assert!(!problems(file, line).is_empty(), "{file}: {line}");
    }
}

#[test]
fn a_good_line_is_let_be() {
    let good = [
        ("domain/solo.rs", "use crate::domain::Life;"),
        ("domain/solo.rs", "use super::time::{Millis, Moment};"),
        ("domain/time.rs", "use std::time::Duration; use std::{fmt, collections::BTreeMap};"),
        ("domain/solo.rs", "// use crate::store::Clock;"),
        ("domain/solo.rs", "/* use crate::store::Clock; /* tokio::spawn */ */"),
        ("domain/solo.rs", "//! See [`Clock`](crate::store::Clock)."),
        ("domain/solo.rs", "let text = \"crate::store::Clock \\\" tokio::spawn\";"),
        ("domain/solo.rs", "let text = r#\"tokio::spawn \" std::fs::read\"#;"),
        ("domain/solo.rs", "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}"),
        ("domain/solo.rs", "pub(in crate::domain) fn f() {}"),
        ("store/mod.rs", "pub use redb::RedbStore;"),
        ("store/redb/mod.rs", "use ::redb::TableDefinition; use super::clock::Clock; use queue::Queue;"),
        ("store/redb/queue.rs", "use super::RedbOptions; use crate::store::redb::RedbStore;"),
        ("server/mod.rs", "use crate::store::redb::RedbStore; use actix_web::web;"),
        ("http/solo/mod.rs", "use super::Shared; use super::super::http::json; use crate::game::SoloGames;"),
        ("client/http.rs", "use super::endpoints::Endpoints; use reqwest::Method; use crate::client::Api;"),
        ("drill/bot.rs", "use crate::client::{Api, connect}; use super::report::Report;"),
        ("http/json.rs", "use actix_web::{web, http::{StatusCode, header}};"),
        ("game/solo.rs", "use crate::{domain::Life, store::{Clock, StoreError}, quizzes};"),
    ];
    for (file, line) in good {
        assert_eq!(problems(file, line), Vec::<String>::new(), "{file}: {line}");
    }
}

#[test]
fn a_problem_names_file_line_and_path() {
    let found = problems("domain/life.rs", "use super::time::Millis;\n\nuse crate::game::Entropy;\n");
    assert_eq!(found, ["domain/life.rs:3: crate::game::Entropy points from domain to game"]);
}
