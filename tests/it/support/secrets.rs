//! Finds secrets in the logs of a server: tokens, API keys, join codes and answer keys must never be logged.

/// The API keys that the tests use.
const KEYS: [&str; 3] = [super::KEY, "0123456789abcdef0123", "another-key-0123456789"];
/// The fields that hold the right answer of a question.
const ANSWER_KEYS: [&str; 5] = ["correctOption", "correctTexts", "correctNumber", "correctRange", "correctOrder"];
/// The letters and digits of which a join code is made.
const LETTERS: &str = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// The first line of a log that contains a secret.
pub(crate) fn told(log: &str) -> Option<&str> {
    log.lines().find(|line| {
        let words = || line.split(|c: char| !c.is_ascii_alphanumeric());
        let is_token = |word: &str| word.len() >= 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        words().any(is_token)
            || words().any(is_join_code)
            || KEYS.iter().any(|key| line.contains(key))
            || ANSWER_KEYS.iter().any(|key| line.contains(key))
    })
}

/// True for six of these letters with at least one digit and one capital. A word of six capitals is not a
/// join code, and neither is a number of six digits.
fn is_join_code(word: &str) -> bool {
    let is_code = word.len() == 6 && word.chars().all(|letter| LETTERS.contains(letter));
    is_code && word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[test]
fn secrets_are_found_and_nothing_else() {
    for secret in ["token=".to_owned() + &"ab".repeat(32), "code MUB2NY!".to_owned(), format!("key={}", super::KEY)] {
        assert_eq!(told(&format!("well\n{secret}\n")), Some(secret.as_str()));
    }
    for fine in
        ["2026-01-01T00:00:00.000Z WARN STARTED", "id=01a218a5-b956-7097-bda2-edd2d4514292", "4096 bytes, 234567"]
    {
        assert_eq!(told(fine), None);
    }
}
