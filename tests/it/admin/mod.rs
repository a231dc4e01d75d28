//! The admin listener: who is let in, and that the public listener has none of it.

mod commands;
mod page;
mod sessions;

use std::net::TcpListener;

use reqwest::Method;
use rustix::process::Signal;

use crate::support::client::read_to_close;
use crate::support::server::refused;
use crate::support::{Client, Server, until_async};

const TOKEN: &str = "0123456789abcdef-of-admin";
const OTHER: &str = "fedcba9876543210-of-admin";

/// A client of the admin listener that shows this token.
fn with(server: &Server, token: &str) -> Client {
    Client::new(&server.admin).with_key(token)
}

/// The status of `/health` for a request with this header.
async fn health_with(server: &Server, header: &str, text: &str) -> u16 {
    let request = Client::new(&server.admin).request(Method::GET, "/health").header(header, text);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_admin_listener_is_another_than_the_public_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &[]);
    assert_ne!(server.base, server.admin);
    let admin = Client::new(&server.admin);
    assert_eq!(admin.get("/health").await.status, 200);
    for path in ["/", "/api", "/host", "/api/game/session"] {
        assert_eq!(admin.get(path).await.status, 404, "{path}");
    }
    assert_eq!(health_with(&server, "Host", "evil.example").await, 421);
    assert_eq!(health_with(&server, "Origin", "https://evil.example").await, 403);
    server.stop().await;
}

#[tokio::test]
async fn a_token_is_replaced_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, TOKEN).unwrap();
    let server = Server::process(folder.path(), &["--admin-token-file", file.to_str().unwrap()]);
    let refusal = Client::new(&server.admin).get("/health").await;
    refusal.problem(401, "admin-token-required");
    assert_eq!(Client::new(&server.admin).get("/readyz").await.status, 200);
    assert_eq!(with(&server, TOKEN).get("/health").await.status, 200);
    assert_eq!(with(&server, OTHER).get("/health").await.status, 401);
    // Both are accepted while callers change over.
    std::fs::write(&file, format!("{OTHER}\n{TOKEN}\n")).unwrap();
    server.signal(Signal::HUP);
    until_async(async || with(&server, OTHER).get("/health").await.status == 200).await;
    assert_eq!(with(&server, TOKEN).get("/health").await.status, 200);
    std::fs::write(&file, OTHER).unwrap();
    server.signal(Signal::HUP);
    until_async(async || with(&server, TOKEN).get("/health").await.status == 401).await;
    // A file that became unreadable leaves the door as it was.
    std::fs::remove_file(&file).unwrap();
    server.signal(Signal::HUP);
    server.logged("the admin tokens could not be reloaded").await;
    assert_eq!(with(&server, OTHER).get("/health").await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_configured_port_that_is_taken_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = refused(folder.path(), &["--admin-listen", &address]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("REJOIN_ADMIN_LISTEN: cannot listen on"), "{said}");
    let (code, said) = refused(folder.path(), &["--admin-listen", "0.0.0.0:0"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("REJOIN_ADMIN_TOKEN"), "{said}");
}

#[tokio::test]
async fn many_connections_to_the_admin_listener_are_refused_and_take_no_players_place() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--max-connections", "80", "--workers", "1"]);
    let address = server.admin.strip_prefix("http://").unwrap().to_owned();
    let held: Vec<_> = (0..64).map(|_| std::net::TcpStream::connect(&address).unwrap()).collect();
    // Accepted after the others. Nothing is sent, because a refusal comes before the request.
    let refusal = read_to_close(&mut Client::new(&server.admin).connect().await).await;
    assert!(refusal.starts_with(b"HTTP/1.1 429"), "{}", String::from_utf8_lossy(&refusal));
    let health = server.client().get("/health").await.json(200);
    assert!(health["limitsHit"]["REJOIN_ADMIN_LISTEN"].as_u64().unwrap() >= 1, "{health}");
    drop(held);
    let asked = async || {
        let request = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        Client::new(&server.admin).raw(request).await
    };
    until_async(async || asked().await.starts_with(b"HTTP/1.1 200")).await;
    server.stop().await;
}
