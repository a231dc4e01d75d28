//! Decodes bytes of any encoding to text.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::legacy;

/// A file's text, and the encoding that was detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::quizzes) struct Decoded {
    /// The text, without a byte order mark.
    pub(in crate::quizzes) text: String,
    /// The common name of the encoding: `UTF-8`, `Windows-1252`, `Mac Roman`.
    pub(in crate::quizzes) encoding: &'static str,
    /// True if no other encoding fits about as well and every character could be decoded.
    pub(in crate::quizzes) is_certain: bool,
    /// Number of characters that could not be decoded. Each is replaced by U+FFFD.
    pub(in crate::quizzes) unreadable: usize,
}

impl Decoded {
    /// Counts the undecodable characters. If there are any, the result is not certain.
    pub(super) fn new(text: String, encoding: &'static str, is_certain: bool) -> Self {
        let unreadable = text.matches(char::REPLACEMENT_CHARACTER).count();
        Self { text, encoding, is_certain: is_certain && unreadable == 0, unreadable }
    }
}

/// Decodes the bytes. Never fails: characters that can't be decoded are counted.
pub(in crate::quizzes) fn decode(bytes: &[u8]) -> Decoded {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        let rest = &bytes[length..];
        return if encoding == encoding_rs::UTF_8 {
            utf8(rest).unwrap_or_else(|| mixed(rest))
        } else {
            wide(encoding, rest)
        };
    }
    if let Some(encoding) = utf16(bytes) {
        return wide(encoding, bytes);
    }
    match utf8(bytes) {
        Some(decoded) => decoded,
        None if is_mostly_utf8(bytes) => mixed(bytes),
        None => legacy::decode(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Option<Decoded> {
    std::str::from_utf8(bytes).ok().map(|text| Decoded::new(text.to_owned(), "UTF-8", true))
}

fn wide(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    Decoded::new(text.into_owned(), "UTF-16", true)
}

/// Detects UTF-16 by its byte order mark, or by zero bytes at every second position only. Latin letters have
/// one zero byte each; in other scripts only spaces and line breaks have one.
pub(super) fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return (encoding != encoding_rs::UTF_8).then_some(encoding);
    }
    let zeros = |parity: usize| bytes.iter().skip(parity).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let share = |percent: usize| even.max(odd) * 100 >= bytes.len() * percent;
    let is_one_sided = even.max(odd) > even.min(odd) * 4;
    if !is_one_sided || !share(2) || (!share(12) && is_ascii_text(bytes)) {
        return None;
    }
    let encoding = if odd > even { UTF_16LE } else { UTF_16BE };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let is_text = |c: char| c != char::REPLACEMENT_CHARACTER && !is_odd_control(c);
    (!text.is_empty() && text.chars().all(is_text)).then_some(encoding)
}

/// True if the bytes are ASCII text with a few stray zero bytes.
fn is_ascii_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0 || (byte.is_ascii() && !is_odd_control(char::from(byte))))
}

/// True for a control character that does not occur in text.
fn is_odd_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// True if at least as many characters outside ASCII are valid UTF-8 as are invalid. Text in another encoding
/// hardly ever contains valid UTF-8 by chance.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= bad
}

/// Decodes UTF-8 with a few characters of Windows-1252 in it, which is common in texts collected from many
/// sources. A fragment of a multi-byte character can't be decoded.
fn mixed(bytes: &[u8]) -> Decoded {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let (stray, _) = WINDOWS_1252.decode_without_bom_handling(chunk.invalid());
        match chunk.invalid() {
            [] => {}
            [_] if !stray.contains(char::is_control) => text.push_str(&stray),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Decoded::new(text, "UTF-8, in places Windows-1252", false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Welcher Fluß fließt durch Köln?\nÀ Genève, où est l’œuvre? 10 €\n";

    fn certain(text: &str, encoding: &'static str) -> Decoded {
        Decoded { text: text.to_owned(), encoding, is_certain: true, unreadable: 0 }
    }

    fn utf16_bytes(text: &str, is_little: bool) -> Vec<u8> {
        let bytes = |unit: u16| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf8_is_read_with_and_without_its_mark() {
        assert_eq!(decode(TEXT.as_bytes()), certain(TEXT, "UTF-8"));
        assert_eq!(decode(format!("\u{feff}{TEXT}").as_bytes()), certain(TEXT, "UTF-8"));
        assert_eq!(decode(b""), certain("", "UTF-8"));
    }

    #[test]
    fn utf16_is_read_in_both_orders_with_and_without_its_mark() {
        for text in
            [TEXT, "Где находится озеро Байкал?\nВ Сибири", "日本で一番高い山はどこですか\nA. 富士山\nB. 北岳\n", "hi"]
        {
            for is_little in [true, false] {
                let marked = utf16_bytes(&format!("\u{feff}{text}"), is_little);
                assert_eq!(decode(&marked), certain(text, "UTF-16"), "{text} {is_little}");
                assert_eq!(decode(&marked[2..]), certain(text, "UTF-16"), "{text} {is_little}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let mut bytes = utf16_bytes("\u{feff}Köln", true);
        bytes.pop();
        let decoded = decode(&bytes);
        assert_eq!((decoded.text.as_str(), decoded.is_certain, decoded.unreadable), ("Köl\u{fffd}", false, 1));
    }

    #[test]
    fn a_few_foreign_bytes_in_utf8_are_read_as_windows_1252() {
        let decoded = decode(b"Caf\xc3\xa9 M\xfcnchen, \xe2\x80\x9cyes\xe2\x80? \x93no\x94 \xc3\xa0 Gen\xc3\xa8ve");
        assert_eq!(decoded.text, "Café München, “yes\u{fffd}? “no” à Genève");
        assert_eq!((decoded.encoding, decoded.is_certain), ("UTF-8, in places Windows-1252", false));
        assert_eq!(decoded.unreadable, 1);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let decoded = decode(&bytes);
            prop_assert_eq!(decoded.unreadable, decoded.text.matches('\u{fffd}').count());
            super::super::is_binary(&bytes);
        }

        #[test]
        fn what_is_utf8_stays_as_it_is(text in "[^\0\u{feff}]{0,60}") {
            prop_assert_eq!(decode(text.as_bytes()), Decoded::new(text, "UTF-8", true));
        }
    }
}
