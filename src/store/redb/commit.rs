//! The storing half of a group commit: one durable write transaction for all that changed.

use ::redb::{
    Database, Durability, ReadTransaction, ReadableTable, ReadableTableMetadata, StorageError, Table, TableDefinition,
    TableError, WriteTransaction,
};

use super::batch::{Before, Change, Changes};
use super::file::is_full;
use super::meta::Meta;
use super::slot::DAMAGED_PAGE;
use super::{EVENTS, HINTS, JOINS, OWNERS, QUIZZES, SESSIONS, Stored, events, quizzes};
use crate::domain::{Event, JoinCode, Quiz, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;
use crate::store::panics;

/// Space in the file that is kept for running games, in parts of so many bytes: small enough to find
/// a place in a file that is nearly full.
const RESERVE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("reserve");
const RESERVE_PART: usize = 16 * 1024;

/// What kept a batch from being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// A full disk.
    Full,
    /// A page over which redb panicked: what it held is damaged. The transaction was aborted.
    Damage,
    /// Anything else.
    Failure,
}

/// Why a batch was not stored, as far as that is known.
#[derive(Debug)]
pub(super) struct CommitError {
    pub(super) met: Met,
    pub(super) cause: Box<dyn std::error::Error + Send + Sync>,
}

impl CommitError {
    fn new(error: impl Into<::redb::Error>) -> Self {
        let error = error.into();
        let is_full = matches!(&error, ::redb::Error::Io(io) if is_full(io));
        Self { met: if is_full { Met::Full } else { Met::Failure }, cause: error.into() }
    }

    fn failure(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { met: Met::Failure, cause: cause.into() }
    }

    fn damage(met: &str) -> Self {
        tracing::debug!(met, "a commit has met a page that cannot be read");
        Self { met: Met::Damage, cause: DAMAGED_PAGE.into() }
    }

    /// The same where the transaction may not have been aborted.
    fn unsure(self) -> Self {
        let met = if self.met == Met::Damage { Met::Failure } else { self.met };
        Self { met, ..self }
    }

    pub(super) fn is_full(&self) -> bool {
        self.met == Met::Full
    }

    pub(super) fn into_store_error(self) -> StoreError {
        if self.is_full() { StoreError::Full } else { StoreError::unavailable(self.cause) }
    }
}

/// Runs what redb may panic over: a damaged page is a failure like any other.
fn guarded<T>(act: impl FnOnce() -> Result<T, CommitError>) -> Result<T, CommitError> {
    panics::catch(act).unwrap_or_else(|met| Err(CommitError::damage(&met)))
}

/// Runs one durable write transaction: all of what `fill` does in it, or nothing.
fn transact<T>(
    database: &Database,
    fill: impl FnOnce(&WriteTransaction) -> Result<T, CommitError>,
) -> Result<T, CommitError> {
    let begin = || {
        let mut transaction = database.begin_write().map_err(CommitError::new)?;
        transaction.set_durability(Durability::Immediate).map_err(|error| CommitError::failure(error.to_string()))?;
        // One commit without it would drop the saved allocator state: no exceptions.
        transaction.set_quick_repair(true);
        Ok(transaction)
    };
    let transaction = guarded(begin)?;
    let failed = match guarded(|| fill(&transaction)) {
        // Who panics here may have committed.
        Ok(filled) => {
            let committed = guarded(|| transaction.commit().map_err(CommitError::new));
            return committed.map(|()| filled).map_err(CommitError::unsure);
        }
        Err(failed) => failed,
    };
    match guarded(|| transaction.abort().map_err(CommitError::new)) {
        Ok(()) => Err(failed),
        Err(_) => Err(failed.unsure()),
    }
}

/// Stores a batch and the file's own record, all or nothing.
pub(super) fn store(database: &Database, changes: &Changes, meta: &Meta) -> Outcome {
    transact(database, |transaction| {
        Tables::open(transaction)?.put(changes)?;
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// Stores the file's own record alone, and creates the tables in a new file.
pub(super) fn store_meta(database: &Database, meta: &Meta) -> Outcome {
    store(database, &Changes::none(meta.time), meta)
}

/// Fills the file's reserve with so many bytes, anew: new games can be stored as long as that can.
pub(super) fn fill_reserve(database: &Database, meta: &Meta, bytes: u64) -> Outcome {
    transact(database, |transaction| {
        let mut reserve = transaction.open_table(RESERVE).map_err(CommitError::new)?;
        for part in 0..bytes.div_ceil(RESERVE_PART as u64) {
            reserve.insert(part, &[0; RESERVE_PART][..]).map_err(CommitError::new)?;
        }
        drop(reserve);
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// Gives all of the reserve's space to games but so many bytes.
pub(super) fn release_reserve(database: &Database, meta: &Meta, kept: u64) -> Outcome {
    transact(database, |transaction| {
        let mut reserve = transaction.open_table(RESERVE).map_err(CommitError::new)?;
        reserve.retain(|part, _| part < kept.div_ceil(RESERVE_PART as u64)).map_err(CommitError::new)?;
        drop(reserve);
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// Whether the reserve is there.
pub(super) fn has_reserve(transaction: &ReadTransaction) -> StoreResult<bool> {
    match transaction.open_table(RESERVE) {
        Ok(reserve) => Ok(!reserve.is_empty().map_err(StoreError::unavailable)?),
        Err(TableError::TableDoesNotExist(_)) => Ok(false),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

struct Tables<'t> {
    sessions: Table<'t, &'static [u8], &'static [u8]>,
    quizzes: Table<'t, &'static [u8], &'static [u8]>,
    hints: Table<'t, (u64, &'static [u8]), ()>,
    events: Table<'t, (&'static [u8], u64), &'static [u8]>,
    joins: Table<'t, &'static str, &'static [u8]>,
    owners: Table<'t, (&'static str, &'static [u8]), ()>,
}

type Outcome = Result<(), CommitError>;

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, CommitError> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS).map_err(CommitError::new)?,
            quizzes: transaction.open_table(QUIZZES).map_err(CommitError::new)?,
            hints: transaction.open_table(HINTS).map_err(CommitError::new)?,
            events: transaction.open_table(EVENTS).map_err(CommitError::new)?,
            joins: transaction.open_table(JOINS).map_err(CommitError::new)?,
            owners: transaction.open_table(OWNERS).map_err(CommitError::new)?,
        })
    }

    fn put(&mut self, changes: &Changes) -> Outcome {
        for (hint, id) in &changes.stray_hints {
            self.move_hint(id, Some(*hint), None)?;
        }
        for (id, refiled) in &changes.refiled {
            self.move_hint(id, refiled.from, Some(refiled.to))?;
            self.sessions.insert(id.as_bytes(), &*refiled.record).map_err(CommitError::new)?;
        }
        // Removals first: a code freed by one session may be claimed by another.
        let (kept, removed): (Vec<_>, Vec<_>) =
            changes.sessions.iter().partition(|(_, change)| change.after.is_some() && !change.is_new);
        for (id, change) in &removed {
            self.forget(id, change)?;
        }
        for (id, change) in removed.iter().chain(&kept) {
            self.put_session(id, change)?;
        }
        Ok(())
    }

    /// Removes all that the file has of a session.
    fn forget(&mut self, id: &SessionId, change: &Change) -> Outcome {
        let Some(before) = &change.before else { return Ok(()) };
        let key = id.as_bytes();
        self.sessions.remove(key).map_err(CommitError::new)?;
        self.move_hint(id, Some(before.hint), None)?;
        self.quizzes.remove(key).map_err(CommitError::new)?;
        if let Some(code) = &before.join_code {
            self.free(code, id)?;
        }
        if let Some(owner) = &before.owner {
            self.owners.remove((owner.as_str(), key)).map_err(CommitError::new)?;
        }
        if before.had_events { self.prune(id, u64::MAX) } else { Ok(()) }
    }

    /// Frees a session's code. Another one may have claimed that of a dead one.
    fn free(&mut self, code: &JoinCode, id: &SessionId) -> Outcome {
        let holder = self.joins.get(code.as_str()).map_err(CommitError::new)?;
        let is_ours = holder.is_some_and(|holder| holder.value() == id.as_bytes());
        if is_ours {
            self.joins.remove(code.as_str()).map_err(CommitError::new)?;
        }
        Ok(())
    }

    /// Puts a session's code in the place of the one that it had.
    fn put_code(&mut self, id: &SessionId, old: Option<&JoinCode>, new: Option<&JoinCode>) -> Outcome {
        if old == new {
            return Ok(());
        }
        old.map_or(Ok(()), |code| self.free(code, id))?;
        let Some(code) = new else { return Ok(()) };
        self.joins.insert(code.as_str(), id.as_bytes()).map(drop).map_err(CommitError::new)
    }

    fn put_session(&mut self, id: &SessionId, change: &Change) -> Outcome {
        let Some(session) = &change.after else { return Ok(()) };
        let before = change.before.as_ref().filter(|_| !change.is_new);
        let key = id.as_bytes();
        let hint = change.hint(session);
        self.file_hint(id, before, hint)?;
        let stored = Stored { hint, state: session.state.clone() };
        self.sessions.insert(key, &*encode(&stored)?).map_err(CommitError::new)?;
        match (&session.quiz, before) {
            (Some(quiz), None) => self.put_quiz(key, &quiz_record(quiz)?)?,
            // Its place stays: a session of which only that is left was damaged, and is no absence.
            (None, None) => self.put_quiz(key, &[])?,
            (None, Some(before)) if before.had_quiz => self.put_quiz(key, &[])?,
            _ => {}
        }
        let old = before.and_then(|before| before.join_code.as_ref());
        self.put_code(id, old, session.state.join_code.as_ref())?;
        if let (Some(owner), None) = (&session.state.owner, before) {
            self.owners.insert((owner.as_str(), key), ()).map_err(CommitError::new)?;
        }
        for event in &change.events {
            self.events.insert((key, event.sequence.0), &*event_record(event)?).map_err(CommitError::new)?;
        }
        change.prune_through.map_or(Ok(()), |through| self.prune(id, through.0))
    }

    fn put_quiz(&mut self, key: &[u8], record: &[u8]) -> Outcome {
        self.quizzes.insert(key, record).map(drop).map_err(CommitError::new)
    }

    fn file_hint(&mut self, id: &SessionId, before: Option<&Before>, hint: Timestamp) -> Outcome {
        match before.filter(|before| before.is_filed).map(|before| before.hint) {
            Some(filed) if filed == hint => Ok(()),
            filed => self.move_hint(id, filed, Some(hint)),
        }
    }

    fn move_hint(&mut self, id: &SessionId, from: Option<Timestamp>, to: Option<Timestamp>) -> Outcome {
        if let Some(from) = from {
            self.hints.remove((from.as_millis(), id.as_bytes())).map_err(CommitError::new)?;
        }
        if let Some(to) = to {
            self.hints.insert((to.as_millis(), id.as_bytes()), ()).map_err(CommitError::new)?;
        }
        Ok(())
    }

    fn prune(&mut self, id: &SessionId, through: u64) -> Outcome {
        let range = (id.as_bytes(), 0)..=(id.as_bytes(), through);
        self.events.retain_in(range, |_, _| false).map_err(CommitError::new)
    }
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, CommitError> {
    let encoded: StoreResult<Vec<u8>> = format::encode(value);
    encoded.map_err(CommitError::failure)
}

fn quiz_record(quiz: &Quiz) -> Result<Vec<u8>, CommitError> {
    quizzes::encode(quiz).map_err(CommitError::failure)
}

fn event_record(event: &Event) -> Result<Vec<u8>, CommitError> {
    events::encode(event).map_err(CommitError::failure)
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        Self::new(error)
    }
}
