//! Reads a whole file, with its log, and says of every game whether it is whole. Nothing is written.
//!
//! A game is whole if its record, its quiz, all questions of it and all events that its log should have can be
//! read. Only rows of sound pages count, and of pages in which one flipped bit was corrected. There are two
//! exceptions: questions, whose name proves them, and quizzes and events, which never change once they are stored.
//!
//! `check`, `restore`, `compact`, `check --repair` and a backup without a server are all built on this.

mod feed;
mod games;
mod questions;
mod report;
mod tables;
mod whole;

use std::fs::File;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;

use super::file::{self, OpenError, explain};
use super::file_note::{FileProgress, Note};
use super::meta::Meta;
use super::open::{Recovered, missing, recover, unusable};
use super::overlay::OverlayView;
use super::pages::{DamagedPage, Header, PageFile, Unusable};
use crate::domain::Timestamp;
use crate::store::clock::Uptime;
pub(super) use games::{Games, StoredGame};
pub(super) use questions::StoredQuestions;
pub(super) use report::Content;
pub use report::{BackupMark, DamagedGame, FileReport, PageDamage};
pub(super) use tables::{Table, TableList};
pub(super) use whole::WholeGame;

/// A file that is read as a whole. No server can open it meanwhile.
pub(super) struct InspectedFile {
    pub(super) path: PathBuf,
    pages: PageFile,
    pub(super) header: Header,
    pub(super) tables: TableList,
    /// The file's metadata after the last batch in its log; `None` if it can't be read.
    pub(super) meta: Option<Meta>,
    /// Rows that are in the log and not in the tables.
    pub(super) view: OverlayView,
    /// What else is known to be wrong, as sentences.
    pub(super) notes: Vec<String>,
}

impl InspectedFile {
    /// Opens the file at `path` for reading only. With `is_alone` nobody else can read it meanwhile.
    ///
    /// # Errors
    /// [`OpenError`] if a server has the file open, or if it is missing, of another program, of another release,
    /// or so damaged that no commit can be found.
    pub(super) fn open(path: &Path, is_alone: bool) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let failed = |cause| OpenError::Io { path: name.clone(), cause };
        let opened = File::open(path).map_err(failed)?;
        file::lock(&opened, path, is_alone)?;
        let backend = FileBackend::new(opened).map_err(|error| explain(&name, error))?;
        let pages = PageFile::over(Box::new(backend)).map_err(failed)?;
        let what = |unusable| match unusable {
            Unusable::Foreign => "it is no rejoin database",
            Unusable::Newer => "a newer release wrote it, and this release cannot read it",
            Unusable::Damaged => "it is so damaged that no commit in it can be found",
        };
        let refused = |what: String| OpenError::Unusable { path: name.clone(), what };
        let header = Header::read(&pages).map_err(|unusable| refused(what(unusable).to_owned()))?;
        let tables = TableList::read(&pages, &header);
        let mut notes: Vec<_> = header.faults.iter().map(|fault| format!("the first page: {fault}")).collect();
        let (meta, view) = match tables.meta(&pages) {
            Ok(meta) => read_log(path, meta, &mut notes)?,
            // A layout of another release is no damage.
            Err(error) if error.to_string().contains("layout") => return Err(unusable(&name, &error)),
            Err(_) if header.user.is_none() => return Err(refused("no server has used it yet".to_owned())),
            Err(_) if tables.is_foreign() => return Err(refused("it is another program's database".to_owned())),
            Err(error) => {
                notes.push(format!("its metadata cannot be read: {error}"));
                (None, OverlayView::default())
            }
        };
        Ok(Self { path: path.to_owned(), pages, header, tables, meta, view, notes })
    }

    /// A cursor over a table.
    pub(super) fn table(&self, table: Table) -> super::pages::Cursor<'_> {
        self.named_table(table.name())
    }

    /// A cursor over the table of this name.
    pub(super) fn named_table(&self, table: &str) -> super::pages::Cursor<'_> {
        self.tables.cursor(&self.pages, table)
    }

    /// The length of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.pages.length()
    }

    /// Reads all pages that games do not need: indexes, and redb's own tables. Returns the damaged ones.
    pub(super) fn other_damage(&self) -> Vec<DamagedPage> {
        self.tables.damage_of_others(&self.pages, &self.header)
    }

    /// All damaged pages of the file.
    pub(super) fn damaged_pages(&self) -> Vec<DamagedPage> {
        let mut damaged = self.other_damage();
        for table in tables::READ_WITH_GAMES {
            let mut rows = self.table(table);
            rows.by_ref().for_each(drop);
            damaged.extend(rows.damaged);
        }
        damaged
    }

    /// The metadata, or if it can't be read, what can be known without it: games then go on at `latest`, the
    /// latest time that one of them knows.
    pub(super) fn meta_or(&self, latest: Timestamp) -> Meta {
        let uptime = Uptime::now();
        let meta = self.meta.unwrap_or(Meta {
            random: 0,
            time: latest,
            uptime,
            batches: 0,
            clean: true,
            generation: 0,
            identity: None,
        });
        Meta { time: meta.time_at_opening(uptime), uptime, ..meta }
    }
}

/// Reads what the log beside the file has. Notes what is known to be missing.
fn read_log(path: &Path, meta: Meta, notes: &mut Vec<String>) -> Result<(Option<Meta>, OverlayView), OpenError> {
    let name = path.display().to_string();
    let log = file::open_log_read_only(path);
    let log = log.map_err(|cause| OpenError::Io { path: format!("the log of {name}"), cause })?;
    let recovered = match &log {
        Some(log) => match recover(&**log, meta) {
            Ok(recovered) => recovered,
            Err(error) => {
                notes.push(format!("its log cannot be read: {error}"));
                Recovered::nothing(Some(meta))
            }
        },
        None => Recovered::nothing(Some(meta)),
    };
    let Recovered { found, view, meta } = recovered;
    let noted: Option<FileProgress> = Note::look(path);
    notes.extend(meta.and_then(|meta| missing(&found, &meta, noted)));
    Ok((meta, view))
}
