//! TLS to a real server whose certificate is signed by an authority of the test.

use std::error::Error;
use std::time::Duration;

use rejoin::store::valkey::{Topology, ValkeyStore, ValkeyTarget};
use rejoin::store::{GameSessionStore, NewSession};

use super::{REACHING, options};
use crate::kit::{id, right, solo};
use crate::support::Server;
use crate::support::server::refused;
use crate::support::valkey::TlsServer;

fn target(url: &str, authority: Option<Vec<u8>>) -> ValkeyTarget {
    ValkeyTarget { authority, ..ValkeyTarget::parse(url, Topology::Standalone).expect("a good URL") }
}

fn authority(server: &TlsServer) -> Vec<u8> {
    std::fs::read(server.authority()).expect("its file")
}

/// The reason why a store refuses a server that it can connect to.
async fn in_the_way(target: ValkeyTarget) -> String {
    let store = ValkeyStore::open(options(target)).expect("opened");
    let missing = store.until_reachable(Duration::from_secs(5)).await.expect_err("it must not be trusted");
    missing.source().expect("a cause").to_string()
}

#[tokio::test]
async fn a_server_is_trusted_with_the_file_of_its_authority() {
    let server = TlsServer::start(&["--requirepass", "secret"]);
    let store = ValkeyStore::open(options(target(&server.0.url(), Some(authority(&server))))).expect("opened");
    store.until_reachable(REACHING).await.expect("the server is there");
    let at = store.clock().moment();
    store.create(NewSession(solo(1, 2, at)), at).await.expect("created");
    store.apply(&id(1), right(0), at).await.expect("answered").expect("alive").result.expect("evaluated");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_with_the_setting_to_use() {
    let (server, other) = (TlsServer::start(&[]), TlsServer::start(&[]));
    for authority in [None, Some(authority(&other))] {
        let cause = in_the_way(target(&server.0.url(), authority)).await;
        assert!(cause.contains("certificate") && cause.contains("VALKEY_CA_FILE"), "{cause}");
    }
    let plain = server.0.url().replace("rediss://", "redis://");
    let cause = in_the_way(target(&plain, None)).await;
    assert!(!cause.is_empty(), "{cause}");
}

#[tokio::test]
async fn the_server_starts_without_trust_and_names_the_missing_setting() {
    let server = TlsServer::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let rejoin = Server::process(folder.path(), &["--store", "valkey", "--valkey-url", &server.0.url()]);
    rejoin.logged("VALKEY_CA_FILE").await;
    rejoin.client().get("/readyz").await.problem(503, "store-unavailable");
    rejoin.stop().await;
    let ca = server.authority().to_str().expect("a plain name").to_owned();
    let trusting = ["--store", "valkey", "--valkey-url", &server.0.url(), "--valkey-ca-file", &ca];
    let rejoin = Server::process(folder.path(), &trusting);
    rejoin.client().get("/readyz").await.json(200);
    rejoin.client().play(2).await;
    rejoin.stop().await;
}

#[tokio::test]
async fn an_invalid_authority_file_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.pem");
    let nonsense = folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "nothing").expect("written");
    for (url, file) in
        [("rediss://127.0.0.1:1", &missing), ("rediss://127.0.0.1:1", &nonsense), ("redis://127.0.0.1:1", &nonsense)]
    {
        let file = file.to_str().expect("a plain name");
        let args = ["--store", "valkey", "--valkey-url", url, "--valkey-ca-file", file];
        let (code, said) = refused(folder.path(), &args).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("VALKEY_CA_FILE"), "{said}");
    }
}
