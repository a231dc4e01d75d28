//! Finds secrets in the logs of a server: tokens, API keys, join codes, answer keys, and the ids of sessions, of which
//! that of a solo game is its player's credential, must never be logged.

use uuid::Uuid;

/// The API keys that the tests use.
const KEYS: [&str; 3] = [super::KEY, "0123456789abcdef0123", "another-key-0123456789"];
/// The fields that hold the right answer of a question.
const ANSWER_KEYS: [&str; 5] = ["correctOption", "correctTexts", "correctNumber", "correctRange", "correctOrder"];
/// The letters and digits of which a join code is made.
const LETTERS: &str = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// The length of a UUID in characters.
const UUID: usize = 36;

/// The first line of a log that contains a secret.
pub(crate) fn told(log: &str) -> Option<&str> {
    log.lines().find(|line| {
        let words = || line.split(|c: char| !c.is_ascii_alphanumeric());
        let is_token = |word: &str| word.len() >= 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ids = || line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        words().any(is_token)
            || ids().any(is_uuid)
            || words().any(is_join_code)
            || KEYS.iter().any(|key| line.contains(key))
            || ANSWER_KEYS.iter().any(|key| line.contains(key))
    })
}

/// True for a UUID, also if the name of an instance follows it.
fn is_uuid(word: &str) -> bool {
    word.get(..UUID).is_some_and(|start| Uuid::try_parse(start).is_ok())
}

/// True for six of these letters with at least one digit and one capital. A word of six capitals is not a
/// join code, and neither is a number of six digits.
fn is_join_code(word: &str) -> bool {
    let is_code = word.len() == 6 && word.chars().all(|letter| LETTERS.contains(letter));
    is_code && word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[test]
fn secrets_are_found_and_nothing_else() {
    const ID: &str = "01a218a5-b956-7097-bda2-edd2d4514292";
    let ids = [format!("session={ID}"), format!("GET /api/game/session/{ID}/x"), format!("\"{ID}-eu-1\"")];
    let others = ["token=".to_owned() + &"ab".repeat(32), "code MUB2NY!".to_owned(), format!("key={}", super::KEY)];
    for secret in ids.into_iter().chain(others) {
        assert_eq!(told(&format!("well\n{secret}\n")), Some(secret.as_str()));
    }
    for fine in ["2026-01-01T00:00:00.000Z WARN STARTED", "id=01a218a5-b956", "4096 bytes, 234567"] {
        assert_eq!(told(fine), None);
    }
}
