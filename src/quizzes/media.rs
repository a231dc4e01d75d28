//! Pictures of banks: files in the folder `media` beside a bank's file. Each is served under a name derived
//! from a hash of its content.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::reading;
use crate::domain::quiz::draft::{DraftProblem, QuestionDraft, is_file_name};

/// Name of the folder beside a bank's file.
const FOLDER: &str = "media";
/// URL path under which the server serves the pictures.
pub const URL: &str = "/media/";
/// Maximum size of a picture, in bytes.
pub const MOST_BYTES: u64 = 2 * 1024 * 1024;
/// Maximum total size of a bank's pictures, in bytes. They are all held in memory.
pub const MOST_BYTES_OF_A_BANK: usize = 64 * 1024 * 1024;

/// The allowed picture types: first bytes, file extension, Content-Type. The type is detected from the
/// content; the file's own name doesn't matter. SVG is not allowed because it can contain scripts.
const KINDS: [(&[u8], &str, &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF8", "gif", "image/gif"),
    (b"RIFF", "webp", "image/webp"),
];

/// A picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The Content-Type to serve it with.
    pub content_type: &'static str,
    /// The content of the file.
    pub bytes: Bytes,
}

/// Pictures by the name under which they are served.
pub type Pictures = BTreeMap<String, Arc<Picture>>;

/// Reads the pictures that the questions name, and replaces the file names in the questions by URLs.
///
/// # Errors
/// One problem for each file that is missing, is not a picture or is too large; one more if all together are
/// too large.
pub fn load(folder: &Path, questions: &mut [QuestionDraft]) -> Result<Pictures, Vec<DraftProblem>> {
    let (mut pictures, mut problems) = (Pictures::new(), Vec::new());
    for (index, question) in questions.iter_mut().enumerate() {
        let Some(image) = question.image.as_mut().filter(|image| is_file_name(image)) else { continue };
        match read(&folder.join(FOLDER).join(&**image)) {
            Ok((name, picture)) => {
                *image = format!("{URL}{name}");
                pictures.insert(name, Arc::new(picture));
            }
            Err(why) => {
                problems
                    .push(DraftProblem::new(format!("questions[{index}].image"), format!("{FOLDER}/{image}: {why}")));
            }
        }
    }
    let all: usize = pictures.values().map(|picture| picture.bytes.len()).sum();
    if all > MOST_BYTES_OF_A_BANK {
        let message = format!("its pictures have {all} bytes together, at most {MOST_BYTES_OF_A_BANK}");
        problems.push(DraftProblem::new("questions", message));
    }
    if problems.is_empty() { Ok(pictures) } else { Err(problems) }
}

/// Removes pictures that can't be read from the questions, and returns one problem for each.
pub fn drop_missing(folder: &Path, questions: &mut [QuestionDraft]) -> Vec<DraftProblem> {
    let mut missing = Vec::new();
    for question in questions {
        let Some(image) = question.image.as_ref().filter(|image| is_file_name(image)) else { continue };
        if let Err(why) = read(&folder.join(FOLDER).join(image)) {
            missing.push(DraftProblem::new(question.question_id.as_str(), format!("{FOLDER}/{image}: {why}")));
            (question.image, question.alt) = (None, None);
        }
    }
    missing
}

/// Reads a picture and derives the name to serve it under. Equal content gives the same name.
fn read(path: &Path) -> Result<(String, Picture), String> {
    let bytes = reading::bounded(path, MOST_BYTES)?;
    let (extension, content_type) = kind(&bytes).ok_or("it is no PNG, JPEG, GIF or WebP picture")?;
    let name = format!("{}.{extension}", &blake3::hash(&bytes).to_hex()[..32]);
    Ok((name, Picture { content_type, bytes: bytes.into() }))
}

fn kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let (_, extension, content_type) = KINDS.into_iter().find(|(start, ..)| bytes.starts_with(start))?;
    // RIFF is a container for several formats; WebP is one of them.
    let is_whole = extension != "webp" || bytes.get(8..12) == Some(b"WEBP");
    is_whole.then_some((extension, content_type))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::Kind;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    fn asking(image: &str) -> QuestionDraft {
        let question = QuestionDraft::new("q".parse().expect("valid"), Kind::Poll);
        QuestionDraft { image: Some(image.to_owned()), ..question }
    }

    fn loaded(files: &[(&str, &[u8])], images: &[&str]) -> (Result<Pictures, Vec<String>>, Vec<Option<String>>) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join(FOLDER)).expect("made");
        for (name, bytes) in files {
            fs::write(folder.path().join(FOLDER).join(name), bytes).expect("written");
        }
        let mut questions: Vec<_> = images.iter().map(|image| asking(image)).collect();
        let loaded = load(folder.path(), &mut questions);
        let told = loaded.map_err(|problems| problems.iter().map(DraftProblem::to_string).collect());
        (told, questions.into_iter().map(|question| question.image).collect())
    }

    #[test]
    fn a_file_is_served_under_a_name_of_what_it_holds() {
        let (pictures, images) =
            loaded(&[("moon.jpg", PNG), ("luna.png", PNG)], &["moon.jpg", "luna.png", "https://a/b"]);
        let pictures = pictures.expect("nothing is wrong");
        assert_eq!(pictures.len(), 1, "the same picture twice");
        let (name, picture) = pictures.iter().next().expect("there is one");
        assert_eq!((name.len(), picture.content_type), (36, "image/png"));
        assert_eq!(images[0], Some(format!("/media/{name}")));
        assert_eq!((&images[0], images[2].as_deref()), (&images[1], Some("https://a/b")));
    }

    #[test]
    fn a_picture_that_is_missing_can_be_done_without() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut questions = vec![asking("moon.png"), asking("https://a/b")];
        let told = drop_missing(folder.path(), &mut questions);
        assert_eq!(told.len(), 1);
        assert_eq!((&questions[0].image, questions[1].image.as_deref()), (&None, Some("https://a/b")));
    }

    #[test]
    fn what_is_no_picture_is_told_with_its_question() {
        let large = [PNG, &vec![0; MOST_BYTES as usize]].concat();
        let files = [("a.svg", &b"<svg/>"[..]), ("b.png", &large), ("c.webp", b"RIFF1234WAVE")];
        let (told, _) = loaded(&files, &["a.svg", "b.png", "c.webp", "d.png"]);
        assert_eq!(
            told.expect_err("all are wrong"),
            [
                "questions[0].image: media/a.svg: it is no PNG, JPEG, GIF or WebP picture",
                "questions[1].image: media/b.png: larger than 2097152 bytes",
                "questions[2].image: media/c.webp: it is no PNG, JPEG, GIF or WebP picture",
                "questions[3].image: media/d.png: there is no such file",
            ]
        );
    }
}
