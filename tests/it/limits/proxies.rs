//! The address of a client behind a proxy, and TLS.

use super::{is_over, open_from, server};
use crate::support::reverse_proxy::ReverseProxy;
use crate::support::{Client, Server};

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_separate_limits() {
    let (_folder, server, client) = server(&["--rooms-per-address", "1", "--trusted-proxies", "127.0.0.1"]);
    open_from(&client, "203.0.113.5").await.json(201);
    is_over(&open_from(&client, "203.0.113.5").await, "REJOIN_ROOMS_PER_ADDRESS");
    open_from(&client, "203.0.113.6").await.json(201);
    // Only the rightmost address that is not a proxy's counts. The client can write anything to its left.
    is_over(&open_from(&client, "198.51.100.1, 203.0.113.5").await, "REJOIN_ROOMS_PER_ADDRESS");
    server.stop().await;
}

#[tokio::test]
async fn the_header_of_an_untrusted_proxy_is_ignored() {
    let (_folder, server, client) = server(&["--rooms-per-address", "1", "--trusted-proxies", "10.0.0.0/8"]);
    open_from(&client, "203.0.113.5").await.json(201);
    is_over(&open_from(&client, "203.0.113.6").await, "REJOIN_ROOMS_PER_ADDRESS");
    server.stop().await;
}

#[tokio::test]
async fn an_ipv6_prefix_counts_as_one_client() {
    let (_folder, server, client) = server(&["--rooms-per-address", "1", "--trusted-proxies", "127.0.0.0/8"]);
    open_from(&client, "2001:db8:1:2::1").await.json(201);
    is_over(&open_from(&client, "2001:db8:1:2:ffff::1").await, "REJOIN_ROOMS_PER_ADDRESS");
    open_from(&client, "2001:db8:1:3::1").await.json(201);
    server.stop().await;
}

#[tokio::test]
async fn connections_through_a_proxy_are_counted_per_client() {
    let args = ["--max-connections-per-address", "1", "--trusted-proxies", "127.0.0.1"];
    let (_folder, server, client) = server(&args);
    let room = open_from(&client, "203.0.113.9").await.json(201);
    let waiting = format!("/api/rooms/{}/events?after=0&waitMs=25000", room["roomId"].as_str().unwrap());
    let wait = |address: &str| {
        let request = client.request(reqwest::Method::GET, &waiting).header("X-Forwarded-For", address);
        crate::support::client::send(request.bearer_auth(room["token"].as_str().unwrap()))
    };
    let held = tokio::spawn(wait("203.0.113.5"));
    crate::support::until_async(async || wait_is_refused(&client, "203.0.113.5").await).await;
    assert!(!wait_is_refused(&client, "203.0.113.6").await);
    held.abort();
    crate::support::until_async(async || !wait_is_refused(&client, "203.0.113.5").await).await;
    server.stop().await;
}

async fn wait_is_refused(client: &crate::support::Client, address: &str) -> bool {
    let request = client.request(reqwest::Method::GET, "/livez").header("X-Forwarded-For", address);
    let reply = crate::support::client::send(request).await;
    if reply.status == 429 {
        is_over(&reply, "REJOIN_MAX_CONNECTIONS_PER_ADDRESS");
        return true;
    }
    reply.json(200);
    false
}

#[tokio::test]
async fn the_shipped_proxies_tell_who_the_client_is_and_believe_nobody_else() {
    for proxy_before in [ReverseProxy::nginx_single_before, ReverseProxy::caddy_before] {
        let (_folder, server, _) = server(&["--rooms-per-address", "1", "--trusted-proxies", "127.0.0.1/32"]);
        let proxy: ReverseProxy = proxy_before(&server);
        let client = Client::new(&proxy.base);
        open_from(&client, "203.0.113.5").await.json(201);
        is_over(&open_from(&client, "203.0.113.6").await, "REJOIN_ROOMS_PER_ADDRESS");
        server.stop().await;
    }
}

#[tokio::test]
async fn the_shipped_proxies_serve_the_pages_over_tls() {
    for proxy_before in [ReverseProxy::nginx_single_before, ReverseProxy::caddy_before] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::process(folder.path(), &["--trusted-proxies", "127.0.0.1"]);
        let proxy: ReverseProxy = proxy_before(&server);
        let reply = tokio::task::spawn_blocking(move || proxy.get_over_tls("/")).await.unwrap().to_lowercase();
        assert!(reply.starts_with("http/1.1 200") && reply.contains("<!doctype html>"), "{reply}");
        assert!(reply.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{reply}");
        server.stop().await;
    }
}
