//! Fuzz targets: any file gives a valid bank, or says what is wrong, and takes no longer than a file of its size
//! may.

use std::time::{Duration, Instant};

use super::tests::{SAMPLES, options};
use super::*;
use crate::fuzzing::{Accepted, ByteEdits, edited};

/// Far more than any of these small files needs, on a busy machine too.
const LONGEST: Duration = Duration::from_secs(10);

/// What the readers look for, in pieces that are separated by `¦`.
const PIECES: &str = "question¦option1¦optionB¦correct¦answer¦kind¦category¦difficulty¦explanation¦points¦timeLimitMs¦\
    Frage¦richtig¦sep=¦ANSWER: ¦A. ¦B) ¦c¦1¦2,5¦1e9¦TRUE¦Wien¦Rom¦?¦{¦}¦[¦]¦=¦~¦~%50%¦#¦####¦->¦::T::¦[html]¦//¦..¦%¦:¦,¦;¦|¦\
    $CATEGORY: a/b¦#Q ¦^ ¦\\¦\\n¦\n¦\n\n¦\r\n¦\t¦ ¦\"¦\0¦é¦\u{feff}¦\u{202e}¦<p>¦</p>¦<b>¦<script>¦&amp;¦&#x41;¦\
    <quiz>¦<question type=\"multichoice\">¦</question>¦<text>¦</text>¦<![CDATA[¦]]>";

/// Imports the bytes in this format, or in the one that they seem to have. True if there is a bank.
fn holds(format: Option<Format>, bytes: &[u8]) -> bool {
    let begun = Instant::now();
    let imported = import(Source { name: None, format, bytes }, options());
    assert!(begun.elapsed() < LONGEST, "{format:?}: {:?}", begun.elapsed());
    let is_told = imported.file.is_some() || !imported.left_out.is_empty();
    assert!(is_told, "{format:?}: a file without questions says why");
    imported.file.is_some_and(|file| {
        assert!(Bank::check(file).is_ok(), "{format:?}: an imported bank is valid");
        true
    })
}

/// True if the bytes are a bank in any format.
fn in_all_formats(bytes: &[u8]) -> bool {
    let formats = SAMPLES.iter().map(|(format, _)| Some(*format)).chain([None]);
    formats.filter(|format| holds(*format, bytes)).count() > 0
}

#[test]
fn any_bytes_are_a_bank_or_told_to_be_none() {
    bolero::check!().for_each(|bytes: &[u8]| {
        in_all_formats(bytes);
    });
}

#[test]
fn any_pieces_are_a_bank_or_told_to_be_none() {
    let (all_pieces, accepted) = (PIECES.split('¦').collect::<Vec<_>>(), Accepted::default());
    bolero::check!().with_type::<(u8, u16, Vec<u8>)>().for_each(|(sample, at, pieces)| {
        let text: String = pieces.iter().map(|piece| all_pieces[usize::from(*piece) % all_pieces.len()]).collect();
        in_all_formats(text.as_bytes());
        // In a file, between two of its signs.
        let (format, sample) = SAMPLES[usize::from(*sample) % SAMPLES.len()];
        let at = sample.floor_char_boundary(usize::from(*at) % (sample.len() + 1));
        let file = format!("{}{text}{}", &sample[..at], &sample[at..]);
        accepted.count(holds(Some(format), file.as_bytes()));
    });
    accepted.some("pieces of files");
}

#[test]
fn any_changed_file_is_a_bank_or_told_to_be_none() {
    let accepted = Accepted::default();
    bolero::check!().with_type::<(u8, ByteEdits)>().for_each(|(sample, edits)| {
        let (format, sample) = SAMPLES[usize::from(*sample) % SAMPLES.len()];
        let bytes = edited(sample.as_bytes(), edits);
        accepted.count(holds(Some(format), &bytes));
        holds(None, &bytes);
    });
    accepted.some("changed files");
}
