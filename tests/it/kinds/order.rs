//! How many questions a game has, and in which order: the host decides, and otherwise the bank.

use serde_json::{Value, json};

use crate::support::Server;

fn bank() -> Value {
    let question = |n: u64| {
        let options: Value = (1..=4).map(|id| json!({"optionId": id, "text": format!("option {id}")})).collect();
        json!({"questionId": format!("q{n:02}"), "text": format!("Question {n}?"), "options": options,
            "correctOptionId": n % 4 + 1})
    };
    json!({"quizId": "mine", "title": "Mine", "play": ["rooms", "solo"],
        "questions": (0..25).map(question).collect::<Value>()})
}

fn ids(game: &Value) -> Vec<String> {
    let questions = game["questions"].as_array().expect("questions");
    questions.iter().map(|question| question["questionId"].as_str().expect("a name").to_owned()).collect()
}

fn options(game: &Value) -> Vec<Vec<u64>> {
    let of = |question: &Value| {
        let options = question["options"].as_array().expect("options");
        options.iter().filter_map(|option| option["optionId"].as_u64()).collect()
    };
    game["questions"].as_array().expect("questions").iter().map(of).collect()
}

#[tokio::test]
async fn a_host_plays_all_questions_in_the_banks_order() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(banks.path().join("mine.json"), bank().to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    let client = server.client();
    let game = async |more: Value| {
        let mut asked = json!({"quizId": "mine"});
        for (name, value) in more.as_object().unwrap() {
            asked[name] = value.clone();
        }
        client.create(asked).await
    };
    let in_order: Vec<String> = (0..25).map(|n| format!("q{n:02}")).collect();
    let all = game(json!({"count": "all", "order": "bank"})).await;
    assert_eq!(ids(&all), in_order);
    assert!(options(&all).iter().all(|options| *options == [1, 2, 3, 4]));
    assert_eq!(ids(&game(json!({"count": 3, "order": "bank"})).await), in_order[..3]);
    let drawn = game(json!({})).await;
    assert_eq!(ids(&drawn).len(), 10);
    let shuffled = game(json!({"count": "all", "order": "bank", "optionOrder": "shuffle"})).await;
    assert_eq!(ids(&shuffled), in_order);
    // The bank's order is one of 24, so not all 25 questions can have it by chance.
    assert!(options(&shuffled).iter().any(|options| *options != [1, 2, 3, 4]));
    for mut options in options(&shuffled) {
        options.sort_unstable();
        assert_eq!(options, [1, 2, 3, 4]);
    }
    for wrong in [json!({"count": "some"}), json!({"count": 0}), json!({"count": 201}), json!({"order": "any"})] {
        let mut asked = wrong.clone();
        asked["quizId"] = json!("mine");
        client.post("/api/game/session", &asked).await.problem(422, "invalid-request");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_room_follows_the_defaults_of_its_bank() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut file = bank();
    file["defaults"] = json!({"count": "all", "order": "bank"});
    std::fs::write(banks.path().join("mine.json"), file.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    let client = server.client();
    let opened = client.post("/api/rooms", &json!({"quizId": "mine", "readyMs": 0})).await.json(201);
    let host = client.with_key(opened["token"].as_str().unwrap());
    let path = format!("/api/rooms/{}", opened["roomId"].as_str().unwrap());
    assert_eq!(host.get(&path).await.json(200)["questionCount"], 25);
    let started = host.post(&format!("{path}/start"), &json!({"at": 0})).await.json(200);
    assert_eq!(started["snapshot"]["question"]["questionId"], "q00");
    let listed = client.get("/api/quizzes").await.json(200);
    let mine = listed["quizzes"].as_array().unwrap().iter().find(|quiz| quiz["quizId"] == "mine").unwrap();
    assert_eq!(mine["defaults"], json!({"count": "all", "order": "bank"}));
    server.stop().await;
}

#[tokio::test]
async fn a_room_of_very_many_questions_has_fewer_seats_unless_it_asks_for_more() {
    let (folder, banks) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut file = bank();
    let more = (25..200).map(|n| {
        let mut question = file["questions"][0].clone();
        question["questionId"] = json!(format!("q{n}"));
        question
    });
    let all: Vec<Value> = file["questions"].as_array().unwrap().iter().cloned().chain(more).collect();
    file["questions"] = all.into();
    std::fs::write(banks.path().join("mine.json"), file.to_string()).unwrap();
    let server = Server::here(folder.path(), &["--quiz-dir", banks.path().to_str().unwrap()]);
    let client = server.client();
    let ask = |more: Value| json!({"quizId": "mine", "count": "all", "maxSeats": more});
    let opened = client.post("/api/rooms", &ask(Value::Null)).await.json(201);
    let host = client.with_key(opened["token"].as_str().unwrap());
    let room = host.get(&format!("/api/rooms/{}", opened["roomId"].as_str().unwrap())).await.json(200);
    let seats = room["settings"]["maxSeats"].as_u64().unwrap();
    assert!((40..=200).contains(&seats), "{seats}");
    client.post("/api/rooms", &ask(json!(1_000))).await.problem(422, "invalid-request");
    server.stop().await;
}

#[tokio::test]
async fn own_questions_have_their_own_scoring_and_can_be_shuffled() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), &[]);
    let client = server.client();
    let samples = super::samples();
    let asked = |more: Value| super::with(json!({ "questions": super::questions(&samples) }), &more);
    let scoring = json!({"base": 60, "speedBonus": [], "multiple": "shares"});
    let created = client.create(asked(json!({"scoring": scoring, "count": "all"}))).await;
    let half = json!({"sessionId": created["sessionId"], "questionId": "k1", "optionIds": [1]});
    let verdict = client.post("/api/game/answer", &half).await.json(200);
    super::assert_has(&verdict, &json!({"points": 30, "correct": false, "share": 0.5}));
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..8 {
        orders.insert(ids(&client.create(asked(json!({"order": "shuffle"}))).await));
    }
    assert!(orders.len() > 1, "one of 5,040 orders, eight times");
    for wrong in [json!({"scoring": {"base": -1}}), json!({"scoring": {"base": 9_999_999}}), json!({"count": 3})] {
        client.post("/api/game/session", &asked(wrong)).await.problem(422, "invalid-request");
    }
    client.post("/api/game/session", &json!({ "scoring": scoring })).await.problem(422, "invalid-request");
    server.stop().await;
}
