//! Everything that a client can do wrong. Each time it gets a problem with a stable code and without internal
//! details, and the server goes on.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::support::client::{read_to_close, send};
use crate::support::{Client, KEY, Reply, Server, in_time, question, questions, right};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const CREATE: &str = "/api/game/session";
const SHOW: &str = "/api/game/question";
const ANSWER: &str = "/api/game/answer";
const MOST_BODY: usize = 256 * 1024;

fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    let client = server.client();
    (folder, server, client)
}

/// Fails if the reply contains a word that belongs to the implementation.
#[track_caller]
fn assert_tells_nothing_internal(reply: &Reply) {
    const INSIDE: [&str; 16] = [
        "src/",
        ".rs",
        "::",
        "struct ",
        "enum ",
        "Option<",
        "Vec<",
        "u64",
        "usize",
        "i64",
        "CreateRequest",
        "Draft",
        "redb",
        "actix",
        "panicked",
        "/tmp",
    ];
    let text = reply.text();
    for word in INSIDE {
        assert!(!text.contains(word), "{word:?} in {text}");
    }
}

#[track_caller]
fn assert_problem(reply: &Reply, status: u16, code: &str) -> Value {
    assert_tells_nothing_internal(reply);
    reply.problem(status, code)
}

async fn post(client: &Client, path: &str, body: impl Into<reqwest::Body>) -> Reply {
    send(client.request(Method::POST, path).header("Content-Type", "application/json").body(body)).await
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400() {
    let (_folder, _server, client) = server(&[]);
    let deep_and_cut = "[".repeat(100_000);
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"{]",
        b"{'a':1}",
        b"{\"count\":1,}",
        b"{\"count\":01}",
        b"{\"count\":NaN}",
        b"{\"count\":1} {}",
        b"{\"count\":\"x\"",
        b"{\"unknown\":1",
        b"\0",
        b"{\"quizId\":\"a\0b\"}",
        b"{\"quizId\":\"\xff\xfe\"}",
        b"{\"unknown\":\"\xc3\"}",
        b"\xef\xbb\xbf{}",
        b"sessionId=1&questionId=2",
        b"\x1f\x8b\x08\x00",
        deep_and_cut.as_bytes(),
    ];
    for path in [CREATE, SHOW, ANSWER] {
        for body in bodies {
            assert_problem(&post(&client, path, body.to_vec()).await, 400, "malformed-json");
        }
    }
}

#[tokio::test]
async fn an_invalid_field_is_422_with_its_path() {
    let (_folder, _server, client) = server(&[]);
    let id = NOBODY;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_count = format!(r#"{{"count":{deep}}}"#);
    let no_option = format!(r#"{{"sessionId":"{id}","questionId":"q0"}}"#);
    let answers = |option: &str| format!(r#"{{"sessionId":"{id}","questionId":"q0","optionId":{option}}}"#);
    let options = ["\"1\"", "1.5", "-1", "9007199254740992", "1e400", "123456789012345678901234567890", "[]", "true"];
    let mut cases: Vec<(&str, String, &str)> = vec![
        (CREATE, deep, "body"),
        (CREATE, deep_count, "count"),
        (ANSWER, no_option, "optionId"),
        (ANSWER, format!(r#"["{id}","q0",1]"#), "body"),
        (SHOW, format!(r#"["{id}","q0"]"#), "body"),
    ];
    cases.extend(options.iter().map(|option| (ANSWER, answers(option), "optionId")));
    for (path, body, at) in [
        (CREATE, "[]", "body"),
        (CREATE, "null", "body"),
        (CREATE, "7", "body"),
        (CREATE, r#""text""#, "body"),
        (CREATE, r#"{"hint":1}"#, "hint"),
        (CREATE, r#"{"Count":1}"#, "Count"),
        (CREATE, r#"{"count":1,"count":1}"#, "body"),
        (CREATE, r#"{"count":0}"#, "count"),
        (CREATE, r#"{"count":-1}"#, "count"),
        (CREATE, r#"{"count":201}"#, "count"),
        (CREATE, r#"{"count":1.5}"#, "count"),
        (CREATE, r#"{"count":1.0}"#, "count"),
        (CREATE, r#"{"count":"3"}"#, "count"),
        (CREATE, r#"{"count":1e999}"#, "count"),
        (CREATE, r#"{"count":99999999999999999999999999}"#, "count"),
        (CREATE, r#"{"difficulty":"extreme"}"#, "difficulty"),
        (CREATE, r#"{"difficulty":5}"#, "difficulty"),
        (CREATE, r#"{"difficulty":"Easy"}"#, "difficulty"),
        (CREATE, r#"{"deliver":"two"}"#, "deliver"),
        (CREATE, r#"{"quizId":""}"#, "quizId"),
        (CREATE, r#"{"quizId":"../etc/passwd"}"#, "quizId"),
        (CREATE, r#"{"quizId":"a b"}"#, "quizId"),
        (CREATE, r#"{"quizId":7}"#, "quizId"),
        (CREATE, r#"{"category":["a"]}"#, "category"),
        (CREATE, r#"{"category":"\ud800"}"#, "category"),
        (CREATE, r#"{"exclude":"q0"}"#, "exclude"),
        (CREATE, r#"{"exclude":["q0",""]}"#, "exclude[1]"),
        (CREATE, r#"{"questionIds":[]}"#, "questionIds"),
        (CREATE, r#"{"questionIds":["a"],"count":1}"#, "count"),
        (CREATE, r#"{"questions":[],"quizId":"civics"}"#, "quizId"),
        (CREATE, r#"{"questions":[],"count":1}"#, "count"),
        (CREATE, r#"{"questions":[]}"#, "questions"),
        (CREATE, r#"{"questions":{}}"#, "questions"),
        (CREATE, r#"{"questions":[{}]}"#, "questions[0].questionId"),
        (CREATE, r#"{"questions":[7]}"#, "questions[0]"),
        (CREATE, r#"{"userId":""}"#, "userId"),
        (CREATE, r#"{"userId":"a\u0000b"}"#, "userId"),
        (CREATE, r#"{"sessionId":"x"}"#, "sessionId"),
        (CREATE, r#"{"sessionId":"01890a5dac96774bbcceb302099a8057"}"#, "sessionId"),
        (CREATE, r#"{"sessionId":"01890a5d-ac96-774b-bcce-b302099a8057-eu1"}"#, "sessionId"),
        (CREATE, r#"{"ttlMs":"10s"}"#, "ttlMs"),
        (CREATE, r#"{"ttlMs":-1}"#, "ttlMs"),
        (CREATE, r#"{"metadata":[]}"#, "metadata"),
        (SHOW, "{}", "sessionId"),
        (SHOW, r#"{"sessionId":"x"}"#, "questionId"),
        (SHOW, r#"{"sessionId":7,"questionId":"q0"}"#, "sessionId"),
        (SHOW, r#"{"sessionId":"x","questionId":7}"#, "questionId"),
        (SHOW, r#"{"sessionId":"x","questionId":""}"#, "questionId"),
        (SHOW, r#"{"sessionId":"x","questionId":"q0","optionId":1}"#, "optionId"),
        (ANSWER, r#"{"sessionId":null,"questionId":"q0","optionId":1}"#, "sessionId"),
    ] {
        cases.push((path, body.to_owned(), at));
    }
    for (path, body, at) in cases {
        let problem = assert_problem(&post(&client, path, body.clone()).await, 422, "invalid-request");
        let shown: String = body.chars().take(80).collect();
        assert_eq!(problem["problems"][0]["path"], at, "{shown} → {problem}");
    }
}

#[tokio::test]
async fn a_long_invalid_value_is_not_echoed() {
    let (_folder, _server, client) = server(&[]);
    let long = "ü".repeat(100_000);
    for body in [json!({ "difficulty": long }), json!({ &long: 1 }), json!({ "count": long }), json!(long)] {
        let reply = client.post(CREATE, &body).await;
        assert_problem(&reply, 422, "invalid-request");
        assert!(reply.body.len() < 4_000, "{} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn a_missing_option_is_422_and_null_is_accepted_as_no_answer() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    let slip = post(&client, ANSWER, json!({ "sessionId": id, "questionId": "q0" }).to_string()).await;
    let problem = assert_problem(&slip, 422, "invalid-request");
    assert!(problem["detail"].as_str().unwrap().contains("optionId"), "{problem}");
    client.answer(&id, 0, Value::Null).await.json(200);
}

#[tokio::test]
async fn every_problem_in_own_questions_is_reported_with_its_path() {
    let (_folder, _server, client) = server(&[]);
    let change = |field: &str, value: Value| {
        let mut wrong = question(1);
        wrong[field] = value;
        wrong
    };
    let option = |id: u64, text: &str| json!({ "optionId": id, "text": text });
    let cases = [
        (change("correctOptionId", json!(9)), "correctOptionId"),
        (change("questionId", json!("q0")), "questionId"),
        (change("options", json!([option(2, "a")])), "options"),
        (change("options", (0..13).map(|n| option(n, &n.to_string())).collect()), "options"),
        (change("options", json!([option(2, "a"), option(2, "b")])), "options[1].optionId"),
        (change("options", json!([option(2, "a"), option(3, "a")])), "options[1].text"),
        (change("options", json!([option(2, "a"), option(3, " ")])), "options[1].text"),
        (change("text", json!("")), "text"),
        (change("text", json!("x".repeat(4_097))), "text"),
        (change("timeLimitMs", json!(99)), "timeLimitMs"),
        (change("timeLimitMs", json!(86_400_001)), "timeLimitMs"),
        (change("kind", json!("essay")), "kind"),
        (change("kind", json!("text")), "options"),
        (change("image", json!("moon.png")), "image"),
        (change("image", json!("javascript:alert(1)")), "image"),
        (change("kind", json!(1)), "kind"),
        (change("options", json!([7, option(2, "a")])), "options[0]"),
        (change("answer", json!("x")), "answer"),
        (change("correctOptionId", json!("2")), "correctOptionId"),
    ];
    for (wrong, at) in cases {
        let reply = client.post(CREATE, &json!({ "questions": [question(0), wrong] })).await;
        let problem = assert_problem(&reply, 422, "invalid-request");
        assert_eq!(problem["problems"][0]["path"], format!("questions[1].{at}"), "{problem}");
    }
    let many = client.post(CREATE, &json!({ "questions": questions(201) })).await;
    assert_eq!(assert_problem(&many, 422, "invalid-request")["problems"][0]["path"], "questions");
    let all_wrong = json!({ "questions": [change("text", json!("")), change("explanation", json!(" "))] });
    let reply = client.post(CREATE, &all_wrong).await;
    assert_eq!(assert_problem(&reply, 422, "invalid-request")["problems"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn unknown_sessions_questions_and_banks_are_404() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(2).await;
    let other = client.create(json!({ "quizId": "space", "count": 1 })).await;
    let other_question = other["questions"][0]["questionId"].as_str().unwrap();
    client.answer(&id, 0, right(0)).await.json(200);

    for unknown in [NOBODY, "x", "", "01890a5d", &id.to_uppercase()[1..], &id.replace('-', ""), &format!("{id}-eu1")] {
        assert_problem(&client.answer(unknown, 0, 1).await, 404, "session-not-found");
        assert_problem(&client.show(unknown, "q0").await, 404, "session-not-found");
    }
    let long = "x".repeat(2_000);
    for unknown in [NOBODY, "x", "01890a5d", "%20", "%00", "%FF", "%2e%2e%2fhealth", "ü", "{id}", &long] {
        assert_problem(&client.resume(unknown).await, 404, "session-not-found");
        assert_problem(&client.results(unknown).await, 404, "session-not-found");
        assert_problem(&client.award(unknown).await, 404, "session-not-found");
    }
    for question in ["q0", "q9", other_question, "Q1", "q1 x"] {
        assert_problem(&client.show(&id, question).await, 404, "question-not-open");
        let answer = json!({ "sessionId": id, "questionId": question, "optionId": 1 });
        assert_problem(&client.post(ANSWER, &answer).await, 404, "question-not-open");
    }
    assert_problem(&client.post(CREATE, &json!({ "quizId": "unknown" })).await, 404, "quiz-not-found");
    for option in [0, 5, 9_007_199_254_740_991_u64] {
        assert_problem(&client.answer(&id, 1, option).await, 422, "option-not-in-question");
    }
    client.answer(&id, 1, right(1)).await.json(200);
}

#[tokio::test]
async fn a_deleted_game_gets_the_reply_of_an_unknown_one() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    client.delete(&format!("{CREATE}/{id}")).await;
    let never = client.resume(NOBODY).await;
    assert_eq!(client.resume(&id).await.body, never.body);
    assert_problem(&client.answer(&id, 0, 1).await, 404, "session-not-found");
    assert_problem(&client.show(&id, "q0").await, 404, "session-not-found");
}

#[tokio::test]
async fn every_unknown_url_is_404() {
    let (_folder, _server, client) = server(&[]);
    let long = format!("/{}", "a".repeat(5_000));
    let paths = [
        "/api/",
        "/web/",
        "/solo/x",
        "/host/a/b",
        "/api/game/session/",
        "/api/game/session/a/b",
        "//api/quizzes",
        "/api//quizzes",
        "/api/quizzes/",
        "/API/quizzes",
        "/api/../health",
        "/api/game/session/..%2f..%2fhealth/x",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cwindows",
        "/%00",
        "/%ff%fe",
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/metrics",
        long.as_str(),
    ];
    for path in paths {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let reply = client.exchange(request.as_bytes()).await;
        let problem = reply.problem(404, "not-found");
        assert!(problem["detail"].as_str().unwrap().len() < 120, "{problem}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_allowed_methods() {
    let (_folder, _server, client) = server(&[]);
    let session = format!("{CREATE}/{NOBODY}");
    let cases = [
        (CREATE, "GET", "POST"),
        (CREATE, "DELETE", "POST"),
        (session.as_str(), "POST", "GET, HEAD, DELETE"),
        (session.as_str(), "PUT", "GET, HEAD, DELETE"),
        (ANSWER, "GET", "POST"),
        (ANSWER, "PATCH", "POST"),
        ("/api/game/results/x", "DELETE", "GET, HEAD"),
        ("/api/game/results/x/award", "GET", "POST"),
        ("/api/quizzes", "POST", "GET, HEAD"),
        ("/api/rooms", "DELETE", "GET, HEAD, POST"),
        ("/api/rooms/x", "PUT", "GET, HEAD, DELETE"),
        ("/health", "OPTIONS", "GET, HEAD"),
        ("/livez", "PROPFIND", "GET, HEAD"),
        ("/readyz", "NONSENSE", "GET, HEAD"),
    ];
    for (path, method, allow) in cases {
        let reply = send(client.request(Method::from_bytes(method.as_bytes()).unwrap(), path)).await;
        assert_problem(&reply, 405, "method-not-allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let (_folder, _server, client) = server(&[]);
    for (path, status) in [("/health", 200), ("/api/quizzes", 200), ("/api/game/results/x", 404), ("/x", 404)] {
        let head = send(client.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.len()), (status, 0), "{path}");
        assert!(head.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn a_wrong_or_missing_content_type_is_415() {
    let (_folder, _server, client) = server(&[]);
    let sent = |kind: Option<&'static str>| {
        let mut request = client.request(Method::POST, CREATE).body("{}");
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        send(request)
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", "", "/"]
    {
        assert_problem(&sent(Some(kind)).await, 415, "unsupported-media-type");
    }
    assert_problem(&sent(None).await, 415, "unsupported-media-type");
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json", "application/json;"]
    {
        sent(Some(kind)).await.json(201);
    }
}

/// The bytes of a request with a body of `size` bytes, in chunks or with a length.
fn framed(method: &str, path: &str, size: usize, is_chunked: bool) -> Vec<u8> {
    let body = "x".repeat(size);
    let framing = if is_chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {size}") };
    let body = if is_chunked { format!("{size:x}\r\n{body}\r\n0\r\n\r\n") } else { body };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_for_every_call() {
    let (_folder, _server, client) = server(&[]);
    let session = format!("{CREATE}/{NOBODY}");
    let award = format!("/api/game/results/{NOBODY}/award");
    let urls = [
        ("POST", CREATE),
        ("POST", ANSWER),
        ("POST", award.as_str()),
        ("GET", session.as_str()),
        ("DELETE", session.as_str()),
        ("GET", "/livez"),
        ("POST", "/livez"),
        ("POST", "/unknown"),
    ];
    // In parallel, because each time the server lingers for a second so that the client can read its reply.
    let mut asked = Vec::new();
    for (method, path) in urls {
        for is_chunked in [false, true] {
            let (client, request) = (client.clone(), framed(method, path, MOST_BODY + 1, is_chunked));
            asked.push(tokio::spawn(async move { client.exchange(&request).await }));
        }
    }
    for reply in asked {
        assert_problem(&reply.await.expect("none panics"), 413, "body-too-large");
    }
    for is_chunked in [false, true] {
        let most = client.exchange(&framed("POST", CREATE, MOST_BODY, is_chunked)).await;
        assert_problem(&most, 400, "malformed-json");
        let unread = client.exchange(&framed("GET", "/livez", MOST_BODY, is_chunked)).await;
        unread.json(200);
    }
    // Refused by its `Content-Length`, before any of the body is sent.
    let head = format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9999999999\r\n\r\n");
    assert_problem(&client.exchange(head.as_bytes()).await, 413, "body-too-large");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let (_folder, _server, client) = server(&[]);
    let stalled = |method: &str, framing: &str| {
        let (client, path) = (client.clone(), if method == "GET" { "/livez" } else { CREATE });
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}");
        async move { client.exchange(request.as_bytes()).await }
    };
    let replies = tokio::join!(
        stalled("POST", "Content-Length: 100\r\n\r\n{\"count\""),
        stalled("POST", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"cou\r\n"),
        stalled("GET", "Content-Length: 100\r\n\r\n"),
    );
    for reply in [replies.0, replies.1, replies.2] {
        assert_problem(&reply, 408, "body-too-slow");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let (_folder, _server, client) = server(&[]);
    let mut stream = client.connect().await;
    let head = format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let endless = async { while stream.write_all(&chunk).await.is_ok() {} };
    in_time(endless).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400_and_not_413() {
    let (_folder, _server, client) = server(&[]);
    let broken = format!(
        "POST {CREATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{\"cou\r\nzz\r\n"
    );
    assert_problem(&client.exchange(broken.as_bytes()).await, 400, "malformed-json");
    for framing in ["Content-Length: 100\r\n\r\n{\"count\"", "Transfer-Encoding: chunked\r\n\r\n50\r\n{\"count\""] {
        let cut = format!("POST {CREATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{framing}");
        let mut stream = client.connect().await;
        stream.write_all(cut.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let bytes = read_to_close(&mut stream).await;
        if !bytes.is_empty() {
            assert_problem(&Reply::parse(&bytes), 400, "malformed-json");
        }
    }
    client.get("/livez").await.json(200);
}

#[tokio::test]
async fn an_idempotency_key_must_be_one_printable_ascii_text() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    let body = json!({ "sessionId": id, "questionId": "q0", "optionId": right(0) }).to_string();
    let long = "k".repeat(300);
    let keys = [
        "Idempotency-Key: \r\n".to_owned(),
        "Idempotency-Key:\r\n".to_owned(),
        format!("Idempotency-Key: {long}\r\n"),
        "Idempotency-Key: a\r\nIdempotency-Key: a\r\n".to_owned(),
        "Idempotency-Key: a\r\nidempotency-key: b\r\n".to_owned(),
        "Idempotency-Key: schlüssel\r\n".to_owned(),
        "Idempotency-Key: a\tb\r\n".to_owned(),
    ];
    let award = format!("/api/game/results/{id}/award");
    for key in keys {
        for (path, body) in [(ANSWER, body.as_str()), (award.as_str(), "")] {
            let length = body.len();
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{key}Content-Length: {length}\r\n\r\n{body}"
            );
            assert_problem(&client.exchange(request.as_bytes()).await, 400, "invalid-idempotency-key");
        }
    }
    client.answer_as(&"k".repeat(255), &id, 0, right(0)).await.json(200);
}

#[tokio::test]
async fn a_request_that_is_not_http_is_refused_and_the_server_goes_on() {
    let (_folder, _server, client) = server(&[]);
    let flood: String = (0..200).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let requests = [
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /livez HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /<script>alert(1)</script> HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nBad Header: x\r\n\r\n".to_vec(),
        b"GET /livez HTTP/1.1\r\nX: a\0b\r\n\r\n".to_vec(),
        b"POST /livez HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(),
        b"POST /livez HTTP/1.1\r\nTransfer-Encoding: gibberish\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        format!("GET /livez HTTP/1.1\r\n{flood}\r\n").into_bytes(),
        format!("GET /livez HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(200_000)).into_bytes(),
    ];
    for request in requests {
        let answer = client.raw(&request).await;
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        // The connection may be reset before the reply can be read. It is closed in any case.
        if !answer.is_empty() {
            let reply = Reply::parse(&answer);
            assert!((400..500).contains(&reply.status), "{shown}: {}", reply.status);
            assert_tells_nothing_internal(&reply);
        }
    }
    client.get("/livez").await.json(200);
}

#[tokio::test]
async fn a_request_that_is_not_http_is_not_logged_as_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::process(folder.path(), &["--log", "debug"]);
    let client = server.client();
    client.raw(b"\x16\x03\x01\x02\r\n\r\n").await;
    let after = client.get("/livez").await;
    server.logged(after.header("x-request-id").unwrap()).await;
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn a_request_keeps_a_valid_id_or_gets_a_new_one() {
    let (_folder, _server, client) = server(&[]);
    let with = |id: &str| send(client.request(Method::GET, "/livez").header("x-request-id", id));
    assert_eq!(with("my-id-7").await.header("x-request-id"), Some("my-id-7"));
    for strange in ["", "a b", "a=b", "ü", &"x".repeat(65)] {
        let id = with(strange).await.header("x-request-id").map(str::to_owned);
        assert!(id.is_some_and(|id| !id.is_empty() && id != strange));
    }
    let (a, b) = (client.get("/livez").await, client.get("/livez").await);
    assert_ne!(a.header("x-request-id"), b.header("x-request-id"));
}

#[tokio::test]
async fn the_trace_log_contains_no_session_id() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["--log", "trace", "--api-keys", KEY];
    let server = Server::process(folder.path(), &args);
    let client = server.client().with_key(KEY);
    let id = client.play(2).await;
    client.resume(&id).await.json(200);
    client.show(&id, "q0").await.json(200);
    client.answer_as("my-idempotency-key", &id, 0, right(0)).await.json(200);
    assert_problem(&client.answer(&id, 0, 99).await, 404, "question-not-open");
    assert_problem(&client.answer(&id, 1, 99).await, 422, "option-not-in-question");
    assert_problem(&client.award(&id).await, 409, "session-not-finished");
    client.answer(&id, 1, Value::Null).await.json(200);
    assert_problem(&client.resume(&id).await, 404, "session-finished");
    client.results(&id).await.json(200);
    client.award(&id).await.json(200);
    assert_problem(&client.get(&format!("/api/game/sessions/{id}")).await, 404, "not-found");
    assert_problem(&client.post(&format!("{CREATE}/{id}"), &json!({})).await, 405, "method-not-allowed");
    let chunked = framed("GET", &format!("{CREATE}/{id}"), MOST_BODY + 1, true);
    assert_problem(&client.exchange(&chunked).await, 413, "body-too-large");
    let wrong = json!({ "sessionId": id, "questionId": "q0", "optionId": "x" });
    assert_problem(&client.post(ANSWER, &wrong).await, 422, "invalid-request");
    client.delete(&format!("{CREATE}/{id}")).await;
    let last = client.resume(&id).await;
    assert_problem(&last, 404, "session-not-found");
    let request_id = last.header("x-request-id").unwrap();
    server.logged(request_id).await;
    server.logged("served").await;
    let log = server.log();
    for secret in [id.as_str(), &id[9..], KEY, "my-idempotency-key", "because of"] {
        assert!(!log.contains(secret), "{}", log.lines().find(|line| line.contains(secret)).unwrap());
    }
    assert!(log.contains("/api/game/session/{id}"));
    server.stop().await;
}

#[tokio::test]
async fn a_header_that_decides_is_refused_if_it_comes_twice() {
    for args in [&[][..], &["--api-keys", KEY]] {
        let (_folder, server, client) = server(args);
        let game = client.with_key(KEY).play(1).await;
        let key = format!("Authorization: Bearer {KEY}");
        let twice = [
            format!("{key}\r\nAuthorization: Bearer x"),
            format!("authorization: Bearer x\r\n{key}"),
            "Rejoin-Generation: 1\r\nRejoin-Generation: 2".to_owned(),
        ];
        for headers in &twice {
            for path in [&format!("/api/game/session/{game}"), "/api/banks/civics", "/api/rooms/x/ws"] {
                let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n\r\n");
                assert_problem(&client.exchange(request.as_bytes()).await, 400, "header-repeated");
            }
        }
        let request = format!("GET /api/game/session/{game} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{key}\r\n\r\n");
        assert_eq!(client.exchange(request.as_bytes()).await.status, 200);
        let hosts = b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
        assert_eq!(client.exchange(hosts).await.status, 400);
        server.stop().await;
    }
}
