//! What the tests share: servers, clients, questions, and ways to wait.

pub(crate) mod client;
pub(crate) mod reverse_proxy;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod shape;
pub(crate) mod store;
pub(crate) mod valkey;
pub(crate) mod waiting;
pub(crate) mod websocket;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

pub(crate) use client::{Client, Reply};
pub(crate) use server::Server;
pub(crate) use shape::assert_shape;
pub(crate) use waiting::{HANG, in_time, took, until, until_async, wait_for, wait_until};

/// The path of a file that `test.sh` downloads. Fails if the file is missing.
pub(crate) fn fetched(file: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    assert!(path.exists(), "this test needs {file}: run ./test.sh, which fetches it");
    path
}

/// A valid API key: it has the minimum length.
pub(crate) const KEY: &str = "a-key-of-the-backend-0123456789";

/// The id of the right option of question `n` of [`questions`].
pub(crate) fn right(n: u64) -> u64 {
    n % 4 + 1
}

/// The id of a wrong option of question `n` of [`questions`].
pub(crate) fn wrong(n: u64) -> u64 {
    (n + 1) % 4 + 1
}

/// The questions `q0`, `q1` …, as a caller sends its own questions. Each has four options.
pub(crate) fn questions(count: u64) -> Value {
    (0..count).map(question).collect()
}

/// Question `n` of [`questions`].
pub(crate) fn question(n: u64) -> Value {
    let option = |id: u64| json!({ "optionId": id, "text": format!("option {id} of {n}") });
    json!({
        "questionId": format!("q{n}"),
        "kind": "choice",
        "text": format!("What is {n}?"),
        "category": "Numbers",
        "difficulty": "easy",
        "options": (1..=4).map(option).collect::<Value>(),
        "correctOptionId": right(n),
        "explanation": format!("because of {n}"),
    })
}

/// The shipped bank with this name, as JSON from its file.
pub(crate) fn bank(name: &str) -> Value {
    let path = format!("{}/data/quizzes/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("the bank ships")).expect("it is JSON")
}
