//! An answer that does not fit its question is refused with the path of the wrong field, and the question
//! stays open.

use serde_json::{Value, json};

use super::{questions, samples, with};
use crate::support::Server;

/// The path of the first problem.
fn told(problem: &Value) -> &str {
    problem["problems"][0]["path"].as_str().unwrap_or_default()
}

fn cases() -> Vec<(usize, Value, &'static str, &'static str)> {
    let invalid = "invalid-request";
    vec![
        (0, json!({}), "optionId", invalid),
        (0, json!({"optionIds": [4]}), "optionIds", invalid),
        (0, json!({"text": "4"}), "text", invalid),
        (0, json!({"number": 4}), "number", invalid),
        (0, json!({"optionId": 4, "text": "4"}), "text", invalid),
        (0, json!({"optionId": 9}), "optionId", "option-not-in-question"),
        (0, json!({"optionId": "4"}), "optionId", invalid),
        (1, json!({"optionId": 4}), "optionId", invalid),
        (1, json!({"optionIds": []}), "optionIds", invalid),
        (1, json!({"optionIds": null}), "optionIds", invalid),
        (1, json!({"optionIds": [1, 9]}), "optionIds[1]", "option-not-in-question"),
        (1, json!({"optionIds": [1, 1]}), "optionIds[1]", invalid),
        (2, json!({"number": 1}), "number", invalid),
        (2, json!({"text": ""}), "text", invalid),
        (2, json!({"text": " \u{200b} "}), "text", invalid),
        (2, json!({"text": "x".repeat(201)}), "text", invalid),
        (2, json!({"text": 7}), "text", invalid),
        (3, json!({"text": "2.5"}), "text", invalid),
        (3, json!({"number": "2.5"}), "number", invalid),
        (3, json!({"number": 1e300}), "number", invalid),
        (4, json!({"optionIds": [1, 2]}), "optionIds", invalid),
        (5, json!({"text": "x"}), "text", invalid),
        (6, json!({"optionId": 1}), "optionId", invalid),
    ]
}

#[tokio::test]
async fn a_wrong_field_in_a_solo_game_is_reported_and_the_question_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let (client, samples) = (server.client(), samples());
    let created = client.create(json!({ "questions": questions(&samples) })).await;
    let body = |n: usize, answer: &Value| {
        with(json!({"sessionId": created["sessionId"], "questionId": samples[n].id()}), answer)
    };
    for (n, answer, path, code) in cases() {
        let problem = client.post("/api/game/answer", &body(n, &answer)).await.problem(422, code);
        assert_eq!(told(&problem), path, "{answer}: {problem}");
    }
    for (n, sample) in samples.iter().enumerate() {
        assert_eq!(client.post("/api/game/answer", &body(n, &sample.right)).await.json(200)["points"], sample.points());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_field_in_a_room_is_reported_and_the_question_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let (client, samples) = (server.client(), samples());
    let settings = json!({"questions": questions(&samples), "readyMs": 0, "hostPlays": true});
    let opened = client.post("/api/rooms", &settings).await.json(201);
    let host = client.with_key(opened["token"].as_str().unwrap());
    let path = |last: &str| format!("/api/rooms/{}{last}", opened["roomId"].as_str().unwrap());
    let mut at = 0;
    host.post(&path("/start"), &json!({ "at": at })).await.json(200);
    for (n, sample) in samples.iter().enumerate() {
        for (_, answer, wrong, code) in cases().into_iter().filter(|(of, ..)| *of == n) {
            let body = with(json!({"questionId": sample.id()}), &answer);
            let problem = host.post(&path("/answer"), &body).await.problem(422, code);
            assert_eq!(told(&problem), wrong, "{answer}: {problem}");
        }
        // An answer of null is accepted for every kind, as no answer.
        let none = json!({"questionId": sample.id(), "optionId": null});
        assert_eq!(host.post(&path("/answer"), &none).await.json(200)["optionId"], Value::Null);
        at += 2;
        host.post(&path("/next"), &json!({ "at": at })).await.json(200);
    }
    server.stop().await;
}
