//! The storing half of a group commit: one durable write transaction for all that changed.

use ::redb::{
    CommitError as RedbCommitError, Database, Durability, ReadableTable, StorageError, Table, WriteTransaction,
};

use super::batch::{Before, Change, Changes};
use super::meta::Meta;
use super::{EVENTS, HINTS, JOINS, QUIZZES, SESSIONS, Stored, events, quizzes};
use crate::domain::{Event, Quiz, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// Why a batch was not stored, as far as that is known.
#[derive(Debug)]
pub(super) struct CommitError {
    /// Whether the disk was full.
    pub(super) is_full: bool,
    pub(super) cause: Box<dyn std::error::Error + Send + Sync>,
}

impl CommitError {
    fn new(error: impl Into<::redb::Error>) -> Self {
        let error = error.into();
        let full = std::io::ErrorKind::StorageFull;
        let is_full = matches!(&error, ::redb::Error::Io(io) if io.kind() == full || io.kind() == std::io::ErrorKind::QuotaExceeded);
        Self { is_full, cause: error.into() }
    }

    pub(super) fn into_store_error(self) -> StoreError {
        if self.is_full { StoreError::Full } else { StoreError::unavailable(self.cause) }
    }
}

/// Aborts the transaction unless it was committed, also when what fills it panics.
struct Guarded(Option<WriteTransaction>);

impl Guarded {
    fn begin(database: &Database) -> Result<Self, CommitError> {
        let mut transaction = database.begin_write().map_err(CommitError::new)?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(|error| CommitError { is_full: false, cause: error.to_string().into() })?;
        // One commit without it would drop the saved allocator state: no exceptions.
        transaction.set_quick_repair(true);
        Ok(Self(Some(transaction)))
    }

    fn transaction(&self) -> &WriteTransaction {
        self.0.as_ref().expect("it is there until it is committed")
    }

    fn commit(mut self) -> Result<(), CommitError> {
        let transaction = self.0.take().expect("it is there until it is committed");
        transaction.commit().map_err(|error: RedbCommitError| CommitError::new(error))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.take().map(WriteTransaction::abort) {
            tracing::warn!(%error, "a transaction could not be aborted");
        }
    }
}

/// Stores a batch and the file's own record, all or nothing.
pub(super) fn store(database: &Database, changes: &Changes, meta: &Meta) -> Result<(), CommitError> {
    let guarded = Guarded::begin(database)?;
    Tables::open(guarded.transaction())?.put(changes)?;
    meta.write(guarded.transaction()).map_err(CommitError::new)?;
    guarded.commit()
}

/// Stores the file's own record alone, and creates the tables in a new file.
pub(super) fn store_meta(database: &Database, meta: &Meta) -> Result<(), CommitError> {
    store(database, &Changes::none(meta.time), meta)
}

struct Tables<'t> {
    sessions: Table<'t, &'static [u8], &'static [u8]>,
    quizzes: Table<'t, &'static [u8], &'static [u8]>,
    hints: Table<'t, (u64, &'static [u8]), ()>,
    events: Table<'t, (&'static [u8], u64), &'static [u8]>,
    joins: Table<'t, &'static str, &'static [u8]>,
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
        if before.had_quiz {
            self.quizzes.remove(key).map_err(CommitError::new)?;
        }
        if let Some(code) = &before.join_code {
            // Another session may have claimed the code of a dead one.
            let holder = self.joins.get(code.as_str()).map_err(CommitError::new)?;
            let is_ours = holder.is_some_and(|holder| holder.value() == key);
            if is_ours {
                self.joins.remove(code.as_str()).map_err(CommitError::new)?;
            }
        }
        if before.had_events { self.prune(id, u64::MAX) } else { Ok(()) }
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
            (Some(quiz), None) => drop(self.quizzes.insert(key, &*quiz_record(quiz)?).map_err(CommitError::new)?),
            (None, Some(before)) if before.had_quiz => drop(self.quizzes.remove(key).map_err(CommitError::new)?),
            _ => {}
        }
        if let (Some(code), None) = (&session.state.join_code, before) {
            self.joins.insert(code.as_str(), key).map_err(CommitError::new)?;
        }
        for event in &change.events {
            self.events.insert((key, event.sequence.0), &*event_record(event)?).map_err(CommitError::new)?;
        }
        change.prune_through.map_or(Ok(()), |through| self.prune(id, through.0))
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
    encoded.map_err(|error| CommitError { is_full: false, cause: error.into() })
}

fn quiz_record(quiz: &Quiz) -> Result<Vec<u8>, CommitError> {
    quizzes::encode(quiz).map_err(|error| CommitError { is_full: false, cause: error.into() })
}

fn event_record(event: &Event) -> Result<Vec<u8>, CommitError> {
    events::encode(event).map_err(|error| CommitError { is_full: false, cause: error.into() })
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        Self::new(error)
    }
}
