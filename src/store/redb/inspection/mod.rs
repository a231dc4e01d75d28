//! Reads a whole file, with its log, and says of every game whether it is whole. Nothing is written.
//!
//! A game is whole if its record, its quiz, all questions of it and all events that its log should have can be
//! read. Only rows of sound pages count, and of pages in which one flipped bit was corrected. Questions are an exception:
//! their name proves them. Whatever else is on a damaged page may be older than what was acknowledged.
//!
//! `check`, `restore`, `compact`, `check --repair` and a backup without a server are all built on this.

mod feed;
mod games;
mod questions;
mod report;
mod tables;
mod whole;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use ::redb::StorageBackend;
use ::redb::backends::FileBackend;

use super::file::{self, OpenError, explain, log_path};
use super::file_note::{self, Note};
use super::meta::Meta;
use super::open::{Recovered, is_end_known, missing, recover, recover_by_note, unusable};
use super::overlay::OverlayView;
use super::pages::{DamagedPage, Header, PageFile, Row, Unusable};
use crate::domain::{JoinCode, SessionId, Timestamp};
use crate::store::clock::Uptime;
use crate::store::error::StoreError;
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
    /// What else is wrong.
    pub(super) remarks: Remarks,
}

/// What is wrong with a file beside its games and pages, as sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What costs nothing after a repair.
    pub harmless: Vec<String>,
    /// What may be missing.
    pub losses: Vec<String>,
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
        let refused = |what: String| OpenError::Unusable { path: name.clone(), what };
        let mut header = Header::read(&pages).map_err(|unusable| match unusable {
            Unusable::Foreign if pages.length() == 0 => file::no_database(&name, file::EMPTY),
            Unusable::Foreign => file::no_database(&name, "it is no rejoin database"),
            Unusable::Newer => refused("a newer release wrote it, and this release cannot read it".to_owned()),
            Unusable::Damaged => file::no_database(&name, "it is so damaged that no commit in it can be found"),
        })?;
        let tables = TableList::newest(&pages, &mut header);
        let mut remarks = header.remarks();
        let (meta, view) = match tables.meta(&pages) {
            Ok(meta) => read_log(path, meta, &mut remarks)?,
            // A layout of another release is no damage.
            Err(error) if error.to_string().contains("layout") => return Err(unusable(&name, &error)),
            Err(_) if header.user.is_none() => return Err(refused("no server has used it yet".to_owned())),
            Err(_) if tables.is_foreign() => return Err(refused("it is another program's database".to_owned())),
            Err(error) => read_log_by_note(path, &error, &mut remarks)?,
        };
        let file = Self { path: path.to_owned(), pages, header, tables, meta, view, remarks };
        Ok(file.with_proved_tables())
    }

    /// Finds out whether tables that only a damaged page names are those of the newest commit. One part of that page
    /// may be of an older commit than another, so only the checksum of a backup proves it, and only if no server has
    /// used the file since, which would have left a log and a note.
    fn with_proved_tables(mut self) -> Self {
        let is_unused = || !log_path(&self.path).exists() && !file_note::place(&self.path).exists();
        if self.tables.is_suspect() && is_unused() {
            let suspect = self.tables.clone();
            self.tables.believe();
            if !self.mark().is_some_and(|mark| Content::of(&self, || {}).is_what(&mark)) {
                self.tables = suspect;
            }
        }
        if !self.has_its_tables() {
            let what =
                "its list of tables is damaged, and nothing proves that what is left of it is of the newest commit";
            self.remarks.losses.push(what.to_owned());
        }
        self
    }

    /// Whether the tables of games can be found, and are known to be those of the newest commit.
    pub(super) fn has_its_tables(&self) -> bool {
        !self.tables.is_suspect() && !self.tables.misses_games()
    }

    /// The bytes at a position; `None` if they can't be read.
    pub(super) fn bytes(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.pages.bytes(offset, length)
    }

    /// A cursor over a table.
    pub(super) fn table(&self, table: Table) -> super::pages::Cursor<'_> {
        self.named_table(table.name())
    }

    /// A cursor over the table of this name.
    pub(super) fn named_table(&self, table: &str) -> super::pages::Cursor<'_> {
        self.tables.cursor(&self.pages, table)
    }

    /// Who holds each join code, as far as the table of them can be read, and its damaged pages.
    pub(super) fn join_codes(&self) -> (HashMap<JoinCode, SessionId>, Vec<DamagedPage>) {
        let code = |key: &[u8]| std::str::from_utf8(key).ok()?.parse::<JoinCode>().ok();
        let mut rows = self.table(Table::Joins);
        let holder = |row: Row| Some((code(&row.key)?, SessionId::from_bytes(&row.value)?));
        let mut holders: HashMap<_, _> = rows.by_ref().filter_map(holder).collect();
        for (code, holder) in &self.view.upper.joins {
            match holder {
                Some(id) => holders.insert(code.clone(), id.clone()),
                None => holders.remove(code),
            };
        }
        (holders, rows.damaged)
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

impl Header {
    /// What is wrong with the first page.
    fn remarks(&self) -> Remarks {
        let sentences = |faults: &[&str]| faults.iter().map(|fault| format!("the first page: {fault}")).collect();
        Remarks { harmless: sentences(&self.faults), losses: sentences(&self.losses) }
    }
}

/// The log beside the file; `None` if there is none.
fn open_log(path: &Path) -> Result<Option<Box<dyn StorageBackend>>, OpenError> {
    let failed = |cause| OpenError::Io { path: log_path(path).display().to_string(), cause };
    file::open_log_read_only(path).map_err(failed)
}

/// Reads what the log beside the file has. Remarks what is known to be missing.
fn read_log(path: &Path, in_tables: Meta, remarks: &mut Remarks) -> Result<(Option<Meta>, OverlayView), OpenError> {
    let (log, noted) = (open_log(path)?, Note::look(path));
    let recovered = match &log {
        Some(log) => match recover(&**log, in_tables) {
            Ok(recovered) => recovered,
            Err(error) => {
                remarks.losses.push(format!("its log cannot be read: {error}"));
                Recovered::nothing(Some(in_tables))
            }
        },
        None => Recovered::nothing(Some(in_tables)),
    };
    let Recovered { found, view, meta } = recovered;
    remarks.losses.extend(meta.and_then(|meta| missing(&found, &meta, noted)));
    if found.is_foreign || noted.is_some_and(|noted| noted.random != in_tables.random) {
        let what = "its log or its note is of another file, or of another life of this one: if the file was not copied \
                    into place, what was committed last may be missing";
        remarks.losses.push(what.to_owned());
    }
    if !is_end_known(&found, &in_tables, noted) {
        let what = "no server has closed it, and its log and its note are missing, damaged, or older than the file: what \
                    was committed last may be missing";
        remarks.losses.push(what.to_owned());
    }
    Ok((meta, view))
}

/// Reads the log of a file whose metadata is lost. Remarks that, and what it costs.
fn read_log_by_note(
    path: &Path,
    error: &StoreError,
    remarks: &mut Remarks,
) -> Result<(Option<Meta>, OverlayView), OpenError> {
    let log = open_log(path)?;
    let recovered = log.as_ref().zip(Note::look(path)).map(|(log, noted)| recover_by_note(&**log, noted));
    if let Some(Ok(Some(Recovered { view, meta, .. }))) = recovered {
        remarks.harmless.push(format!("its metadata cannot be read ({error}), but its log and its note have it too"));
        return Ok((meta, view));
    }
    let what = format!(
        "its metadata cannot be read ({error}): games may get time again that had passed, and what was committed in the \
         last second before a crash may be missing"
    );
    remarks.losses.push(what);
    Ok((None, OverlayView::default()))
}
