//! The lines of a request: the caller's trace, and the client's address at the level debug only.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::lines;
use crate::support::client::send;
use crate::support::websocket::request;
use crate::support::{Client, Server, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OTHER: &str = "0af7651916cd43dd8448eb211c80319c";

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-00f067aa0ba902b7-01")
}

/// Sends a request with these headers. Returns its id.
async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> String {
    let request = client.request(Method::GET, path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(request).await.header("x-request-id").unwrap().to_owned()
}

/// The line of the request with this id, once it is in the log.
async fn served(server: &Server, id: &str) -> Value {
    let find = || lines(&server.log(), "served").into_iter().find(|line| line["span"]["id"] == id);
    until(|| find().is_some()).await;
    find().unwrap()
}

fn server(folder: &std::path::Path, level: &str) -> Server {
    Server::process(folder, &["--log-format", "json", "--log", level, "--trusted-proxies", "127.0.0.1"])
}

#[tokio::test]
async fn the_trace_of_the_caller_is_on_the_lines_of_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), "debug");
    let client = server.client();
    let good = get(&client, "/livez", &[("traceparent", &traceparent(TRACE))]).await;
    assert_eq!(served(&server, &good).await["span"]["trace"], TRACE);
    let upper = traceparent(TRACE).to_uppercase();
    let none = traceparent(&"0".repeat(32));
    for bad in ["", "00-1-2-3", &*upper, &*none] {
        let id = get(&client, "/livez", &[("traceparent", bad)]).await;
        assert!(served(&server, &id).await["span"].get("trace").is_none(), "{bad}");
    }
    let (one, other) = (traceparent(TRACE), traceparent(OTHER));
    for headers in [&[][..], &[("traceparent", &*one), ("traceparent", &*other)]] {
        let id = get(&client, "/livez", headers).await;
        assert!(served(&server, &id).await["span"].get("trace").is_none(), "{headers:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_upgrade_to_websocket_has_its_trace_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), "debug");
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "count": 1 })).await.json(201);
    let path = format!("/api/rooms/{}/ws", room["roomId"].as_str().unwrap());
    let mut stream = client.connect().await;
    let upgrade = request(&path, |lines| lines.push(format!("traceparent: {}", traceparent(OTHER))));
    stream.write_all(&upgrade).await.unwrap();
    let find = || lines(&server.log(), "served").into_iter().find(|line| line["status"] == 101);
    until(|| find().is_some()).await;
    let line = find().unwrap();
    assert_eq!((&line["span"]["trace"], &line["span"]["url"]), (&json!(OTHER), &json!("/api/rooms/{id}/ws")));
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn the_address_is_that_of_the_limits_and_is_logged_at_debug_only() {
    let (folder, quiet) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let forwarded = [("X-Forwarded-For", "198.51.100.1, 203.0.113.5")];
    let server_at_debug = server(folder.path(), "debug");
    let id = get(&server_at_debug.client(), "/livez", &forwarded).await;
    assert_eq!(served(&server_at_debug, &id).await["client"], "203.0.113.5");
    let id = get(&server_at_debug.client(), "/livez", &[("X-Forwarded-For", "2001:db8:1:2:3::4")]).await;
    assert_eq!(served(&server_at_debug, &id).await["client"], "2001:db8:1:2::");
    let id = get(&server_at_debug.client(), "/livez", &[]).await;
    assert_eq!(served(&server_at_debug, &id).await["client"], "127.0.0.1");
    server_at_debug.stop().await;

    let server_at_info = server(quiet.path(), "info");
    for path in ["/livez", "/nowhere", "/api/game/session/none"] {
        get(&server_at_info.client(), path, &forwarded).await;
    }
    let log = server_at_info.stop_and_log().await;
    assert!(!log.contains("203.0.113.5") && !log.contains("198.51.100.1"), "{log}");
}
