//! The solo API, call by call: every field, and every promise to a player.

use std::collections::HashSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::shape::millis_between;
use crate::support::{Client, KEY, Reply, Server, assert_shape, bank, question, questions, right, until_async, wrong};

const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A server on a new file, and a client for it.
fn server(args: &[&str]) -> (TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    let client = server.client();
    (folder, server, client)
}

fn ids(questions: &Value) -> Vec<&str> {
    questions.as_array().unwrap().iter().map(|question| question["questionId"].as_str().unwrap()).collect()
}

/// Fails unless this is a question as a player sees it, with or without its texts.
#[track_caller]
fn assert_question(question: &Value, has_texts: bool) {
    let known = ["questionId: text", "kind: text", "category?: text", "difficulty?: text", "timeLimitMs?: integer"];
    let texts: &[&str] = if has_texts { &["text: text", "image?: text"] } else { &[] };
    assert_shape(question, &[&known[..], texts, &["options: array"]].concat());
    let options = question["options"].as_array().unwrap();
    assert_eq!(options.is_empty(), !has_texts, "{question}");
    options.iter().for_each(|option| assert_shape(option, &["optionId: integer", "text: text"]));
}

#[track_caller]
fn assert_verdict(verdict: &Value) {
    let fields =
        ["questionId: text", "kind: text", "optionId: integer|null", "correct: bool", "correctOptionId: integer"];
    let points = ["basePoints: integer", "speedBonus: integer", "points: integer", "totalScore: integer"];
    let progress = ["explanation?: text", "answered: integer", "remaining: integer", "completed: bool"];
    assert_shape(verdict, &[&fields[..], &points, &progress].concat());
}

#[track_caller]
fn assert_evaluated(answer: &Value) {
    let fields = [
        "questionId: text",
        "kind: text",
        "questionText: text|null",
        "optionId: integer|null",
        "answerText: text|null",
    ];
    let truth = ["correct: bool", "correctOptionId: integer", "correctText: text|null", "explanation: text|null"];
    assert_shape(answer, &[&fields[..], &truth, &["points: integer", "responseMs: integer"]].concat());
}

#[track_caller]
fn assert_results(results: &Value) {
    let fields = ["sessionId: text", "quizId: text", "userId: text|null", "completed: bool", "totalScore: integer"];
    let counts = ["correctCount: integer", "questionCount: integer", "answers: array", "progression: object"];
    let others = ["startedAt: date", "completedAt: date|null", "metadata: object|null"];
    assert_shape(results, &[&fields[..], &counts, &others].concat());
    assert_shape(&results["progression"], &["xp: integer", "gems: integer"]);
    results["answers"].as_array().unwrap().iter().for_each(assert_evaluated);
    assert_eq!(results["completed"], results["completedAt"].is_string());
}

#[tokio::test]
async fn a_new_game_returns_its_questions_and_its_expiry() {
    let (_folder, _server, client) = server(&["--session-ttl", "10m"]);
    let created = client.create(json!({})).await;
    let times = ["expiresAt: date", "serverTime: date", "degraded: bool"];
    assert_shape(&created, &[&["sessionId: text", "quizId: text", "questions: array"][..], &times].concat());
    assert_eq!(created["quizId"], "civics");
    assert_eq!(created["degraded"], false);
    assert_eq!(created["questions"].as_array().unwrap().len(), 10);
    created["questions"].as_array().unwrap().iter().for_each(|question| assert_question(question, true));
    assert_eq!(millis_between(&created["serverTime"], &created["expiresAt"]), 600_000);
}

#[tokio::test]
async fn a_whole_game_is_played_to_its_end() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(3).await;

    let first = client.answer(&id, 0, right(0)).await.json(200);
    assert_verdict(&first);
    let expected = json!({
        "questionId": "q0", "kind": "choice", "optionId": right(0), "correct": true, "correctOptionId": right(0),
        "explanation": "because of 0", "basePoints": 100, "speedBonus": 50, "points": 150, "totalScore": 150,
        "answered": 1, "remaining": 2, "completed": false,
    });
    assert_eq!(first, expected);
    let second = client.answer(&id, 1, wrong(1)).await.json(200);
    let expected = json!({
        "questionId": "q1", "kind": "choice", "optionId": wrong(1), "correct": false, "correctOptionId": right(1),
        "explanation": "because of 1", "basePoints": 0, "speedBonus": 0, "points": 0, "totalScore": 150,
        "answered": 2, "remaining": 1, "completed": false,
    });
    assert_eq!(second, expected);
    let third = client.answer(&id, 2, Value::Null).await.json(200);
    assert_verdict(&third);
    assert_eq!(third["optionId"], Value::Null);
    assert_eq!((&third["remaining"], &third["completed"]), (&json!(0), &json!(true)));

    let finished = client.resume(&id).await.problem(404, "session-finished");
    assert_eq!(finished["results"], format!("/api/game/results/{id}"));
    let results = client.get(finished["results"].as_str().unwrap()).await.json(200);
    assert_results(&results);
    assert_eq!(results["progression"], json!({ "xp": 10, "gems": 1 }));
    for late in [client.answer(&id, 0, right(0)).await, client.show(&id, "q0").await] {
        late.problem(404, "question-not-open");
    }
}

#[tokio::test]
async fn results_contain_only_evaluated_questions_and_stay_after_the_end() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(2).await;
    let none = client.results(&id).await.json(200);
    assert_results(&none);
    assert_eq!(none["answers"], json!([]));

    client.answer(&id, 1, wrong(1)).await.json(200);
    let during = client.results(&id).await.json(200);
    assert_results(&during);
    assert_eq!((&during["completed"], &during["completedAt"]), (&json!(false), &Value::Null));
    assert_eq!((&during["questionCount"], &during["correctCount"]), (&json!(2), &json!(0)));
    assert_eq!(ids(&during["answers"]), ["q1"]);

    client.answer(&id, 0, right(0)).await.json(200);
    let after = client.results(&id).await.json(200);
    assert_results(&after);
    assert_eq!(ids(&after["answers"]), ["q1", "q0"]);
    let mut last = after["answers"][1].clone();
    assert!(last["responseMs"].as_u64().unwrap() < 20_000);
    last["responseMs"] = json!(0);
    let expected = json!({
        "questionId": "q0", "kind": "choice", "questionText": "What is 0?", "optionId": right(0), "answerText": "option 1 of 0",
        "correct": true, "correctOptionId": right(0), "correctText": "option 1 of 0",
        "explanation": "because of 0", "points": 150, "responseMs": 0,
    });
    assert_eq!(last, expected);
    assert_eq!((&after["totalScore"], &after["correctCount"]), (&json!(150), &json!(1)));
    assert_eq!((&after["userId"], &after["metadata"]), (&Value::Null, &Value::Null));
    assert!(millis_between(&after["startedAt"], &after["completedAt"]) >= 0);
    assert_eq!(client.results(&id).await.json(200), after);
}

#[tokio::test]
async fn a_reloaded_page_gets_the_state_it_needs() {
    let (_folder, _server, client) = server(&[]);
    let timed = json!({ "questions": [question(0), limited(question(1), 60_000)], "ttlMs": 120_000 });
    let created = client.create(timed).await;
    let id = created["sessionId"].as_str().unwrap();

    let fields = ["sessionId: text", "quizId: text", "expiresAt: date", "serverTime: date", "totalScore: integer"];
    let fields = [&fields[..], &["answers: array", "questions: array", "current: object|null"]].concat();
    let fresh = client.resume(id).await.json(200);
    assert_shape(&fresh, &fields);
    assert_eq!(fresh["current"], Value::Null);
    assert_eq!(fresh["questions"], created["questions"]);

    client.answer(id, 0, right(0)).await.json(200);
    let shown = client.show(id, "q1").await.json(200);
    let later = client.resume(id).await.json(200);
    assert_shape(&later, &fields);
    assert_eq!((&later["sessionId"], &later["quizId"]), (&created["sessionId"], &json!("own")));
    assert_eq!(later["totalScore"], 150);
    later["answers"].as_array().unwrap().iter().for_each(assert_evaluated);
    assert_eq!(ids(&later["questions"]), ["q1"]);
    assert_shape(&later["current"], &["questionId: text", "openedAt: date", "closesAt: date"]);
    assert_eq!(later["current"]["questionId"], "q1");
    let drift = millis_between(&shown["closesAt"], &later["current"]["closesAt"]);
    assert!(drift.abs() <= 2, "{drift} ms between two tellings of one time");
    assert_eq!(millis_between(&later["serverTime"], &later["expiresAt"]), 120_000);
}

#[tokio::test]
async fn showing_a_question_starts_its_clock_once() {
    let (_folder, _server, client) = server(&[]);
    let quiz = json!([question(0), limited(question(1), 60_000)]);
    let created = client.create(json!({ "questions": quiz, "deliver": "one" })).await;
    created["questions"].as_array().unwrap().iter().for_each(|question| assert_question(question, false));
    let id = created["sessionId"].as_str().unwrap();

    let untimed = client.show(id, "q0").await.json(200);
    assert_shape(&untimed, &["question: object", "openedAt: date", "serverTime: date"]);
    assert_question(&untimed["question"], true);
    let first = client.show(id, "q1").await.json(200);
    assert_shape(&first, &["question: object", "openedAt: date", "closesAt: date", "serverTime: date"]);
    assert_eq!(first["question"]["timeLimitMs"], 60_000);
    assert_eq!(millis_between(&first["openedAt"], &first["closesAt"]), 60_000);
    // A date is made from two clocks that are read one after the other, and a busy machine may pause in
    // between.
    until_async(async || {
        let again = client.show(id, "q1").await.json(200);
        let passed = millis_between(&first["openedAt"], &again["serverTime"]);
        let moved = millis_between(&first["openedAt"], &again["openedAt"]);
        passed >= 30 && moved.abs() <= 2
    })
    .await;
    client.answer(id, 1, right(1)).await.json(200);
    client.show(id, "q1").await.problem(404, "question-not-open");
    assert_eq!(client.resume(id).await.json(200)["current"], Value::Null);
}

/// Everything that a player can see of a game in which only the first question is evaluated, without the
/// values that differ between any two games.
async fn seen_of(client: &Client, quiz: Value, deliver: &str) -> Vec<Value> {
    let created = client.create(json!({ "questions": quiz, "deliver": deliver })).await;
    let id = created["sessionId"].as_str().unwrap().to_owned();
    let mut seen = vec![created, client.resume(&id).await.json(200), client.results(&id).await.json(200)];
    for n in 0..3 {
        seen.push(client.show(&id, &format!("q{n}")).await.json(200));
    }
    seen.push(client.answer(&id, 1, 99).await.problem(422, "option-not-in-question"));
    seen.push(client.answer(&id, 0, right(0)).await.json(200));
    seen.push(client.resume(&id).await.json(200));
    seen.push(client.results(&id).await.json(200));
    seen.push(client.show(&id, "q2").await.json(200));
    seen.iter_mut().for_each(forget_what_differs);
    seen
}

fn forget_what_differs(value: &mut Value) {
    const DIFFERS: [&str; 6] = ["sessionId", "expiresAt", "serverTime", "openedAt", "startedAt", "responseMs"];
    match value {
        Value::Object(object) => {
            object.retain(|name, _| !DIFFERS.contains(&name.as_str()));
            object.values_mut().for_each(forget_what_differs);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_what_differs),
        _ => {}
    }
}

#[tokio::test]
async fn no_reply_depends_on_answer_keys_or_explanations_before_the_verdict() {
    let (_folder, _server, client) = server(&[]);
    let one: Value = questions(3);
    let mut other = one.clone();
    for n in [1, 2] {
        other[n]["correctOptionId"] = json!(wrong(n as u64));
        other[n]["explanation"] = json!("for quite another and much longer reason");
    }
    for deliver in ["all", "one"] {
        let seen = seen_of(&client, one.clone(), deliver).await;
        assert_eq!(seen, seen_of(&client, other.clone(), deliver).await);
        let text = seen.iter().map(Value::to_string).collect::<String>();
        assert!(text.contains("because of 0") && !text.contains("because of 1"));
    }
}

#[tokio::test]
async fn a_slower_answer_earns_a_smaller_bonus() {
    let folder = tempfile::tempdir().unwrap();
    let mut quick = bank("space");
    quick["quizId"] = json!("quick");
    quick["scoring"] = json!({ "base": 7, "speedBonus": [
        { "withinMs": 0, "points": 5 }, { "withinMs": 20_000, "points": 3 },
    ]});
    quick["progression"] = json!({ "xpPerCorrect": 3, "gemsPerFullBonus": 2 });
    std::fs::write(folder.path().join("quick.json"), quick.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", folder.path().to_str().unwrap()]);
    let client = server.client();
    let created = client.create(json!({ "quizId": "quick", "count": 1 })).await;
    let shown = &created["questions"][0];
    let key = quick["questions"].as_array().unwrap().iter().find(|q| q["questionId"] == shown["questionId"]).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    let answer = json!({
        "sessionId": created["sessionId"], "questionId": shown["questionId"], "optionId": key["correctOptionId"],
    });
    let verdict = client.post("/api/game/answer", &answer).await.json(200);
    assert_eq!(
        (&verdict["basePoints"], &verdict["speedBonus"], &verdict["points"]),
        (&json!(7), &json!(3), &json!(10))
    );
    let results = client.results(created["sessionId"].as_str().unwrap()).await.json(200);
    assert_eq!(results["progression"], json!({ "xp": 3, "gems": 0 }));
}

fn limited(mut question: Value, millis: u64) -> Value {
    question["timeLimitMs"] = json!(millis);
    question
}

#[tokio::test]
async fn an_answer_after_its_time_limit_counts_as_no_answer() {
    let (_folder, _server, client) = server(&[]);
    let created = client.create(json!({ "questions": [limited(question(0), 100)] })).await;
    let id = created["sessionId"].as_str().unwrap();
    assert_eq!(created["questions"][0]["timeLimitMs"], 100);
    let shown = client.show(id, "q0").await.json(200);
    // The server's clock decides, so the test waits by that clock.
    loop {
        let now = client.resume(id).await.json(200)["serverTime"].clone();
        if millis_between(&shown["closesAt"], &now) > 5 {
            break;
        }
    }
    let verdict = client.answer(id, 0, right(0)).await.json(200);
    assert_verdict(&verdict);
    let none = (&verdict["optionId"], &verdict["correct"], &verdict["points"]);
    assert_eq!(none, (&Value::Null, &json!(false), &json!(0)));
    assert_eq!(verdict["correctOptionId"], right(0));
    let answer = &client.results(id).await.json(200)["answers"][0];
    assert_eq!((&answer["optionId"], &answer["answerText"]), (&Value::Null, &Value::Null));
    assert!(answer["responseMs"].as_u64().unwrap() > 100);
}

#[tokio::test]
async fn an_award_is_claimed_once() {
    let (_folder, _server, client) = server(&[]);
    let own = json!({ "questions": questions(1), "userId": "user-7" });
    let id = client.create(own).await["sessionId"].as_str().unwrap().to_owned();
    client.award(&id).await.problem(409, "session-not-finished");
    client.answer(&id, 0, right(0)).await.json(200);

    let first = client.award(&id).await.json(200);
    assert_shape(&first, &["awarded: bool", "awardId: text", "userId: text|null", "xp: integer", "gems: integer"]);
    let facts = (&first["awarded"], &first["userId"], &first["xp"], &first["gems"]);
    assert_eq!(facts, (&json!(true), &json!("user-7"), &json!(10), &json!(1)));
    assert_ne!(first["awardId"], id.as_str());
    for _ in 0..2 {
        let again = client.award(&id).await.json(200);
        assert_eq!((&again["awarded"], &again["awardId"]), (&json!(false), &first["awardId"]));
    }
}

async fn award_as(client: &Client, key: &str, id: &str) -> Reply {
    let request = client.request(reqwest::Method::POST, &format!("/api/game/results/{id}/award"));
    crate::support::client::send(request.header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn the_body_of_an_award_is_compared_by_its_json_value() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    client.answer(&id, 0, right(0)).await.json(200);
    let claim = |body: &'static str| {
        let request = client.request(reqwest::Method::POST, &format!("/api/game/results/{id}/award"));
        crate::support::client::send(request.header("Idempotency-Key", "k").body(body))
    };
    for body in [r#"{"a": 1, "b": "é"}"#, r#"{"b":"\u00e9","a":1}"#] {
        assert_eq!(claim(body).await.json(200)["awarded"], true, "{body}");
    }
    claim(r#"{"a": 2, "b": "é"}"#).await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn a_repeated_claim_gets_its_first_reply_and_another_claim_gets_no_award() {
    let (folder, server, client) = server(&[]);
    let id = client.play(1).await;
    client.answer(&id, 0, right(0)).await.json(200);
    let first = award_as(&client, "mine", &id).await;
    assert_eq!(first.json(200)["awarded"], true);
    assert_eq!(award_as(&client, "mine", &id).await.body, first.body);
    assert_eq!(award_as(&client, "yours", &id).await.json(200)["awarded"], false);
    assert_eq!(client.award(&id).await.json(200)["awarded"], false);
    server.stop().await;
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    assert_eq!(award_as(&client, "mine", &id).await.body, first.body);
    assert_eq!(award_as(&client, "yours", &id).await.json(200)["awarded"], false);
}

#[tokio::test]
async fn one_of_many_simultaneous_claims_is_awarded() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    client.answer(&id, 0, right(0)).await.json(200);
    let replies = at_once(50, |_| {
        let (client, id) = (client.clone(), id.clone());
        async move { client.award(&id).await.json(200)["awarded"].clone() }
    });
    assert_eq!(replies.await.iter().filter(|awarded| **awarded == true).count(), 1);
}

/// Runs this many futures at the same time.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: u64,
    make: impl Fn(u64) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(make(n))).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.expect("none panics"));
    }
    done
}

#[tokio::test]
async fn one_of_a_hundred_copies_of_an_answer_counts() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(2).await;
    let replies = at_once(100, |n| {
        let (client, id) = (client.clone(), id.clone());
        async move { client.answer(&id, 0, n % 4 + 1).await }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 99));
    lost.iter().for_each(|reply| drop(reply.problem(404, "question-not-open")));
    let results = client.results(&id).await.json(200);
    assert_eq!(results["answers"].as_array().unwrap().len(), 1);
    assert_eq!(results["answers"][0]["optionId"], won[0].json(200)["optionId"]);
}

#[tokio::test]
async fn a_hundred_copies_under_one_idempotency_key_get_one_reply() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(1).await;
    let replies = at_once(100, |_| {
        let (client, id) = (client.clone(), id.clone());
        async move { client.answer_as("q0", &id, 0, right(0)).await }
    })
    .await;
    let bodies: HashSet<_> = replies.iter().map(|reply| (reply.status, &reply.body)).collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(replies[0].json(200)["completed"], true);
}

#[tokio::test]
async fn a_repeated_answer_gets_the_same_bytes_after_a_restart_and_after_the_end() {
    let (folder, server, client) = server(&[]);
    let id = client.play(2).await;
    let first = client.answer_as("a", &id, 0, right(0)).await;
    first.json(200);
    assert_eq!(client.answer_as("a", &id, 0, right(0)).await.body, first.body);
    server.stop().await;

    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    assert_eq!(client.answer_as("a", &id, 0, right(0)).await.body, first.body);
    let last = client.answer_as("b", &id, 1, Value::Null).await;
    assert_eq!(last.json(200)["completed"], true);
    server.stop().await;

    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    for (key, n, option, reply) in [("a", 0, json!(right(0)), &first), ("b", 1, Value::Null, &last)] {
        let again = client.answer_as(key, &id, n, option).await;
        assert_eq!((again.status, &again.body), (200, &reply.body));
    }
    client.answer_as("a", &id, 0, wrong(0)).await.problem(422, "idempotency-key-reused");
    client.answer_as("c", &id, 0, right(0)).await.problem(404, "question-not-open");
}

#[tokio::test]
async fn another_request_under_the_same_idempotency_key_is_refused_and_changes_nothing() {
    let (_folder, _server, client) = server(&[]);
    let id = client.play(2).await;
    client.answer_as("a", &id, 0, right(0)).await.json(200);
    for (n, option) in [(0, json!(wrong(0))), (0, Value::Null), (1, json!(right(1)))] {
        client.answer_as("a", &id, n, option).await.problem(422, "idempotency-key-reused");
    }
    assert_eq!(ids(&client.resume(&id).await.json(200)["questions"]), ["q1"]);
    // A refused answer does not use up its key: the key is free for the answer that counts.
    client.answer_as("b", &id, 1, 99).await.problem(422, "option-not-in-question");
    client.answer_as("b", &id, 1, right(1)).await.json(200);
    // The same key in another session is another key.
    let other = client.play(1).await;
    client.answer_as("a", &other, 0, wrong(0)).await.json(200);
}

#[tokio::test]
async fn a_deleted_game_is_gone_with_its_results() {
    let (_folder, _server, client) = server(&[]);
    let (playing, finished) = (client.play(1).await, client.play(1).await);
    client.answer(&finished, 0, right(0)).await.json(200);
    for id in [&playing, &finished] {
        for path in [id.as_str(), id.as_str(), NOBODY, "no-id", "%20", "%FF"] {
            let gone = client.delete(&format!("/api/game/session/{path}")).await;
            assert_eq!((gone.status, gone.body.len()), (204, 0));
            assert!(gone.header("x-request-id").is_some());
        }
        for reply in [client.resume(id).await, client.results(id).await, client.answer(id, 0, right(0)).await] {
            reply.problem(404, "session-not-found");
        }
    }
}

#[tokio::test]
async fn banks_are_listed_with_everything_that_can_be_selected() {
    let (_folder, _server, client) = server(&[]);
    let list = client.get("/api/quizzes").await.json(200);
    assert_shape(&list, &["quizzes: array"]);
    let quizzes = list["quizzes"].as_array().unwrap();
    for quiz in quizzes {
        let fields = ["quizId: text", "title: text", "description: text|null", "questionCount: integer"];
        assert_shape(
            quiz,
            &[
                &fields[..],
                &[
                    "categories: array",
                    "difficulties: array",
                    "play: array",
                    "hosting: text",
                    "defaults: object",
                    "kinds: array",
                ],
            ]
            .concat(),
        );
        let shipped = bank(quiz["quizId"].as_str().unwrap());
        assert_eq!(quiz["questionCount"], shipped["questions"].as_array().unwrap().len());
        assert_eq!(quiz["difficulties"], json!(["easy", "medium", "hard"]));
        assert!(quiz["categories"].as_array().unwrap().len() > 3);
    }
    assert_eq!(quizzes.iter().map(|quiz| &quiz["quizId"]).collect::<Vec<_>>(), ["civics", "mixed", "space"]);
    assert!(!list.to_string().contains("correct"));
}

#[tokio::test]
async fn a_game_has_only_questions_of_the_selection() {
    let (_folder, _server, client) = server(&[]);
    let all = client.create(json!({ "quizId": "space", "count": 200 })).await;
    assert_eq!(ids(&all["questions"]).into_iter().collect::<HashSet<_>>().len(), 80);

    let hard = json!({ "quizId": "space", "category": "night SKY", "difficulty": "hard", "count": 200 });
    let hard = client.create(hard).await;
    let chosen = hard["questions"].as_array().unwrap();
    assert!(!chosen.is_empty() && chosen.len() < 80);
    assert!(chosen.iter().all(|q| q["category"] == "Night Sky" && q["difficulty"] == "hard"));

    let names = ids(&hard["questions"]);
    let most = [&names[1..], &["unknown"]].concat();
    let left_out = json!({
        "quizId": "space", "category": "Night Sky", "difficulty": "hard", "count": 200,
        "exclude": most,
    });
    assert_eq!(ids(&client.create(left_out).await["questions"]), names[..1]);
    let nothing = json!({
        "quizId": "space", "category": "Night Sky", "difficulty": "hard", "exclude": names,
    });
    client.post("/api/game/session", &nothing).await.problem(422, "no-questions");
    assert_eq!(ids(&client.create(json!({ "count": 1 })).await["questions"]).len(), 1);
}

#[tokio::test]
async fn questions_requested_by_id_come_in_that_order_or_not_at_all() {
    let (_folder, _server, client) = server(&[]);
    let names = ["space-big-dipper-home", "space-brightest-star"];
    let named = client.create(json!({ "quizId": "space", "questionIds": names })).await;
    assert_eq!(ids(&named["questions"]), names);
    for (names, wrong) in [(["space-brightest-star", "x"], "questionIds[1]"), ([names[0]; 2], "questionIds[1]")] {
        let reply = client.post("/api/game/session", &json!({ "quizId": "space", "questionIds": names })).await;
        assert_eq!(reply.problem(422, "invalid-request")["problems"][0]["path"], wrong);
    }
}

#[tokio::test]
async fn games_draw_different_questions() {
    let (_folder, _server, client) = server(&[]);
    let mut draws = HashSet::new();
    for _ in 0..5 {
        draws.insert(ids(&client.create(json!({})).await["questions"]).join(" "));
    }
    assert!(draws.len() > 1);
}

#[tokio::test]
async fn a_creation_with_the_same_session_id_and_body_returns_the_same_session() {
    let (folder, server, client) = server(&[]);
    let mine = "5f0c8bd4-1c1c-4c6d-9d2f-6f3c0b1b7a11";
    let body = json!({ "sessionId": mine, "quizId": "civics", "count": 3 });
    let first = client.create(body.clone()).await;
    assert_eq!(first["sessionId"], mine);
    assert_eq!(client.create(body.clone()).await["questions"], first["questions"]);
    let respelt = format!(r#" {{"count":3, "quizId":"civics","sessionId":"{mine}"}} "#);
    let request = client
        .request(reqwest::Method::POST, "/api/game/session")
        .header("Content-Type", "application/json")
        .body(respelt);
    assert_eq!(crate::support::client::send(request).await.json(201)["questions"], first["questions"]);

    let others = [json!({ "sessionId": mine }), json!({ "sessionId": mine, "quizId": "civics", "count": 4 })];
    for other in &others {
        client.post("/api/game/session", other).await.problem(409, "session-exists");
    }
    server.stop().await;
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    assert_eq!(client.create(body.clone()).await["questions"], first["questions"]);
    for question in ids(&first["questions"]) {
        let answer = json!({ "sessionId": mine, "questionId": question, "optionId": null });
        client.post("/api/game/answer", &answer).await.json(200);
    }
    let finished = client.post("/api/game/session", &body).await.problem(404, "session-finished");
    assert_eq!(finished["results"], format!("/api/game/results/{mine}"));
    client.delete(&format!("/api/game/session/{mine}")).await;
    client.create(others[0].clone()).await;
}

#[tokio::test]
async fn a_repeated_creation_finds_its_game_even_if_the_bank_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut mine = bank("space");
    mine["quizId"] = json!("mine");
    std::fs::write(folder.path().join("mine.json"), mine.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", folder.path().to_str().unwrap()]);
    let body = json!({ "sessionId": NOBODY, "quizId": "mine", "ttlMs": 7_200_000 });
    let first = server.client().create(body.clone()).await;
    server.stop().await;
    let server = Server::here(folder.path(), &["--session-max-age", "1h"]);
    let client = server.client();
    assert_eq!(client.create(body).await["questions"], first["questions"]);
    let other = json!({ "sessionId": NOBODY, "quizId": "mine" });
    client.post("/api/game/session", &other).await.problem(409, "session-exists");
}

#[tokio::test]
async fn many_creations_with_one_session_id_get_the_same_game() {
    let (_folder, _server, client) = server(&[]);
    let body = json!({ "sessionId": NOBODY, "count": 200 });
    let games = at_once(30, |_| {
        let (client, body) = (client.clone(), body.clone());
        async move { client.create(body).await["questions"].to_string() }
    })
    .await;
    assert_eq!(games.into_iter().collect::<HashSet<_>>().len(), 1);
}

#[tokio::test]
async fn the_ttl_can_be_chosen_within_bounds() {
    let (_folder, _server, client) = server(&["--session-max-age", "1h"]);
    for ttl in [10_000, 3_600_000] {
        let created = client.create(json!({ "ttlMs": ttl })).await;
        assert_eq!(millis_between(&created["serverTime"], &created["expiresAt"]), ttl);
    }
    for ttl in [json!(9_999), json!(3_600_001), json!(0), json!(u64::MAX)] {
        let wrong = client.post("/api/game/session", &json!({ "ttlMs": ttl })).await;
        assert_eq!(wrong.problem(422, "invalid-request")["problems"][0]["path"], "ttlMs");
    }
}

#[tokio::test]
async fn metadata_is_returned_unchanged() {
    let (folder, server, client) = server(&[]);
    let metadata = r#"{"b":[1,2.50,1e3],"a":{"ü":"\u00e9 \" \n","n":null},"big":12345678901234567890}"#;
    let body = format!(r#"{{"questions":{},"metadata":{metadata}}}"#, questions(1));
    let request = client
        .request(reqwest::Method::POST, "/api/game/session")
        .header("Content-Type", "application/json")
        .body(body);
    let created = crate::support::client::send(request).await.json(201);
    let id = created["sessionId"].as_str().unwrap();
    let kept = |reply: &Reply| reply.text().contains(&format!(r#""metadata":{metadata}"#));
    assert!(kept(&client.results(id).await));
    client.answer(id, 0, right(0)).await.json(200);
    server.stop().await;
    let server = Server::here(folder.path(), &[]);
    assert!(kept(&server.client().results(id).await));
}

#[tokio::test]
async fn invalid_metadata_is_refused() {
    let (_folder, _server, client) = server(&[]);
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(1_500), "]".repeat(1_500));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(4_096));
    for metadata in [&deep, &long, r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#, "[]", "7", r#""text""#] {
        let body = format!(r#"{{"sessionId":"{NOBODY}","metadata":{metadata}}}"#);
        let request = client
            .request(reqwest::Method::POST, "/api/game/session")
            .header("Content-Type", "application/json")
            .body(body);
        let problem = crate::support::client::send(request).await.problem(422, "invalid-request");
        assert_eq!(problem["problems"][0]["path"], "metadata");
    }
}

#[tokio::test]
async fn backend_fields_need_a_key_on_a_server_with_keys() {
    let (_folder, _server, player) = server(&["--api-keys", KEY]);
    let backend = player.with_key(KEY);
    for (field, value) in [
        ("questions", questions(1)),
        ("userId", json!("user-7")),
        ("metadata", json!({ "room": 7 })),
        ("sessionId", json!(NOBODY)),
    ] {
        let body = json!({ field: value });
        player.post("/api/game/session", &body).await.problem(403, "api-key-required");
        let refused = player.with_key("another-key-0123456789").post("/api/game/session", &body).await;
        refused.problem(401, "api-key-invalid");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        backend.create(body).await;
    }
    let created = player.create(json!({ "count": 1 })).await;
    let id = created["sessionId"].as_str().unwrap();
    let answer = json!({ "sessionId": id, "questionId": created["questions"][0]["questionId"], "optionId": null });
    player.post("/api/game/answer", &answer).await.json(200);
    player.award(id).await.problem(403, "api-key-required");
    player.with_key("another-key-0123456789").award(id).await.problem(401, "api-key-invalid");
    assert_eq!(backend.award(id).await.json(200)["awarded"], true);
    player.results(id).await.json(200);
}

#[tokio::test]
async fn the_authorization_scheme_is_case_insensitive() {
    let (_folder, _server, client) = server(&["--api-keys", KEY]);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = client.request(reqwest::Method::POST, "/api/game/session");
        let request = request.header("Authorization", format!("{scheme} {KEY}")).json(&json!({ "userId": "u" }));
        crate::support::client::send(request).await.json(201);
    }
    for wrong in [KEY.to_owned(), format!("Basic {KEY}"), "Bearer".to_owned(), format!("Bearer {KEY}x")] {
        let request = client.request(reqwest::Method::POST, "/api/game/session").header("Authorization", wrong);
        crate::support::client::send(request.json(&json!({}))).await.problem(401, "api-key-invalid");
    }
}

#[tokio::test]
async fn a_backend_may_omit_the_texts_of_its_questions() {
    let (_folder, _server, player) = server(&["--api-keys", KEY]);
    let bare = json!({ "questions": [{
        "questionId": "q0", "options": [{ "optionId": 1 }, { "optionId": 2 }], "correctOptionId": right(0),
    }]});
    let backend = player.with_key(KEY);
    let created = backend.create(bare.clone()).await;
    let expected = json!({ "questionId": "q0", "kind": "choice", "options": [{ "optionId": 1 }, { "optionId": 2 }] });
    assert_eq!(created["questions"][0], expected);
    let id = created["sessionId"].as_str().unwrap();
    let verdict = player.answer(id, 0, right(0)).await.json(200);
    assert_verdict(&verdict);
    assert!(verdict.get("explanation").is_none());
    let answer = &player.results(id).await.json(200)["answers"][0];
    assert_evaluated(answer);
    assert_eq!((&answer["questionText"], &answer["correctText"]), (&Value::Null, &Value::Null));

    let (_folder, _server, open) = server(&[]);
    let refused = open.post("/api/game/session", &bare).await.problem(422, "invalid-request");
    let paths: Vec<_> = refused["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, ["questions[0].text", "questions[0].options[0].text", "questions[0].options[1].text"]);
}

#[tokio::test]
async fn a_bank_for_rooms_cannot_be_played_solo() {
    let folder = tempfile::tempdir().unwrap();
    let mut mine = bank("space");
    mine["quizId"] = json!("aaa");
    mine.as_object_mut().unwrap().remove("play");
    std::fs::write(folder.path().join("aaa.json"), mine.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", folder.path().to_str().unwrap()]);
    let client = server.client();
    client.post("/api/game/session", &json!({ "quizId": "aaa" })).await.problem(403, "quiz-not-for-solo");
    assert_eq!(client.create(json!({})).await["quizId"], "civics");
}

#[tokio::test]
async fn a_session_expires_unless_it_is_read() {
    let (_folder, _server, client) = server(&[]);
    let (dead, alive) = tokio::join!(
        client.create(json!({ "ttlMs": 10_000, "questions": questions(2) })),
        client.create(json!({ "ttlMs": 10_000, "questions": questions(2) })),
    );
    let (dead, alive) = (dead["sessionId"].as_str().unwrap(), alive["sessionId"].as_str().unwrap());
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(11_100) {
        client.resume(alive).await.json(200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    client.resume(alive).await.json(200);
    for reply in [client.resume(dead).await, client.results(dead).await, client.answer(dead, 0, right(0)).await] {
        reply.problem(404, "session-not-found");
    }
}

#[tokio::test]
async fn both_engines_play_the_same_game() {
    let (_folder, _server, client) = server(&["--store", "memory"]);
    let id = client.play(2).await;
    client.answer_as("a", &id, 0, right(0)).await.json(200);
    client.answer_as("a", &id, 0, right(0)).await.json(200);
    assert_eq!(client.answer(&id, 1, right(1)).await.json(200)["totalScore"], 300);
    assert_eq!(client.award(&id).await.json(200)["xp"], 20);
    assert_eq!(client.get("/health").await.json(200)["engine"], "memory");
}
