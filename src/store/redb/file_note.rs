//! A note beside the database file that says how far the file is. A file that is behind its note was restored
//! from an older copy, so its sessions get a new epoch.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::file::companion;

/// How far a database file is: which file, and how many openings and batches it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileProgress {
    /// The file's random number, which is a part of every epoch.
    pub(super) random: u64,
    /// How often the file was opened.
    pub(super) generation: u64,
    /// How many batches were committed.
    pub(super) batches: u64,
}

/// Bytes of one number in the note. The checksum is a number too.
const NUMBER: usize = size_of::<u64>();

/// The note; `None` if it can't be opened, or the storage is no file.
///
/// It is written after each commit and never synced. If the process is killed, it is as new as the file.
/// After a power cut it may be older than the file, which proves nothing.
pub(super) struct Note(Option<File>);

impl Note {
    /// Opens the note beside the file at `path`, or creates it. Also returns what it said.
    pub(super) fn open(path: Option<&Path>) -> (Self, Option<FileProgress>) {
        let Some(path) = path.map(place) else { return (Self(None), None) };
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        match opened {
            Ok(file) => {
                let said = read(&file);
                (Self(Some(file)), said)
            }
            Err(error) => {
                tracing::warn!(%error, file = %path.display(), "cannot open the note; a restored copy is not detected");
                (Self(None), None)
            }
        }
    }

    /// What the note beside the file at `path` says; `None` if it is missing or damaged.
    pub(super) fn look(path: &Path) -> Option<FileProgress> {
        read(&File::open(place(path)).ok()?)
    }

    /// Writes how far the file is.
    pub(super) fn write(&self, progress: FileProgress) {
        if let Self(Some(file)) = self {
            // An error is ignored: without the note only a restored copy is not detected.
            let _ = file.write_all_at(&encode(progress), 0);
        }
    }
}

/// The path of the note that belongs to the database at `path`.
pub(super) fn place(path: &Path) -> PathBuf {
    companion(path, "note")
}

fn encode(FileProgress { random, generation, batches }: FileProgress) -> [u8; 4 * NUMBER] {
    let mut bytes = [0; 4 * NUMBER];
    for (number, place) in [random, generation, batches].into_iter().zip(bytes.chunks_exact_mut(NUMBER)) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    let checksum = checksum(&bytes[..3 * NUMBER]);
    bytes[3 * NUMBER..].copy_from_slice(&checksum);
    bytes
}

fn checksum(bytes: &[u8]) -> [u8; NUMBER] {
    u64::from(crc32fast::hash(bytes)).to_le_bytes()
}

fn read(file: &File) -> Option<FileProgress> {
    let mut bytes = [0; 4 * NUMBER];
    file.read_exact_at(&mut bytes, 0).ok()?;
    decode(&bytes)
}

fn decode(bytes: &[u8; 4 * NUMBER]) -> Option<FileProgress> {
    let (numbers, _) = bytes.as_chunks::<NUMBER>();
    let [random, generation, batches, _] = [0, 1, 2, 3].map(|n| u64::from_le_bytes(numbers[n]));
    (numbers[3] == checksum(&bytes[..3 * NUMBER])).then_some(FileProgress { random, generation, batches })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: FileProgress = FileProgress { random: 7, generation: 3, batches: 123_456 };

    #[test]
    fn a_note_says_what_was_noted_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rejoin.redb");
        let (note, said) = Note::open(Some(&path));
        assert_eq!(said, None);
        note.write(FileProgress { batches: 9, ..PROGRESS });
        note.write(PROGRESS);
        assert_eq!(Note::open(Some(&path)).1, Some(PROGRESS));
        assert!(folder.path().join("rejoin.note").exists());
    }

    #[test]
    fn a_damaged_note_says_nothing() {
        for place in 0..4 * NUMBER {
            let mut bytes = encode(PROGRESS);
            bytes[place] ^= 1;
            assert_eq!(decode(&bytes), None, "byte {place}");
        }
    }
}
