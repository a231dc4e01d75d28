//! Recognises binary files by their first bytes, so that they are not read as text.

use super::decode::utf16;

/// The magic bytes at the start of a file, and the kind of file that they mean.
const MAGIC: [(&[u8], &str); 17] = [
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"RIFF", "a RIFF file (sound, film or picture)"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an XZ archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"{\\rtf", "a rich text document (RTF)"),
];

const EXCEL: &str = "an Excel workbook";
const OLD_EXCEL: &str = "an old Excel workbook";
const CALC: &str = "an OpenDocument spreadsheet";

/// Names and media types inside a ZIP archive, and the kind of file that they mean. The first match counts.
const IN_ZIP: [(&[u8], &str); 9] = [
    (b"xl/workbook.", EXCEL),
    (b"word/document.xml", "a Word document"),
    (b"ppt/presentation.xml", "a PowerPoint presentation"),
    (b"opendocument.spreadsheet", CALC),
    (b"opendocument.text", "an OpenDocument text"),
    (b"opendocument.presentation", "an OpenDocument presentation"),
    (b"application/epub+zip", "an EPUB book"),
    (b"Index/Document.iwa", "a Numbers, Pages or Keynote document"),
    (b"moodle_backup.xml", "a Moodle backup"),
];

/// Stream names, in UTF-16, inside the Office files from before 2007 (OLE). The first match counts.
const IN_OLE: [(&[u8], &str); 4] = [
    (b"W\0o\0r\0k\0b\0o\0o\0k\0", OLD_EXCEL),
    (b"B\0o\0o\0k\0\0\0", OLD_EXCEL),
    (b"W\0o\0r\0d\0D\0o\0c\0", "an old Word document"),
    (b"P\0o\0w\0e\0r\0P\0o\0i\0n\0t\0", "an old PowerPoint presentation"),
];

/// How many bytes are searched for NUL. Text has none, except in UTF-16.
const PREFIX: usize = 8 * 1024;

/// The kind of a binary file, with its article (`a PDF`). `None` if the file is text.
pub(in crate::quizzes) fn is_binary(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(named_inside(bytes, &IN_ZIP).unwrap_or("a ZIP archive"));
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(named_inside(bytes, &IN_OLE).unwrap_or("an old Office document"));
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic) && has_more(magic, bytes)) {
        return Some(kind);
    }
    if bytes.get(4..8) == Some(b"ftyp") && bytes[0] == 0 {
        return Some("a film or picture (MP4, HEIC)");
    }
    let has_nul = bytes.iter().take(PREFIX).any(|&byte| byte == 0);
    (has_nul && utf16(bytes).is_none()).then_some("a binary file")
}

/// True for a workbook of Excel or OpenDocument, whose sheets are tables.
pub(in crate::quizzes) fn is_spreadsheet(bytes: &[u8]) -> bool {
    is_binary(bytes).is_some_and(|kind| [EXCEL, OLD_EXCEL, CALC].contains(&kind))
}

/// Guards against texts that begin like a short magic of letters and digits, such as `ID3`: then a control
/// character must be among the first 64 bytes.
fn has_more(magic: &[u8], bytes: &[u8]) -> bool {
    let is_plain = magic.iter().all(u8::is_ascii_alphanumeric) && magic.len() <= 4;
    !is_plain || bytes.iter().take(64).any(|&byte| byte < b'\t')
}

fn named_inside(bytes: &[u8], names: &[(&[u8], &'static str)]) -> Option<&'static str> {
    let holds = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    names.iter().find(|(name, _)| holds(name)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_text_are_told_by_their_kind() {
        let cases: [(&[u8], &str); 9] = [
            (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
            (b"PK\x03\x04....xl/workbook.xml....", "an Excel workbook"),
            (b"PK\x03\x04....word/document.xml", "a Word document"),
            (b"PK\x03\x04....notes.txt", "a ZIP archive"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..W\0o\0r\0d\0D\0o\0c\0u\0", "an old Word document"),
            (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture"),
            (b"\x1f\x8b\x08", "a gzip archive"),
            (b"{\\rtf1\\ansi Which?}", "a rich text document (RTF)"),
            (b"\x01\0\0\0\x02\0\0\0\0\0\x07", "a binary file"),
        ];
        for (bytes, kind) in cases {
            assert_eq!(is_binary(bytes), Some(kind));
        }
    }

    #[test]
    fn text_is_no_binary() {
        let cases: [&[u8]; 7] = [
            b"",
            b"Which?",
            b"RIFF is short for what?",
            b"ID3 is a tag of what?",
            b"K\xf6ln",
            b"\xff\xfeW\0h\0o\0",
            b"W\0h\0i\0c\0h\0?\0\n\0",
        ];
        for bytes in cases {
            assert_eq!(is_binary(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn workbooks_are_told_from_other_documents() {
        assert!(is_spreadsheet(b"PK\x03\x04....xl/workbook.bin"));
        assert!(is_spreadsheet(b"PK\x03\x04..mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK"));
        assert!(is_spreadsheet(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..W\0o\0r\0k\0b\0o\0o\0k\0"));
        assert!(!is_spreadsheet(b"PK\x03\x04....word/document.xml"));
        assert!(!is_spreadsheet(b"question;a;b;correct"));
    }
}
