//! The pages as files, and the calls for pages: `/api`, banks, QR codes, and requests from other sites.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::client::send;
use crate::support::{Client, KEY, Reply, Server};

fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    let client = server.client();
    (folder, server, client)
}

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Reply {
    let asked =
        headers.iter().fold(client.request(Method::GET, path), |request, (name, value)| request.header(*name, *value));
    send(asked).await
}

#[tokio::test]
async fn every_screen_has_a_path_and_loads_nothing_from_other_sites() {
    let (_folder, _server, client) = server(&[]);
    for path in ["/", "/j/ABC234", "/solo", "/host", "/host/01890a5d-ac96-774b-bcce-b302099a8057", "/room/x"] {
        let page = get(&client, path, &[]).await;
        assert_eq!((page.status, page.header("content-type").unwrap()), (200, "text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
        assert_eq!(page.header("x-content-type-options").unwrap(), "nosniff");
        assert_eq!(page.header("referrer-policy").unwrap(), "no-referrer");
        assert!(!page.text().contains("http://") && !page.text().contains("https://"), "{}", page.text());
    }
    get(&client, "/nowhere", &[]).await.problem(404, "not-found");
    let page = get(&client, "/nowhere", &[("Accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!((page.status, page.header("content-type").unwrap()), (404, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").is_some());
    for path in ["/web/none.js", "/web/vendor/build/package.json", "/web/../Cargo.toml", "/web/"] {
        assert_eq!(get(&client, path, &[]).await.status, 404, "{path}");
    }
    client.post("/web/app.js", &json!({})).await.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn a_file_is_sent_compressed_and_cached_by_its_etag() {
    let (_folder, _server, client) = server(&[]);
    let plain = get(&client, "/web/app.js", &[]).await;
    let whole: usize = plain.header("content-length").unwrap().parse().unwrap();
    for (accepted, encoding) in [("gzip, deflate, br", "br"), ("gzip", "gzip")] {
        let reply = get(&client, "/web/app.js", &[("Accept-Encoding", accepted)]).await;
        assert_eq!(reply.header("content-encoding").unwrap(), encoding);
        assert_eq!(
            (reply.header("vary").unwrap(), reply.header("cache-control").unwrap()),
            ("Accept-Encoding", "no-cache")
        );
        let length: usize = reply.header("content-length").unwrap().parse().unwrap();
        assert!(length < whole / 2, "{length} of {whole}");
        let tag = reply.header("etag").unwrap().to_owned();
        assert_ne!(tag, plain.header("etag").unwrap());
        let again = get(&client, "/web/app.js", &[("Accept-Encoding", accepted), ("If-None-Match", &tag)]).await;
        assert_eq!((again.status, again.header("etag").unwrap()), (304, tag.as_str()));
        let other = get(&client, "/web/app.js", &[("Accept-Encoding", accepted), ("If-None-Match", "\"x\"")]).await;
        assert_eq!(other.status, 200);
    }
}

#[tokio::test]
async fn pages_can_be_served_from_a_folder_for_development() {
    let web = tempfile::tempdir().unwrap();
    std::fs::write(web.path().join("index.html"), "first").unwrap();
    let (_folder, _server, client) = server(&["--web-dir", web.path().to_str().unwrap()]);
    assert_eq!(get(&client, "/", &[]).await.text(), "first");
    std::fs::write(web.path().join("index.html"), "second").unwrap();
    assert_eq!(get(&client, "/solo", &[]).await.text(), "second");
}

#[tokio::test]
async fn the_server_describes_itself_and_its_calls() {
    let (_folder, _server, client) = server(&[]);
    let about = client.get("/api").await.json(200);
    assert_eq!((&about["name"], &about["hosting"], &about["chaos"]), (&json!("rejoin"), &json!("open"), &json!(null)));
    assert_eq!((&about["publicUrl"], &about["lanUrl"]), (&json!(null), &json!(null)), "nobody else reaches it");
    let calls = about["calls"].as_array().unwrap();
    assert!(calls.contains(&json!({ "method": "POST", "path": "/api/rooms/join" })), "{about}");

    let settings = ["--api-keys", KEY, "--public-url", "https://Play.example.org:443/", "--chaos", "0"];
    let (_folder, _server, client) = server(&settings);
    let request = client.request(Method::GET, "/api").header("Host", "play.example.org");
    let about = send(request).await.json(200);
    assert_eq!((&about["publicUrl"], &about["hosting"]), (&json!("https://play.example.org"), &json!("key")));
    assert_eq!(about["chaos"], 0.0);
}

#[tokio::test]
async fn a_host_can_read_a_whole_bank() {
    let (_folder, _server, client) = server(&[]);
    let bank = client.get("/api/banks/mixed").await.json(200);
    let questions = bank["questions"].as_array().unwrap();
    assert_eq!((questions.len() as u64, &bank["more"]), (bank["questionCount"].as_u64().unwrap(), &json!(false)));
    // The questions can be sent back unchanged to open a room.
    let room = json!({ "questions": questions, "scoring": bank["scoring"] });
    client.post("/api/rooms", &room).await.json(201);
    let part = client.get("/api/banks/mixed?offset=1&limit=2").await.json(200);
    assert_eq!((&part["questions"], &part["more"]), (&json!(questions[1..3]), &json!(true)));
    let none = client.get("/api/banks/mixed?offset=100000").await.json(200);
    assert_eq!((&none["questions"], &none["more"]), (&json!([]), &json!(false)));
    for (path, status, code) in [
        ("/api/banks/none", 404, "quiz-not-found"),
        ("/api/banks/%20", 404, "quiz-not-found"),
        ("/api/banks/mixed?limit=0", 422, "invalid-request"),
        ("/api/banks/mixed?limit=201", 422, "invalid-request"),
        ("/api/banks/mixed?limit=x", 422, "invalid-request"),
    ] {
        client.get(path).await.problem(status, code);
    }
}

#[tokio::test]
async fn a_text_becomes_a_qr_code() {
    let (_folder, _server, client) = server(&[]);
    let asked = client.post("/api/qr", &json!({ "text": "https://play.example.org/j/ABC234" })).await;
    assert_eq!((asked.status, asked.header("content-type").unwrap()), (200, "image/svg+xml"));
    assert!(asked.text().contains("<svg") && !asked.text().contains("ABC234"), "{}", asked.text());
    for text in ["", &"x".repeat(301)] {
        client.post("/api/qr", &json!({ "text": text })).await.problem(422, "invalid-request");
    }
    assert_eq!(client.post("/api/qr", &json!({ "text": "x".repeat(300) })).await.status, 200);
}

#[tokio::test]
async fn only_listed_origins_may_call_the_api() {
    let preflight = async |client: &Client, origin: &str| {
        let request = client.request(Method::OPTIONS, "/api/rooms").header("Origin", origin);
        let request = request.header("Access-Control-Request-Method", "POST");
        send(request.header("Access-Control-Request-Headers", "authorization,content-type,idempotency-key")).await
    };
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    let (_folder, _server, client) = server(&[]);
    assert_eq!(allowed(&preflight(&client, "https://quiz.example.org").await), None);
    let asked = get(&client, "/api/quizzes", &[("Origin", "https://quiz.example.org")]).await;
    assert_eq!(allowed(&asked), None);

    let origins = "https://quiz.example.org/,http://localhost:3000";
    let (_folder, _server, client) = server(&["--cors-origins", origins]);
    for origin in ["https://quiz.example.org", "http://localhost:3000"] {
        let reply = preflight(&client, origin).await;
        assert_eq!((reply.status, allowed(&reply).as_deref()), (200, Some(origin)));
        assert!(reply.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
        let asked = get(&client, "/api/quizzes", &[("Origin", origin)]).await;
        assert_eq!((asked.status, allowed(&asked).as_deref()), (200, Some(origin)));
        // A page may read a refusal too.
        let refused = get(&client, "/api/rooms/x", &[("Origin", origin)]).await;
        assert_eq!((refused.status, allowed(&refused).as_deref()), (401, Some(origin)));
    }
    for origin in ["https://evil.example.org", "null", "https://quiz.example.org.evil"] {
        assert_eq!(allowed(&preflight(&client, origin).await), None, "{origin}");
        assert_eq!(allowed(&get(&client, "/api/quizzes", &[("Origin", origin)]).await), None, "{origin}");
    }
    let folder = tempfile::tempdir().unwrap();
    for bad in ["*", "quiz.example.org", "https://quiz.example.org/page"] {
        let (code, said) = crate::support::server::refused(folder.path(), &["--cors-origins", bad]).await;
        assert!(code != Some(0) && said.contains("REJOIN_CORS_ORIGINS"), "{said}");
    }
}

#[tokio::test]
async fn a_class_that_opens_its_pages_at_once_is_not_refused() {
    let (_folder, _server, client) = server(&["--requests-per-address", "50"]);
    let all = async |path: &'static str| {
        let asked = (0..400).map(|_| client.request(Method::GET, path).send());
        let replies = futures_util::future::join_all(asked).await;
        replies.into_iter().filter(|reply| reply.as_ref().is_ok_and(|reply| reply.status() == 200)).count()
    };
    assert_eq!(all("/web/app.js").await, 400);
    let calls = all("/api/quizzes").await;
    assert!((100..300).contains(&calls), "{calls} of 400 calls");
}
