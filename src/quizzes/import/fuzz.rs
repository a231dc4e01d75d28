//! Fuzz targets: any file gives a valid bank, or says what is wrong, and takes no longer than a file of its size
//! may.

use std::time::{Duration, Instant};

use super::tests::{SAMPLES, options};
use super::*;
use crate::fuzzing::{ByteEdits, edited};

/// Far more than any of these small files needs, on a busy machine too.
const LONGEST: Duration = Duration::from_secs(10);

/// What the readers look for, in pieces.
const PIECES: [&str; 72] = [
    "question",
    "option1",
    "optionB",
    "correct",
    "answer",
    "kind",
    "category",
    "difficulty",
    "explanation",
    "points",
    "timeLimitMs",
    "Frage",
    "richtig",
    "sep=",
    "ANSWER: ",
    "A. ",
    "B) ",
    "c",
    "1",
    "2,5",
    "1e9",
    "TRUE",
    "{",
    "}",
    "=",
    "~",
    "~%50%",
    "#",
    "####",
    "->",
    "::T::",
    "[html]",
    "$CATEGORY: a/b",
    "//",
    "\\",
    "\\n",
    ":",
    "..",
    "%",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    " ",
    "\"",
    ",",
    ";",
    "|",
    "#Q ",
    "^ ",
    "<p>",
    "</p>",
    "<b>",
    "<script>",
    "&amp;",
    "&#x41;",
    "<quiz>",
    "<question type=\"multichoice\">",
    "</question>",
    "<text>",
    "</text>",
    "<![CDATA[",
    "]]>",
    "[",
    "]",
    "é",
    "\u{feff}",
    "\u{202e}",
    "\0",
    "Wien",
    "Rom",
    "?",
];

/// Imports the bytes in this format, or in the one that they seem to have.
fn holds(format: Option<Format>, bytes: &[u8]) {
    let begun = Instant::now();
    let imported = import(Source { name: None, format, bytes }, options());
    assert!(begun.elapsed() < LONGEST, "{format:?}: {:?}", begun.elapsed());
    match imported.file {
        Some(file) => assert!(Bank::check(file).is_ok(), "{format:?}: an imported bank is valid"),
        None => assert!(!imported.left_out.is_empty(), "{format:?}: a file without questions says why"),
    }
}

fn in_all_formats(bytes: &[u8]) {
    SAMPLES.iter().for_each(|(format, _)| holds(Some(*format), bytes));
    holds(None, bytes);
}

#[test]
fn any_bytes_are_a_bank_or_told_to_be_none() {
    bolero::check!().for_each(in_all_formats);
}

#[test]
fn any_pieces_are_a_bank_or_told_to_be_none() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|pieces| {
        let text: String = pieces.iter().map(|piece| PIECES[usize::from(*piece) % PIECES.len()]).collect();
        in_all_formats(text.as_bytes());
        in_all_formats(format!("question,option1,optionB,correct\n{text}").as_bytes());
    });
}

#[test]
fn any_changed_file_is_a_bank_or_told_to_be_none() {
    bolero::check!().with_type::<(u8, ByteEdits)>().for_each(|(sample, edits)| {
        let (format, sample) = SAMPLES[usize::from(*sample) % SAMPLES.len()];
        let bytes = edited(sample.as_bytes(), edits);
        holds(Some(format), &bytes);
        holds(None, &bytes);
    });
}
