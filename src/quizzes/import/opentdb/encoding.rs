//! The encodings of the API's texts. HTML entities are the default; form encoding (`urlLegacy`), percent
//! encoding (`url3986`) and base64 can be requested.
//!
//! No file says which encoding it has, so all its entries are examined. A text counts as form or percent encoded
//! only if it has no character that this encoding would have replaced, such as a blank or a question mark.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use html_escape::decode_html_entities;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::super::json_entries::JsonEntry;
use crate::domain::quiz::draft::DraftProblem;

/// Decodes base64 with or without the `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What was detected about the texts of a file.
#[derive(Debug, Default)]
pub(super) struct EncodingReport {
    /// The common names of the encodings found.
    pub(super) understood: Vec<String>,
    /// Entries that are encoded in another way than the rest of their file.
    pub(super) warnings: Vec<DraftProblem>,
}

/// The encoding around a text, apart from HTML entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    None,
    /// `%XX`; in form encoding also `+` for a blank.
    Percent,
    Base64,
}

/// Decodes the texts of all entries to plain text.
pub(super) fn decode(entries: &mut [JsonEntry]) -> EncodingReport {
    let mut report = EncodingReport::default();
    let wrappings = wrappings(entries, &mut report.warnings);
    let has_plus = |entry: &JsonEntry| texts(entry).any(|text| text.contains('+') && is_percent_encoded(text));
    let is = |wrapping| wrappings.contains(&wrapping);
    if is(Wrapping::Base64) {
        report.understood.push("texts in base64".to_owned());
    }
    if is(Wrapping::Percent) {
        let is_form = entries.iter().zip(&wrappings).any(|(entry, of)| *of == Wrapping::Percent && has_plus(entry));
        let name = if is_form { "form-encoded texts (urlLegacy)" } else { "percent-encoded texts (url3986)" };
        report.understood.push(name.to_owned());
    }
    for (entry, wrapping) in entries.iter_mut().zip(&wrappings) {
        match wrapping {
            Wrapping::None => {}
            Wrapping::Percent => change(entry, percent_decoded),
            Wrapping::Base64 => change(entry, base64_decoded),
        }
    }
    let times = [(false, 1), (true, 0)].map(|(is_wrapped, usual)| {
        let of_group = entries.iter_mut().zip(&wrappings).filter(|(_, of)| (**of != Wrapping::None) == is_wrapped);
        decode_entities(&mut of_group.map(|(entry, _)| entry).collect::<Vec<_>>(), usual)
    });
    match times.into_iter().max() {
        Some(1) => report.understood.push("HTML entities".to_owned()),
        Some(2) => report.understood.push("HTML entities, encoded twice".to_owned()),
        _ => {}
    }
    report
}

/// The wrapping of each entry. It is the same for all entries, unless some are certainly wrapped and others
/// certainly not.
fn wrappings(entries: &[JsonEntry], warnings: &mut Vec<DraftProblem>) -> Vec<Wrapping> {
    let question = |entry: &JsonEntry| entry.optional_text("question").unwrap_or_default();
    let is_wrapped = |entry: &&JsonEntry| is_surely_percent_encoded(&question(entry));
    let is_bare = |entry: &&JsonEntry| !is_base64(entry) && !is_percent_encoded(&question(entry));
    let is_mixed = entries.iter().any(|entry| is_bare(&entry));
    let is_any_wrapped = entries.iter().any(|entry| is_wrapped(&entry));
    let of = |entry| match () {
        () if is_base64(entry) => Wrapping::Base64,
        () if is_any_wrapped && (!is_mixed || is_wrapped(&entry)) => Wrapping::Percent,
        () => Wrapping::None,
    };
    let all: Vec<Wrapping> = entries.iter().map(of).collect();
    if is_mixed && all.iter().any(|wrapping| *wrapping != Wrapping::None) {
        let differing = entries.iter().zip(&all).filter(|(_, wrapping)| **wrapping != Wrapping::None);
        let message = "is encoded, and other questions of the file are not; its texts were decoded";
        warnings.extend(differing.map(|(entry, _)| entry.problem("question", message)));
    }
    all
}

/// Whether the type is in base64. Without a type: whether question and answer are.
fn is_base64(entry: &JsonEntry) -> bool {
    let decoded = |field| entry.optional_text(field).and_then(|text| base64_decoded(&text));
    match entry.optional_text("type") {
        Some(_) => matches!(decoded("type").as_deref(), Some("multiple" | "boolean")),
        None => decoded("question").is_some_and(|text| text.len() >= 6) && decoded("correct_answer").is_some(),
    }
}

fn base64_decoded(text: &str) -> Option<String> {
    let text = String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()?;
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    text.chars().all(is_text).then_some(text)
}

/// True if the text only has characters that both encodings leave unchanged, `+`, and complete `%XX` codes.
fn is_percent_encoded(text: &str) -> bool {
    let mut pieces = text.split('%');
    let is_plain =
        |piece: &str| piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+!*'()".contains(&byte));
    let is_code = |piece: &str| piece.len() >= 2 && piece.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    pieces.next().is_some_and(is_plain) && pieces.all(|piece| is_code(piece) && is_plain(piece))
}

/// True if the text also has a `%XX` code, or at least three words separated by `+`.
fn is_surely_percent_encoded(text: &str) -> bool {
    let is_word = |word: &str| word.bytes().any(|byte| byte.is_ascii_alphabetic());
    let words = || text.split('+').filter(|word| is_word(word)).count();
    is_percent_encoded(text) && (text.contains('%') || (words() >= 3 && !text.contains("++")))
}

/// Decodes a text. `None` if it is not encoded: someone may have decoded the category alone.
fn percent_decoded(text: &str) -> Option<String> {
    if !is_percent_encoded(text) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// All texts of an entry, including those in lists.
fn texts(entry: &JsonEntry) -> impl Iterator<Item = &str> {
    entry
        .fields
        .values()
        .flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice))
        .filter_map(Value::as_str)
}

/// Replaces every text of the entry for which `new` returns another one.
fn change(entry: &mut JsonEntry, new: impl Fn(&str) -> Option<String>) {
    let change = |value: &mut Value| {
        if let Some(text) = value.as_str().and_then(&new) {
            *value = Value::String(text);
        }
    };
    for value in entry.fields.values_mut() {
        match value {
            Value::Array(values) => values.iter_mut().for_each(change),
            value => change(value),
        }
    }
}

/// Decodes HTML entities as many times as they were encoded, and returns that number: 0 if there are none.
/// `usual` is how many times the API encodes.
fn decode_entities(entries: &mut [&mut JsonEntry], usual: usize) -> usize {
    let mut seen = Ampersands::default();
    entries.iter().flat_map(|entry| texts(entry)).for_each(|text| seen.look_at(text));
    let times = seen.times(usual);
    for entry in entries.iter_mut() {
        for _ in 0..times {
            change(entry, |text| text.contains('&').then(|| decode_html_entities(text).into_owned()));
        }
    }
    times
}

/// Counts of the ampersands in a file, by what follows them.
#[derive(Debug, Default)]
struct Ampersands {
    /// `&` that starts no entity.
    bare: usize,
    /// `&amp;` that is not followed by the rest of an entity.
    ampersands: usize,
    /// Entities that nobody types by hand: `&quot;`, `&#039;`, `&eacute;`.
    once: usize,
    /// Entities that are encoded twice: `&amp;quot;`.
    twice: usize,
}

impl Ampersands {
    fn look_at(&mut self, text: &str) {
        for (at, _) in text.match_indices('&') {
            let rest = &text[at + 1..];
            let counter = match entity(rest) {
                Some("amp") if rest.get(4..).and_then(entity).is_some() => &mut self.twice,
                Some("amp") => &mut self.ampersands,
                Some(_) => &mut self.once,
                None => &mut self.bare,
            };
            *counter += 1;
        }
    }

    /// How many times the texts were encoded. Two only if at least two entities are encoded twice and none
    /// once: a single `&amp;quot;` may be the subject of a question about HTML. Zero if there are bare `&`,
    /// no `&amp;` and fewer than two entities encoded once.
    fn times(&self, usual: usize) -> usize {
        let any = self.ampersands + self.once + self.twice;
        match usual {
            _ if any == 0 => 0,
            1 if self.once == 0 && self.twice >= 2 => 2,
            1 if self.bare > 0 && self.ampersands == 0 && self.once < 2 => 0,
            1 => 1,
            // The API does not add entities to these encodings, but some people who copy its data do.
            _ => usize::from(self.bare == 0 && self.once >= 2),
        }
    }
}

/// The name of the entity that continues after an `&`: `quot` for `quot;…`.
fn entity(text: &str) -> Option<&str> {
    // Bounded, because most ampersands have no semicolon after them.
    let end = text.bytes().take(33).position(|byte| byte == b';')?;
    let name = text.get(..end)?;
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name(name.strip_prefix('#').unwrap_or(name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::super::json_entries;
    use super::*;

    /// Decodes a file with these questions and answers. Returns them decoded, and what was detected.
    fn decoded(pairs: &[[&str; 2]]) -> (Vec<[String; 2]>, Vec<String>) {
        let list: Vec<Value> = pairs
            .iter()
            .map(|[question, answer]| serde_json::json!({"question": question, "correct_answer": answer}))
            .collect();
        let mut file = json_entries::read(&Value::Array(list).to_string());
        let report = decode(&mut file.entries);
        let text = |entry: &JsonEntry, field| entry.text(field).expect("a text");
        (
            file.entries.iter().map(|entry| ["question", "correct_answer"].map(|field| text(entry, field))).collect(),
            report.understood,
        )
    }

    fn assert_decoded(from: &[[&str; 2]], to: &[[&str; 2]], understood: &[&str]) {
        let (texts, told) = decoded(from);
        assert_eq!(texts, to);
        assert_eq!(told, understood);
    }

    #[test]
    fn form_encoding_is_decoded() {
        assert_decoded(
            &[
                ["Water+freezes+at+zero+degrees+Celsius.", "True"],
                ["What+is+2%2B2%3F", "4"],
                ["Pok%C3%A9mon%3F", "A%26B"],
            ],
            &[["Water freezes at zero degrees Celsius.", "True"], ["What is 2+2?", "4"], ["Pokémon?", "A&B"]],
            &["form-encoded texts (urlLegacy)"],
        );
    }

    #[test]
    fn percent_encoding_is_decoded() {
        assert_decoded(
            &[["How%20much%20is%205%25%20of%20100%3F", "5"], ["C%2B%2B%20is%3F", "C%2B%2B"]],
            &[["How much is 5% of 100?", "5"], ["C++ is?", "C++"]],
            &["percent-encoded texts (url3986)"],
        );
    }

    #[test]
    fn base64_is_decoded() {
        let [question, answer] = ["Qual é a capital?", "Brasília"].map(|text| BASE64.encode(text));
        assert_decoded(&[[&question, &answer]], &[["Qual é a capital?", "Brasília"]], &["texts in base64"]);
        assert_decoded(
            &[[question.trim_end_matches('='), answer.trim_end_matches('=')]],
            &[["Qual é a capital?", "Brasília"]],
            &["texts in base64"],
        );
    }

    #[test]
    fn percent_signs_and_pluses_of_plain_texts_stay() {
        for question in ["What is 5%20 of 100%25?", "C++", "2+2=4", "1+1", "Rock+Roll", "100%", "Is a%41 b?", "Köln%41"]
        {
            assert_decoded(&[[question, "50%25"]], &[[question, "50%25"]], &[]);
        }
        assert_decoded(
            &[["What is C%2B%2B", "a+b+c"], ["a+b", "%41"]],
            &[["What is C%2B%2B", "a+b+c"], ["a+b", "%41"]],
            &[],
        );
    }

    #[test]
    fn in_a_mixed_file_each_entry_is_read_as_it_is() {
        let list = serde_json::json!([
            {"question": "Is this so?", "correct_answer": "100%25"},
            {"question": "Is%20this%20so%3F", "correct_answer": "100%25", "category": "A & B%41"},
        ]);
        let mut file = json_entries::read(&list.to_string());
        let report = decode(&mut file.entries);
        let text = |at: usize, field| file.entries[at].text(field).expect("a text");
        assert_eq!((text(0, "question"), text(0, "correct_answer")), ("Is this so?".to_owned(), "100%25".to_owned()));
        assert_eq!((text(1, "question"), text(1, "correct_answer")), ("Is this so?".to_owned(), "100%".to_owned()));
        assert_eq!(text(1, "category"), "A & B%41");
        let warning = "[1].question: is encoded, and other questions of the file are not; its texts were decoded";
        assert_eq!(report.warnings.iter().map(DraftProblem::to_string).collect::<Vec<_>>(), [warning]);
    }

    #[test]
    fn entities_are_decoded_as_often_as_they_were_encoded() {
        let once = ["HTML entities"];
        assert_decoded(&[["Who &quot;is&quot;?", "A &amp; B"]], &[["Who \"is\"?", "A & B"]], &once);
        assert_decoded(
            &[["Who &amp;quot;is&amp;quot;?", "A &amp; B"]],
            &[["Who \"is\"?", "A & B"]],
            &["HTML entities, encoded twice"],
        );
        // This question is about HTML.
        assert_decoded(&[["Is &quot;x&quot; &amp;lt; or &amp;gt;?", "x"]], &[["Is \"x\" &lt; or &gt;?", "x"]], &once);
        assert_decoded(&[["What is &amp;nbsp; for?", "x"]], &[["What is &nbsp; for?", "x"]], &once);
        // This file has no entities.
        assert_decoded(&[["A & B?", "What is &lt; ?"]], &[["A & B?", "What is &lt; ?"]], &[]);
        assert_decoded(&[["AT&T?", "Q&A; etc"]], &[["AT&T?", "Q&A; etc"]], &[]);
    }

    #[test]
    fn entities_within_another_encoding_stay_unless_all_texts_have_them() {
        assert_decoded(
            &[["What%20is%20%26nbsp%3B%3F", "x"]],
            &[["What is &nbsp;?", "x"]],
            &["percent-encoded texts (url3986)"],
        );
        assert_decoded(
            &[["Who%20%26quot%3Bis%26quot%3B%3F", "A%20%26amp%3B%20B"]],
            &[["Who \"is\"?", "A & B"]],
            &["percent-encoded texts (url3986)", "HTML entities"],
        );
    }
}
