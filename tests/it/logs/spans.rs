//! The export of spans, in builds with the Cargo feature `otel`, to a collector of this test.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::lines;
use crate::support::client::send;
use crate::support::server::refused_with;
use crate::support::{Server, in_time};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Takes one request of an exporter. Returns its head and its body.
async fn received(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let whole = end + 4 + length.parse::<usize>().unwrap();
        if bytes.len() >= whole {
            return (head, bytes[end + 4..whole].to_vec());
        }
    }
}

/// A field of a protobuf message: its number, and its bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn the_span_of_a_request_continues_the_trace_of_its_caller() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_SERVICE_NAME", "quiz-night")];
    let server = Server::process_with(folder.path(), &[], &variables);
    let request = server.client().request(Method::GET, "/api/game/results/none");
    let reply = send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await;
    assert_eq!(reply.status, 404);
    // The last spans are sent at the stop, so the test waits for no interval of the exporter.
    let stopping = tokio::spawn(server.stop());
    let (mut stream, _) = in_time(collector.accept()).await.unwrap();
    let (head, body) = in_time(received(&mut stream)).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    stopping.await.unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    let has = |bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    // The fields of a span: 1 is the trace, 4 the span of the caller, 5 the name.
    assert!(has(&field(1, &bytes_of(TRACE))), "the trace: {body:?}");
    assert!(has(&field(4, &bytes_of(PARENT))), "the caller: {body:?}");
    assert!(has(&field(5, b"GET /api/game/results/{id}")), "the name: {body:?}");
    for text in ["quiz-night", "http.route", "http.response.status_code", "rejoin.request_id"] {
        assert!(has(text.as_bytes()), "{text}: {body:?}");
    }
    assert!(!has(b"127.0.0.1"), "no address: {body:?}");
}

#[tokio::test]
async fn a_collector_that_is_away_is_one_warning_and_no_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let server = Server::process_with(folder.path(), &["--log-format", "json"], &variables);
    let client = server.client();
    client.get("/livez").await.json(200);
    server.logged("spans cannot be exported").await;
    client.get("/livez").await.json(200);
    let log = server.stop_and_log().await;
    assert_eq!(lines(&log, "spans cannot be exported; they are lost").len(), 1, "{log}");
}

#[tokio::test]
async fn a_collector_behind_tls_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:4318")];
    let (code, error) = refused_with(folder.path(), &[], &variables).await;
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT: spans are exported by http://"), "{error}");
}
