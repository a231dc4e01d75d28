//! How a request becomes a WebSocket, and the replies to requests that do not.

use super::{ALL, TEXT_ONLY, echoing};
use crate::support::server::refused;
use crate::support::websocket::{Socket, TEXT, frame, request};
use crate::support::{Client, Reply, Server};

/// The reply to the upgrade request with some lines changed.
async fn reply(client: &Client, change: impl Fn(&mut Vec<String>)) -> Reply {
    let close = |lines: &mut Vec<String>| {
        lines.push("Connection: close".to_owned());
        change(lines);
    };
    // Only a request without an upgrade needs `Connection: close` to end the connection.
    let bytes = request(ALL, &change);
    let is_upgrade = String::from_utf8_lossy(&bytes).contains("Upgrade: websocket");
    client.exchange(&if is_upgrade { bytes } else { request(ALL, close) }).await
}

fn without(name: &str) -> impl Fn(&mut Vec<String>) {
    move |lines| lines.retain(|line| !line.starts_with(name))
}

fn with(line: &str) -> impl Fn(&mut Vec<String>) {
    let name = line.split(' ').next().expect("a name");
    move |lines| {
        without(name)(lines);
        lines.push(line.to_owned());
    }
}

#[tokio::test]
async fn a_request_without_an_upgrade_is_426() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let client = server.client();
    for change in ["Upgrade:", "Connection:", "Sec-WebSocket-Version:"] {
        let reply = reply(&client, without(change)).await;
        reply.problem(426, "upgrade-required");
        assert_eq!(reply.header("upgrade"), Some("websocket"), "{change}");
        assert_eq!(reply.header("sec-websocket-version"), Some("13"), "{change}");
        assert!(reply.header("connection").is_some_and(|options| options.contains("upgrade")), "{change}");
    }
    let plain = client.get(ALL).await;
    plain.problem(426, "upgrade-required");
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_websocket_version_is_426_with_the_supported_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    for version in ["8", "14", "13, 8"] {
        let reply = reply(&server.client(), with(&format!("Sec-WebSocket-Version: {version}"))).await;
        reply.problem(426, "upgrade-required");
        assert_eq!(reply.header("sec-websocket-version"), Some("13"));
    }
    let old = |lines: &mut Vec<String>| lines[0] = format!("GET {ALL} HTTP/1.0");
    assert_eq!(reply(&server.client(), old).await.status, 426);
    server.stop().await;
}

#[tokio::test]
async fn an_invalid_websocket_key_or_method_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let client = server.client();
    for change in [with("Sec-WebSocket-Key: c2hvcnQ="), with("Sec-WebSocket-Key: no-base64-at-all-24-long")] {
        reply(&client, change).await.problem(400, "invalid-websocket-key");
    }
    reply(&client, without("Sec-WebSocket-Key:")).await.problem(400, "invalid-websocket-key");
    let post = reply(&client, |lines| lines[0] = format!("POST {ALL} HTTP/1.1")).await;
    post.problem(405, "method-not-allowed");
    assert_eq!(post.header("allow"), Some("GET, HEAD"));
    server.stop().await;
}

#[tokio::test]
async fn an_upgrade_request_on_another_path_gets_its_usual_reply() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let client = server.client();
    client.exchange(&request("/nowhere", |_| ())).await.problem(404, "not-found");
    assert_eq!(client.exchange(&request("/livez", |_| ())).await.json(200)["status"], "ok");
    // A request with a chunked body is not an upgrade.
    let chunked = |lines: &mut Vec<String>| lines.push("Transfer-Encoding: chunked".to_owned());
    let bytes = [request(ALL, chunked), b"0\r\n\r\n".to_vec()].concat();
    let mut stream = client.connect().await;
    tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.expect("it is sent");
    let mut head = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut head).await.expect("a reply");
    assert_eq!(&head, b"HTTP/1.1 426");
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn a_frame_sent_right_after_the_request_is_received() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = echoing(&folder);
    let mut socket = Socket::open_with(&server.client(), TEXT_ONLY, &frame(TEXT, b"early")).await;
    assert_eq!(socket.text().await, "early");
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn the_echo_exists_only_with_its_test_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::here(folder.path(), &[]);
    for path in [ALL, TEXT_ONLY] {
        server.client().exchange(&request(path, |_| ())).await.problem(404, "not-found");
    }
    server.stop().await;
    let (code, words) = refused(folder.path(), &["serve", "--test-echo", "--listen", "0.0.0.0:0"]).await;
    assert_eq!(code, Some(1));
    assert!(words.contains("REJOIN_TEST_ECHO"), "{words}");
}
