//! Whatever a server logs, it tells no secret: no token, no API key, no join code, no answer key.

/// API keys that tests use.
const KEYS: [&str; 3] = [super::KEY, "0123456789abcdef0123", "another-key-0123456789"];
/// Fields in which it stands what is right.
const ANSWER_KEYS: [&str; 5] = ["correctOption", "correctTexts", "correctNumber", "correctRange", "correctOrder"];
/// A join code's letters.
const LETTERS: &str = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// The first line of a log that tells a secret.
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

/// Six of a code's letters, of which some are digits: other words of six capitals are none.
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
