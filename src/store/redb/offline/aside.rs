//! The file with what a repair could not move: rows and pages as they are, for a developer.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::NamedTempFile;

use super::super::file::folder_of;
use super::super::inspection::{InspectedFile, StoredGame, Table};
use super::super::pages::{DamagedPage, Fault};
use crate::store::backup::{BackupError, UNFINISHED};

/// The longest page whose bytes are set aside. What can be read of a longer one is set aside as rows; all of it is in
/// the old file.
const LONGEST_PAGE: usize = 1024 * 1024;

/// One JSON object in a line for each row and page. Keys and values are in base64. It holds ids of sessions, which
/// are players' credentials, so only its owner can read it.
pub(super) struct AsideFile {
    out: BufWriter<NamedTempFile>,
    lines: u64,
}

impl AsideFile {
    pub(super) fn beside(path: &Path) -> Result<Self, BackupError> {
        let folder = folder_of(path);
        let file = NamedTempFile::with_prefix_in(UNFINISHED, folder);
        let file = file.map_err(|cause| BackupError::io(folder, cause))?;
        // Without this another copy into the folder would take it for one that was left.
        file.as_file().lock().map_err(|cause| BackupError::io(folder, cause))?;
        Ok(Self { out: BufWriter::new(file), lines: 0 })
    }

    fn line(&mut self, line: &serde_json::Value) -> Result<(), BackupError> {
        self.lines += 1;
        writeln!(self.out, "{line}").map_err(|cause| BackupError::io(self.out.get_ref().path(), cause))
    }

    /// Adds all rows of a damaged game.
    pub(super) fn game(&mut self, game: &StoredGame, why: &str) -> Result<(), BackupError> {
        let name = game.name();
        let own = [(Table::Sessions, &game.session), (Table::Quizzes, &game.quiz)];
        let own = own.into_iter().filter_map(|(table, row)| Some((table, game.id.clone(), row.clone()?)));
        let mut key = game.id.clone();
        let events = game.events.iter().map(|(sequence, record)| {
            key.truncate(game.id.len());
            key.extend_from_slice(&sequence.to_le_bytes());
            (Table::Events, key.clone(), record.clone())
        });
        let rows: Vec<_> = own.chain(events).map(|row| (row, false)).collect();
        let suspects = game.suspects.iter().map(|row| (row.clone(), true));
        self.line(&json!({ "game": name, "id": STANDARD.encode(&game.id), "why": why }))?;
        for ((table, key, value), is_suspect) in rows.into_iter().chain(suspects) {
            let (key, value) = (STANDARD.encode(key), STANDARD.encode(value));
            let table = table.name();
            self.line(
                &json!({ "game": name, "table": table, "onDamagedPage": is_suspect, "key": key, "value": value }),
            )?;
        }
        Ok(())
    }

    /// Adds a damaged page of `file`. Its bytes are `null` if they can't be read, or are too many.
    pub(super) fn page(&mut self, file: &InspectedFile, page: &DamagedPage) -> Result<(), BackupError> {
        let DamagedPage { offset, length, table, fault } = page;
        let bytes = Some(*length).filter(|length| (1..=LONGEST_PAGE).contains(length));
        let bytes = bytes.and_then(|length| file.bytes(*offset, length)).map(|bytes| STANDARD.encode(bytes));
        let is_one_bit = *fault == Fault::Bit;
        self.line(&json!({ "page": offset, "length": length, "table": table, "oneBit": is_one_bit, "bytes": bytes }))
    }

    /// Gives the file its name; `None` if it is empty, and there is no file then.
    pub(super) fn name(mut self, target: &Path) -> Result<Option<PathBuf>, BackupError> {
        if self.lines == 0 {
            return Ok(None);
        }
        let failed = |cause| BackupError::io(target, cause);
        self.out.flush().map_err(failed)?;
        let file = self.out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist_noclobber(target).map_err(|refused| failed(refused.error))?;
        Ok(Some(target.to_owned()))
    }
}
