//! Sessions as an operator sees and ends them.

use rejoin::client::{Api, ClientEvent, ConnectOptions, Endpoints, StopReason, connect};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::valkey::shared::fresh_database;
use crate::support::{Client, KEY, Server, in_time, questions, right};

/// A server with a solo game of two questions, one of them answered, and a room of two seats. Names and ids that no
/// reply may tell are in `secrets`.
struct Stage {
    server: Server,
    solo: String,
    room: Value,
    secrets: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::process(folder.path(), args);
        server.until_ready().await;
        // A server without keys takes no notice of it.
        let client = server.client().with_key(KEY);
        let solo = client.play(2).await;
        assert_eq!(client.answer(&solo, 0, right(0)).await.status, 200);
        let room = client.post("/api/rooms", &room_of("Host-Hilda")).await.json(201);
        let code = room["joinCode"].as_str().unwrap();
        let ada = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": "Ada-Lovelace" })).await.json(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let secrets = [text(&room["token"]), text(&ada["token"]), text(&room["joinCode"]), solo.clone()];
        let names = ["Ada-Lovelace", "Host-Hilda", "because of", "correctOptionId", "option 1"].map(str::to_owned);
        Self { server, solo, room, secrets: secrets.into_iter().chain(names).collect(), _folder: folder }
    }

    fn admin(&self) -> Client {
        Client::new(&self.server.admin)
    }

    async fn list(&self, query: &str) -> Value {
        let reply = self.admin().get(&format!("/admin/api/sessions?{query}")).await;
        for secret in &self.secrets {
            assert!(!reply.text().contains(secret), "{secret} is told: {}", reply.text());
        }
        reply.json(200)
    }

    /// The short hash of the one session of this kind.
    async fn hash(&self, kind: &str) -> String {
        let list = self.list(&format!("kind={kind}")).await;
        assert_eq!(list["sessions"].as_array().unwrap().len(), 1, "{list}");
        list["sessions"][0]["session"].as_str().unwrap().to_owned()
    }

    async fn session(&self, method: Method, name: &str) -> crate::support::Reply {
        crate::support::client::send(self.admin().request(method, &format!("/admin/api/sessions/{name}"))).await
    }
}

fn room_of(host: &str) -> Value {
    json!({ "questions": questions(3), "hostName": host, "readyMs": 0, "timeLimitMs": 60_000 })
}

#[tokio::test]
async fn every_engine_lists_its_sessions_without_a_secret() {
    let valkey = fresh_database();
    for args in [&[][..], &["--store", "memory"], &["--store", "valkey", "--valkey-url", &valkey]] {
        let stage = Stage::set(args).await;
        let list = stage.list("").await;
        let [solo, room] = &list["sessions"].as_array().unwrap()[..] else { panic!("{list}") };
        let shown = |session: &Value| ["kind", "phase", "questions", "done"].map(|field| session[field].clone());
        assert_eq!(shown(solo), [json!("solo"), json!("playing"), json!(2), json!(1)], "{args:?}");
        assert_eq!(shown(room), [json!("room"), json!("lobby"), json!(3), json!(0)], "{args:?}");
        assert_eq!((&room["seats"], &room["present"]), (&json!(2), &json!(0)));
        assert_eq!((&list["incomplete"], &list["next"]), (&json!(false), &Value::Null));
        for session in [solo, room] {
            let hash = session["session"].as_str().unwrap();
            let details = stage.session(Method::GET, hash).await;
            assert!(stage.secrets.iter().all(|secret| !details.text().contains(secret)), "{}", details.text());
            assert_eq!(details.json(200)["session"], hash);
        }
        stage.server.stop().await;
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_short_hash_its_code_or_its_id() {
    let stage = Stage::set(&[]).await;
    let room = stage.hash("room").await;
    let [id, code] = ["roomId", "joinCode"].map(|field| stage.room[field].as_str().unwrap());
    let typed = format!("{}-{}", &code[..3].to_lowercase(), &code[3..]);
    for name in [room.as_str(), &room.to_uppercase(), &format!("%23{room}"), code, &typed, id] {
        let found = stage.session(Method::GET, name).await.json(200);
        assert_eq!((&found["session"], &found["roomId"]), (&json!(room), &json!(id)), "{name}");
    }
    let found = stage.session(Method::GET, &stage.solo).await.json(200);
    assert_eq!((&found["kind"], &found["roomId"]), (&json!("solo"), &Value::Null));
    let unknown = ["00000000", "ABC234", "01890a5d-ac96-774b-bcce-b302099a8057", "x", "%00", "..%2f..%2fhealth", "%ff"];
    for name in unknown {
        for method in [Method::GET, Method::DELETE] {
            let reply = stage.session(method, name).await;
            assert_eq!(reply.status, 404, "{name}: {}", reply.text());
        }
    }
    let long = "a".repeat(4_000);
    stage.session(Method::GET, &long).await.problem(404, "session-not-found");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_room_that_is_ended_sends_its_players_away_and_is_gone() {
    let stage = Stage::set(&[]).await;
    let api = Api::new(Endpoints::one(&*stage.server.base));
    let taken = api.join(stage.room["joinCode"].as_str().unwrap(), "Grace").await.unwrap();
    let (_connection, mut happenings) = connect(taken.ticket, ConnectOptions::new(api.bases()));
    let hash = stage.hash("room").await;
    let is_welcome = |happening: Option<ClientEvent>| matches!(happening, Some(ClientEvent::Welcome(_)));
    while !is_welcome(in_time(happenings.recv()).await) {}
    let ended = stage.session(Method::DELETE, &hash).await.json(200);
    assert_eq!((&ended["kind"], &ended["seats"]), (&json!("room"), &json!(3)));
    let stopped = loop {
        match in_time(happenings.recv()).await.expect("the client says how it ended") {
            ClientEvent::Stopped(reason) => break reason,
            _ => continue,
        }
    };
    assert!(matches!(stopped, StopReason::Gone), "{stopped:?}");
    for method in [Method::DELETE, Method::GET] {
        stage.session(method, &hash).await.problem(404, "session-not-found");
    }
    assert_eq!(stage.list("").await["sessions"].as_array().unwrap().len(), 1);
    stage.server.logged(&format!("an operator has ended a session session=\"{hash}\" kind=\"room\"")).await;
    stage.server.stop().await;
}

#[tokio::test]
async fn a_game_that_is_ended_while_it_is_played_takes_no_further_answer() {
    let stage = Stage::set(&[]).await;
    let (client, hash) = (stage.server.client(), stage.hash("solo").await);
    let keys: Vec<_> = (0..20).map(|n| format!("k{n}")).collect();
    let answers = keys.iter().map(|key| client.answer_as(key, &stage.solo, 1, right(1)));
    let ends = (0..3).map(|_| stage.session(Method::DELETE, &hash));
    let (answered, ended) = tokio::join!(futures_util::future::join_all(answers), futures_util::future::join_all(ends));
    let ended: Vec<_> = ended.iter().map(|reply| reply.status).collect();
    assert_eq!(ended.iter().filter(|status| **status == 200).count(), 1, "{ended:?}");
    assert_eq!(ended.iter().filter(|status| **status == 404).count(), 2, "{ended:?}");
    for answer in answered {
        assert!(matches!(answer.status, 200 | 404 | 409), "{}", answer.text());
    }
    client.results(&stage.solo).await.problem(404, "session-not-found");
    stage.server.stop().await;
}

#[tokio::test]
async fn a_list_comes_in_pages_of_bounded_size() {
    let stage = Stage::set(&[]).await;
    let client = stage.server.client();
    for _ in 0..5 {
        client.play(1).await;
    }
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = stage.list(&query).await;
        let sessions = page["sessions"].as_array().unwrap();
        assert!(sessions.len() <= 2);
        seen.extend(sessions.iter().map(|session| session["session"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("limit=2&after={next}");
    }
    let whole = stage.list("limit=200").await;
    let all: Vec<_> = whole["sessions"].as_array().unwrap().iter().map(|session| &session["session"]).collect();
    assert_eq!(all, seen.iter().map(|hash| json!(hash)).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    assert_eq!(seen.len(), 7);
    let refused = async |query: &str| stage.admin().get(&format!("/admin/api/sessions?{query}")).await;
    for wrong in ["limit=0", "limit=201", "kind=host", "limit=18446744073709551615"] {
        refused(wrong).await.problem(422, "invalid-request");
    }
    for wrong in ["limit=x", "limit=-1", "limit=18446744073709551616", "owner=me"] {
        assert!(matches!(refused(wrong).await.status, 400 | 422), "{wrong}");
    }
    for unknown in ["after=00000000", "after=", &format!("after={}", stage.solo)] {
        refused(unknown).await.problem(404, "page-unknown");
    }
    stage.server.stop().await;
}

#[tokio::test]
async fn strangers_and_other_sites_see_and_end_nothing() {
    const TOKEN: &str = "0123456789abcdef-of-admin";
    // An API key is for backends, and no admin token.
    let stage = Stage::set(&["--admin-token", TOKEN, "--api-keys", KEY]).await;
    let admin = Client::new(&stage.server.admin);
    let strangers = [(admin.clone(), "admin-token-required"), (admin.with_key(KEY), "admin-token-invalid")];
    for (caller, code) in strangers {
        for path in ["/admin/api/sessions", "/admin/api/status", &format!("/admin/api/sessions/{}", stage.solo)] {
            caller.get(path).await.problem(401, code);
            caller.delete(path).await.problem(401, code);
        }
    }
    let holder = admin.with_key(TOKEN);
    for (header, text) in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let request = holder.request(Method::DELETE, &format!("/admin/api/sessions/{}", stage.solo));
        let reply = crate::support::client::send(request.header(header, text)).await;
        reply.problem(403, "cross-site");
    }
    assert_eq!(holder.get("/admin/api/sessions").await.json(200)["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(stage.server.client().resume(&stage.solo).await.status, 200, "nobody has ended it");
    stage.server.stop().await;
}
