//! Decodes text in an encoding from before Unicode.
//!
//! `chardetng` detects the encodings of the web by language. It knows neither Mac Roman nor the DOS code
//! page, which spreadsheets still write ("CSV (Macintosh)", "CSV (MS-DOS)"). So its guess is compared with
//! these two and with Windows-1252, and the text that reads most like words is taken.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};

use super::decode::Decoded;
use super::plausibility::{self, is_c1};

/// Score bonus of the likeliest encoding. Another one must score better by more than this. Less than one
/// common letter (3).
const MARGIN: i64 = 1;
/// Lead in score from which the result is certain. More than one common letter (3).
const CERTAIN: i64 = 4;
/// With fewer bytes outside ASCII than this, Windows-1252 is likelier than chardetng's guess.
const FEW: usize = 8;
/// With at least this many bytes outside ASCII, chardetng's guess can be certain.
const MUCH: usize = 20;

/// The upper half of code page 850, which DOS used in Western Europe. Its letters have the same positions as
/// those of code page 437.
const CODE_PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
                             └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// The encodings for Latin scripts which chardetng distinguishes better than the word score does.
const LATIN: [&str; 6] = ["Windows-1252", "Windows-1250", "Windows-1254", "Windows-1257", "Windows-1258", "ISO-8859-2"];

/// The text in one possible encoding.
struct Candidate {
    text: String,
    name: &'static str,
    score: i64,
}

impl Candidate {
    /// `bonus` is added to the score of the text for an encoding that is likelier from the start.
    fn new(text: String, name: &'static str, bonus: i64) -> Self {
        let score = plausibility::score(&text) + bonus;
        Self { text, name, score }
    }

    fn of(encoding: &'static Encoding, bytes: &[u8], bonus: i64) -> Self {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        Self::new(text.into_owned(), name(encoding), bonus)
    }
}

/// Decodes bytes that are not UTF-8.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let guess = guess(bytes);
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let mut others = candidates(guess, bytes, high);
    let best = (1..others.len()).fold(0, |best, at| if others[at].score > others[best].score { at } else { best });
    let best = others.swap_remove(best);
    let is_ahead = |other: &Candidate| other.text == best.text || best.score >= other.score + CERTAIN;
    // The guess (unless it is Windows-1252), or Windows-1252 in place of it, may have won by its bonus or
    // without a competitor. Then certainty needs more bytes outside ASCII.
    let is_compared = guess == WINDOWS_1252 || (best.name != name(guess) && best.name != "Windows-1252");
    let is_certain = others.iter().all(is_ahead) && (is_compared || high >= MUCH) && !best.text.contains(is_c1);
    let is_default = best.text == WINDOWS_1252.decode_without_bom_handling(bytes).0;
    Decoded::new(best.text, if is_default { "Windows-1252" } else { best.name }, is_certain)
}

/// The possible encodings, with chardetng's guess first. `high` is the number of bytes outside ASCII.
fn candidates(guess: &'static Encoding, bytes: &[u8], high: usize) -> Vec<Candidate> {
    let is_trusted = guess == WINDOWS_1252 || high >= FEW;
    let (bonus, bonus_of_default) = if is_trusted { (MARGIN, 0) } else { (0, MARGIN) };
    let mut candidates = vec![Candidate::of(guess, bytes, bonus)];
    if is_latin(bytes) {
        if !is_trusted || !LATIN.contains(&name(guess)) {
            candidates.push(Candidate::of(WINDOWS_1252, bytes, bonus_of_default));
        }
        candidates.push(Candidate::of(MACINTOSH, bytes, 0));
        candidates.push(Candidate::new(code_page_850(bytes), "DOS code page 850", 0));
    }
    candidates
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// True if at least a third of the bytes outside ASCII stand alone or in pairs, as the accented letters of
/// Latin scripts do. For longer runs chardetng is more reliable.
fn is_latin(bytes: &[u8]) -> bool {
    let rows = bytes.split(u8::is_ascii).map(<[u8]>::len);
    let (all, in_rows) = rows.fold((0, 0), |(all, in_rows), row| (all + row, in_rows + if row >= 3 { row } else { 0 }));
    all <= 3 || in_rows * 3 <= all * 2
}

fn code_page_850(bytes: &[u8]) -> String {
    let upper: Vec<char> = CODE_PAGE_850.chars().collect();
    let read = |&byte: &u8| match byte.checked_sub(128) {
        Some(at) => upper.get(usize::from(at)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        None => char::from(byte),
    };
    bytes.iter().map(read).collect()
}

/// The common name of an encoding.
fn name(encoding: &'static Encoding) -> &'static str {
    match encoding.name() {
        "windows-874" => "Windows-874",
        "windows-1250" => "Windows-1250",
        "windows-1251" => "Windows-1251",
        "windows-1252" => "Windows-1252",
        "windows-1253" => "Windows-1253",
        "windows-1254" => "Windows-1254",
        "windows-1255" => "Windows-1255",
        "windows-1256" => "Windows-1256",
        "windows-1257" => "Windows-1257",
        "windows-1258" => "Windows-1258",
        "macintosh" => "Mac Roman",
        "IBM866" => "DOS code page 866",
        "Shift_JIS" => "Shift JIS",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GERMAN: &str =
        "Welcher Fluß fließt durch Köln?\nÜber welche Brücke fährt man? „Hohenzollernbrücke“ – 1 Öre\n";
    const FRENCH: &str = "Où est né l’écrivain Honoré de Balzac ?\nÀ Tours, dans une forêt, ça dépend, à l’Élysée…\n";
    const SPANISH: &str = "¿Cuál es el río más largo de España?\n¿En qué año nació Cervantes? El niño comió ñame\n";

    fn mac(text: &str) -> Vec<u8> {
        let upper: Vec<char> =
            MACINTOSH.decode_without_bom_handling(&(128..=255).collect::<Vec<u8>>()).0.chars().collect();
        in_table(text, &upper)
    }

    fn dos(text: &str) -> Vec<u8> {
        in_table(text, &CODE_PAGE_850.chars().collect::<Vec<_>>())
    }

    fn in_table(text: &str, upper: &[char]) -> Vec<u8> {
        let byte = |c: char| match upper.iter().position(|&other| other == c) {
            Some(at) => u8::try_from(at + 128).expect("128 characters"),
            None => u8::try_from(c).expect("in ASCII"),
        };
        text.chars().map(byte).collect()
    }

    fn in_encoding(label: &str, text: &str) -> Vec<u8> {
        let encoding = Encoding::for_label(label.as_bytes()).expect("known");
        let (bytes, _, is_lossy) = encoding.encode(text);
        assert!(!is_lossy, "{text}");
        bytes.into_owned()
    }

    fn assert_certain(bytes: &[u8], name: &str, text: &str) {
        let decoded = decode(bytes);
        assert_eq!((decoded.text.as_str(), decoded.encoding), (text, name));
        assert!(decoded.is_certain, "{name}: {text}");
    }

    #[test]
    fn windows_1252_is_told() {
        for text in
            [GERMAN, FRENCH, SPANISH, "Welcher Fluss fliesst durch Köln?", "Größe", "20 €", "Smörgåsbord på svenska"]
        {
            let decoded = decode(&in_encoding("windows-1252", text));
            assert_eq!((decoded.text.as_str(), decoded.encoding), (text, "Windows-1252"));
        }
        assert_certain(&in_encoding("windows-1252", GERMAN), "Windows-1252", GERMAN);
        assert_certain(&in_encoding("windows-1252", FRENCH), "Windows-1252", FRENCH);
    }

    #[test]
    fn quotes_and_apostrophes_alone_are_windows_1252() {
        for text in [
            "It’s what they don’t and can’t say; we’ll see if it’s Ann’s",
            "Who said “never”? “Nobody” – ever…",
            "‘Yes’ or ‘no’",
        ] {
            let decoded = decode(&in_encoding("windows-1252", text));
            assert_eq!((decoded.text.as_str(), decoded.encoding), (text, "Windows-1252"));
        }
    }

    #[test]
    fn mac_roman_is_told() {
        for text in [GERMAN, FRENCH, SPANISH, "Größe", "Où est né le garçon ?"] {
            assert_certain(&mac(text), "Mac Roman", text);
        }
        assert_eq!(decode(&mac("Welcher Fluss fliesst durch Köln?")).text, "Welcher Fluss fliesst durch Köln?");
    }

    #[test]
    fn the_code_page_of_dos_is_told() {
        for text in
            ["Welcher Fluß fließt durch Köln?\nÜber welche Brücke fährt man?\n", "Où est né le garçon ? À l'Élysée"]
        {
            assert_certain(&dos(text), "DOS code page 850", text);
        }
    }

    #[test]
    fn other_encodings_are_left_to_the_detector() {
        let cases = [
            (
                "windows-1250",
                "Windows-1250",
                "Która rzeka płynie przez Kraków? Wisła, Łódź, żółć, książę, święto, źdźbło, łabędź, gęś, pięć, ćma\n",
            ),
            ("windows-1251", "Windows-1251", "Какая река протекает через Москву? Нева, Волга или Дон?\n"),
            ("koi8-u", "KOI8-U", "Какая река протекает через Москву? Нева, Волга или Дон?\n"),
            ("windows-1253", "Windows-1253", "Ποιο ποτάμι διασχίζει τη Θεσσαλονίκη; Ο Αξιός ή ο Στρυμόνας;\n"),
            ("shift_jis", "Shift JIS", "日本で一番高い山はどこですか。富士山、それともエベレスト\n"),
            ("gbk", "GBK", "中国最长的河流是哪一条？长江还是黄河\n"),
        ];
        for (label, name, text) in cases {
            assert_certain(&in_encoding(label, text), name, text);
        }
    }

    #[test]
    fn turkish_is_no_western_text() {
        let text = "Türkiye'nin başkenti neresidir? Ankara, İstanbul, Eskişehir, Diyarbakır, Muğla, Iğdır";
        let decoded = decode(&in_encoding("windows-1254", text));
        assert_eq!((decoded.text.as_str(), decoded.encoding), (text, "Windows-1254"));
    }

    #[test]
    fn what_fits_about_as_well_is_uncertain() {
        let decoded = decode(b"\x8akoda");
        assert_eq!((decoded.text.as_str(), decoded.encoding, decoded.is_certain), ("Škoda", "Windows-1252", false));
    }

    #[test]
    fn code_page_850_has_all_its_characters() {
        assert_eq!(CODE_PAGE_850.chars().count(), 128);
    }
}
