//! `/metrics`: that the list, the docs and a server agree, that what is counted has happened, and that the alerts and
//! the dashboard ask only for what there is.

mod exposition;
mod play;
mod queries;

use std::io::Write;
use std::process::{Command, Stdio};

use rejoin::metrics::list;
use tempfile::TempDir;

use crate::support::valkey::ValkeyServer;
use crate::support::{Client, Server, fetched, until_async};
use exposition::Exposition;

/// A server over a Valkey, with a file for the times when that is away, and backups of it. It has every metric that
/// there is.
fn server(valkey: &ValkeyServer) -> (TempDir, Server) {
    let (folder, url) = (tempfile::tempdir().unwrap(), valkey.url());
    let place = ["--store", "valkey", "--valkey-url", &url, "--fallback", "redb", "--instance", "a"];
    let backups = folder.path().join("backups");
    let backups = ["--backup-every", "24h", "--backup-dir", backups.to_str().unwrap()];
    let others = ["--unknown-codes-per-address", "1"];
    let server = Server::process(folder.path(), &[&place[..], &backups, &others].concat());
    (folder, server)
}

async fn scrape(server: &Server) -> Exposition {
    let reply = Client::new(&server.admin).get("/metrics").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::parse(&reply.text())
}

/// Runs promtool in the folder `deploy`, with this input. Returns what it has written.
fn promtool(args: &[&str], input: &str) -> String {
    let mut command = Command::new(fetched("target/prometheus/promtool"));
    command.args(args).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

#[tokio::test]
async fn a_server_exposes_exactly_the_list_and_counts_what_happens() {
    let mut valkey = ValkeyServer::start(&[]);
    let (folder, server) = server(&valkey);
    play::all(&server.client()).await;
    let backup = serde_json::json!({ "file": folder.path().join("backup.redb") });
    let operator = Client::new(&server.admin);
    // The first one of the schedule is made at the start.
    until_async(async || operator.get("/admin/api/backups").await.json(200)["made"] == 1).await;
    assert_eq!(operator.post("/admin/api/backups", &backup).await.status, 201);
    // The same name again is refused, and counted.
    assert_eq!(operator.post("/admin/api/backups", &backup).await.status, 409);
    let found = scrape(&server).await;
    assert_eq!(found.value("rejoin_backups_total", &[("outcome", "made")]), 2.0);
    assert_eq!(found.value("rejoin_backup_interval_seconds", &[]), 86_400.0);
    assert_eq!(promtool(&["check", "metrics"], &found.text), "", "promtool has something to say");
    is_the_list(&found);
    queries::select_what_there_is(&found);
    play::is_counted(&found);
    let in_shared = [("store", "main"), ("engine", "valkey")];
    assert_eq!(found.value("rejoin_store_reachable", &in_shared), 1.0);
    assert_eq!(found.value("rejoin_valkey_breaker", &[("state", "closed")]), 1.0);
    // Without its store the server still tells about itself.
    valkey.kill();
    let client = server.client();
    until_async(async || client.get("/readyz").await.text().contains("degraded\":true")).await;
    client.play(1).await;
    let found = scrape(&server).await;
    is_the_list(&found);
    assert_eq!(found.value("rejoin_store_reachable", &in_shared), 0.0);
    assert_eq!(found.value("rejoin_store_trouble", &[("cause", "valkey: unreachable")]), 1.0);
    assert_eq!(found.value("rejoin_degraded", &[]), 1.0);
    assert_eq!(found.value("rejoin_sessions", &[("store", "fallback"), ("state", "live")]), 1.0);
    server.stop().await;
}

/// Checks names, types, units, labels and help texts in both directions.
fn is_the_list(found: &Exposition) {
    let listed: Vec<_> = list::ALL.iter().map(|info| info.name.to_owned()).collect();
    let mut exposed: Vec<_> = found.kinds.keys().cloned().collect();
    exposed.sort_by_key(|name| listed.iter().position(|known| known == name));
    assert_eq!(exposed, listed);
    for info in list::ALL {
        assert_eq!(found.kinds[info.name], info.kind.name(), "{}", info.name);
        assert_eq!(found.helps[info.name], format!("{}.", info.help), "{}", info.name);
        for labels in found.labels_of(info.name) {
            let names: Vec<_> = labels.keys().map(String::as_str).filter(|name| *name != "le").collect();
            let mut listed = info.labels.to_vec();
            listed.sort_unstable();
            assert_eq!(names, listed, "{}", info.name);
        }
    }
}

#[test]
fn the_docs_have_the_list() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    let (_, table) = page.split_once("| metric | type | unit | labels | meaning |\n").expect("the table");
    let told: Vec<_> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    let row = |info: &&list::MetricInfo| {
        let labels: Vec<_> = info.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "-".to_owned() } else { labels.join(" ") };
        let list::MetricInfo { name, unit, help, .. } = info;
        format!("| `{name}` | {} | {unit} | {labels} | {help} |", info.kind.name())
    };
    let known: Vec<_> = list::ALL.iter().map(row).collect();
    assert_eq!(told, known, "docs/metrics.md must have this table:\n{}", known.join("\n"));
}

#[test]
fn the_docs_have_every_alert() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md")).unwrap();
    for (alert, _) in queries::alerts() {
        assert!(page.contains(&format!("| `{alert}` |")), "{alert}");
    }
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    assert!(promtool(&["check", "rules", "alerts.yml"], "").contains("SUCCESS"));
    assert!(promtool(&["test", "rules", "alerts.test.yml"], "").contains("SUCCESS"));
    let tests = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/alerts.test.yml")).unwrap();
    for (alert, _) in queries::alerts() {
        for what in ["fires", "is silent"] {
            assert!(tests.contains(&format!("- name: {alert} {what}\n")), "no test where {alert} {what}");
        }
    }
}

#[tokio::test]
async fn many_scrapes_at_once_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &["--store", "memory"]);
    let scrapes = (0..20).map(|_| scrape(&server));
    for found in futures_util::future::join_all(scrapes).await {
        assert_eq!(found.value("rejoin_store_reachable", &[("engine", "memory")]), 1.0);
        assert!(found.value("rejoin_connections", &[("listener", "admin")]) >= 1.0);
        assert!(!found.kinds.contains_key("rejoin_backup_interval_seconds"), "there is no schedule");
    }
    server.stop().await;
}
