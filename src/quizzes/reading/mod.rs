//! Reads files and turns their bytes into text or JSON. Each error names its line or path.
//!
//! A bank's file must be UTF-8: [`json`] refuses all other bytes. Files in other formats come in many
//! encodings: [`decode`] detects the encoding and never fails.

mod binary;
mod decode;
mod legacy;
mod plausibility;

use std::io::Read;
use std::path::Path;
use std::{fs, io};

use serde::de::DeserializeOwned;

pub(super) use self::binary::{is_binary, is_spreadsheet};
pub(super) use self::decode::{Decoded, decode};
use crate::domain::quiz::draft::DraftProblem;

/// Returns the bytes as UTF-8 text, without a byte order mark.
fn text(bytes: &[u8]) -> Result<&str, DraftProblem> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(DraftProblem::new("line 1", "the file is UTF-16; save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn not_utf8(bytes: &[u8], at: usize) -> DraftProblem {
    let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
    let start = bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let message =
        format!("byte {} of the line, 0x{:02x}, is not UTF-8; save the file as UTF-8", at - start + 1, bytes[at]);
    DraftProblem::new(format!("line {line}"), message)
}

/// Maximum size of a file of questions, in bytes.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a file of at most `most` bytes. Anything but a regular file is refused before it is opened: opening
/// a pipe would block until somebody writes to it.
pub(super) fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    // One byte more than the limit shows that the file is too large, without reading the rest.
    fs::File::open(path).map_err(told)?.take(most + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > most { Err(format!("larger than {most} bytes")) } else { Ok(bytes) }
}

/// Reads a file of questions, of at most [`MOST_BYTES`] bytes.
pub(super) fn file(path: &Path) -> Result<Vec<u8>, DraftProblem> {
    bounded(path, MOST_BYTES).map_err(|why| DraftProblem::new("file", why))
}

/// Replaces the line ends of Windows (CR LF) and of old Mac systems (CR) by line feeds.
pub(super) fn unix_lines(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

/// Parses the bytes as JSON of the type `T`. The problem names the path of the field, the line and the column.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DraftProblem> {
    let mut json = serde_json::Deserializer::from_str(text(bytes)?);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        DraftProblem::new(if path == "." { "file".to_owned() } else { path }, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| DraftProblem::new("file", error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> String {
        json::<Vec<u8>>(bytes).expect_err("something is wrong").to_string()
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_line_and_byte() {
        assert_eq!(told(b"[1,\n2, \xe9]"), "line 2: byte 4 of the line, 0xe9, is not UTF-8; save the file as UTF-8");
        assert_eq!(told(b"\xff"), "line 1: byte 1 of the line, 0xff, is not UTF-8; save the file as UTF-8");
        assert_eq!(told(b"[1]\n\xc3"), "line 2: byte 1 of the line, 0xc3, is not UTF-8; save the file as UTF-8");
        assert_eq!(told(b"\xff\xfe[\0"), "line 1: the file is UTF-16; save it as UTF-8");
    }

    #[test]
    fn json_of_another_shape_is_told_with_path_line_and_column() {
        assert_eq!(told(b"[1,\n 256]"), "[1]: invalid value: integer `256`, expected u8 at line 2 column 4");
        assert_eq!(told(b"[1"), "file: EOF while parsing a list at line 1 column 2");
        assert_eq!(told(b""), "file: EOF while parsing a value at line 1 column 0");
        assert_eq!(told(b"[1] 2"), "file: trailing characters at line 1 column 5");
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        assert_eq!(json::<Vec<u8>>("\u{feff}[7]".as_bytes()), Ok(vec![7]));
    }

    #[test]
    fn lines_of_every_system_end_with_a_line_feed() {
        assert_eq!(unix_lines("a\r\nb\rc\n\r\n".to_owned()), "a\nb\nc\n\n");
    }
}
