//! The second half of a group commit: one durable write transaction for everything that changed.

use ::redb::{
    Database, Durability, ReadTransaction, ReadableTableMetadata, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::database_slot::DAMAGED_PAGE;
use super::file::is_full;
use super::meta::Meta;
use super::quizzes::{self, QuestionName};
use super::row_changes::{EventRow, Op, QuestionRow, SessionRow};
use super::{EVENTS, EXPIRY_INDEX, JOINS, OWNERS, QUESTION_ENDS, QUESTIONS, QUIZZES, SESSIONS};
use crate::domain::{JoinCode, Owner, Sequence, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};
use crate::store::panics;

/// Padding that keeps space in the file for running games, by part number.
const RESERVE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("reserve");
/// Bytes of one part of the reserve: small enough to find a place in a file that is nearly full.
const RESERVE_PART: usize = 16 * 1024;

/// The kind of failure that prevented a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// The disk is full, the user's quota is spent, or the file has reached its size limit.
    Full,
    /// redb panicked over a damaged page, and the transaction was aborted.
    Damage,
    /// Any other failure, including a transaction of which it is unknown whether it was aborted.
    Failure,
}

/// Why a commit failed, as far as that is known.
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

    pub(super) fn failure(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { met: Met::Failure, cause: cause.into() }
    }

    fn damage(met: &str) -> Self {
        tracing::debug!(met, "a commit needs a page that cannot be read");
        Self { met: Met::Damage, cause: DAMAGED_PAGE.into() }
    }

    /// The same error for a transaction that may not have been aborted: damage becomes a plain failure.
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

/// Runs code in which redb may panic. A damaged page is then an error like any other.
fn guarded<T>(act: impl FnOnce() -> Result<T, CommitError>) -> Result<T, CommitError> {
    panics::catch(act).unwrap_or_else(|met| Err(CommitError::damage(&met)))
}

/// Runs one durable write transaction. Either everything that `fill` does in it is stored, or nothing.
fn transact<T>(
    database: &Database,
    fill: impl FnOnce(&WriteTransaction) -> Result<T, CommitError>,
) -> Result<T, CommitError> {
    let begin = || {
        let mut transaction = database.begin_write().map_err(CommitError::new)?;
        transaction.set_durability(Durability::Immediate).map_err(|error| CommitError::failure(error.to_string()))?;
        // For every commit: a single one without it would drop the saved allocator state.
        transaction.set_quick_repair(true);
        Ok(transaction)
    };
    let transaction = guarded(begin)?;
    let failed = match guarded(|| fill(&transaction)) {
        // If this panics, the transaction may be committed all the same.
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

/// Stores the row changes and the file's metadata in one transaction.
pub(super) fn store(database: &Database, ops: &[Op], meta: &Meta) -> WriteResult {
    transact(database, |transaction| {
        let mut tables = Tables::open(transaction)?;
        ops.iter().try_for_each(|op| tables.apply(op))?;
        drop(tables);
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// Stores the file's metadata alone. In a new file this also creates the tables.
pub(super) fn store_meta(database: &Database, meta: &Meta) -> WriteResult {
    store(database, &[], meta)
}

/// Writes the whole reserve again, with `bytes` of padding. As long as this succeeds, the file has space for
/// new games.
pub(super) fn fill_reserve(database: &Database, meta: &Meta, bytes: u64) -> WriteResult {
    transact(database, |transaction| {
        let mut reserve = transaction.open_table(RESERVE).map_err(CommitError::new)?;
        for part in 0..bytes.div_ceil(RESERVE_PART as u64) {
            reserve.insert(part, &[0; RESERVE_PART][..]).map_err(CommitError::new)?;
        }
        drop(reserve);
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// Frees the space of the reserve except for `kept` bytes.
pub(super) fn release_reserve(database: &Database, meta: &Meta, kept: u64) -> WriteResult {
    transact(database, |transaction| {
        let mut reserve = transaction.open_table(RESERVE).map_err(CommitError::new)?;
        reserve.retain(|part, _| part < kept.div_ceil(RESERVE_PART as u64)).map_err(CommitError::new)?;
        drop(reserve);
        meta.write(transaction).map_err(CommitError::new)
    })
}

/// The bytes of the file's reserve.
pub(super) fn reserve(transaction: &ReadTransaction) -> StoreResult<u64> {
    match transaction.open_table(RESERVE) {
        Ok(reserve) => Ok(reserve.len().map_err(StoreError::unavailable)? * RESERVE_PART as u64),
        Err(TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(StoreError::unavailable(error)),
    }
}

/// All tables of the store, open in one write transaction.
struct Tables<'t> {
    sessions: Table<'t, &'static [u8], &'static [u8]>,
    quizzes: Table<'t, &'static [u8], &'static [u8]>,
    questions: Table<'t, &'static [u8; 16], &'static [u8]>,
    question_ends: Table<'t, (u64, &'static [u8; 16]), ()>,
    expiry_entries: Table<'t, (u64, &'static [u8]), ()>,
    events: Table<'t, (&'static [u8], u64), &'static [u8]>,
    joins: Table<'t, &'static str, &'static [u8]>,
    owners: Table<'t, (&'static str, &'static [u8]), ()>,
}

type WriteResult = Result<(), CommitError>;

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, CommitError> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS).map_err(CommitError::new)?,
            quizzes: transaction.open_table(QUIZZES).map_err(CommitError::new)?,
            questions: transaction.open_table(QUESTIONS).map_err(CommitError::new)?,
            question_ends: transaction.open_table(QUESTION_ENDS).map_err(CommitError::new)?,
            expiry_entries: transaction.open_table(EXPIRY_INDEX).map_err(CommitError::new)?,
            events: transaction.open_table(EVENTS).map_err(CommitError::new)?,
            joins: transaction.open_table(JOINS).map_err(CommitError::new)?,
            owners: transaction.open_table(OWNERS).map_err(CommitError::new)?,
        })
    }

    /// Applies one row change.
    fn apply(&mut self, op: &Op) -> WriteResult {
        match op {
            Op::PutSession { id, row, .. } => self.put_session(id, Some(row)),
            Op::RemoveSession(id) => self.put_session(id, None),
            Op::PutQuiz(id, record) => self.put_quiz(id, Some(record)),
            Op::RemoveQuiz(id) => self.put_quiz(id, None),
            Op::PutQuestion(name, row) => self.put_question(name, Some(row)),
            Op::RemoveQuestion(name) => self.put_question(name, None),
            Op::PutQuestionEnd(until, name) => self.put_question_end(*until, name, true),
            Op::RemoveQuestionEnd(until, name) => self.put_question_end(*until, name, false),
            Op::PutExpiry(time, id) => self.put_expiry_entry(*time, id, true),
            Op::RemoveExpiry(time, id) => self.put_expiry_entry(*time, id, false),
            Op::PutEvent(id, row) => self.put_event(id, row),
            Op::Prune(id, through) => self.prune(id, Sequence(*through)),
            Op::PutJoin(code, id) => self.put_join(code, Some(id)),
            Op::RemoveJoin(code) => self.put_join(code, None),
            Op::PutOwner(owner, id) => self.put_owner(owner, id, true),
            Op::RemoveOwner(owner, id) => self.put_owner(owner, id, false),
        }
    }

    fn put_session(&mut self, id: &SessionId, row: Option<&SessionRow>) -> WriteResult {
        match row {
            Some(row) => {
                let record = row.record().map_err(CommitError::failure)?;
                self.sessions.insert(id.as_bytes(), &*record).map(drop).map_err(CommitError::new)
            }
            None => self.sessions.remove(id.as_bytes()).map(drop).map_err(CommitError::new),
        }
    }

    fn put_quiz(&mut self, id: &SessionId, record: Option<&[u8]>) -> WriteResult {
        match record {
            Some(record) => self.quizzes.insert(id.as_bytes(), record).map(drop).map_err(CommitError::new),
            None => self.quizzes.remove(id.as_bytes()).map(drop).map_err(CommitError::new),
        }
    }

    fn put_question(&mut self, name: &QuestionName, row: Option<&QuestionRow>) -> WriteResult {
        let put = match row {
            Some(row) => self.questions.insert(name, &*quizzes::question_record(row)),
            None => self.questions.remove(name),
        };
        put.map(drop).map_err(CommitError::new)
    }

    fn put_question_end(&mut self, until: Timestamp, name: &QuestionName, is_there: bool) -> WriteResult {
        let key = (until.as_millis(), name);
        let put = if is_there { self.question_ends.insert(key, ()) } else { self.question_ends.remove(key) };
        put.map(drop).map_err(CommitError::new)
    }

    fn put_expiry_entry(&mut self, time: Timestamp, id: &SessionId, is_there: bool) -> WriteResult {
        let key = (time.as_millis(), id.as_bytes());
        let put = if is_there { self.expiry_entries.insert(key, ()) } else { self.expiry_entries.remove(key) };
        put.map(drop).map_err(CommitError::new)
    }

    fn put_event(&mut self, id: &SessionId, row: &EventRow) -> WriteResult {
        let key = (id.as_bytes(), row.event.sequence.0);
        self.events.insert(key, &*row.record).map(drop).map_err(CommitError::new)
    }

    fn prune(&mut self, id: &SessionId, through: Sequence) -> WriteResult {
        let range = (id.as_bytes(), 0)..=(id.as_bytes(), through.0);
        self.events.retain_in(range, |_, _| false).map_err(CommitError::new)
    }

    fn put_join(&mut self, code: &JoinCode, holder: Option<&SessionId>) -> WriteResult {
        match holder {
            Some(id) => self.joins.insert(code.as_str(), id.as_bytes()).map(drop).map_err(CommitError::new),
            None => self.joins.remove(code.as_str()).map(drop).map_err(CommitError::new),
        }
    }

    fn put_owner(&mut self, owner: &Owner, id: &SessionId, is_there: bool) -> WriteResult {
        let key = (owner.as_str(), id.as_bytes());
        let put = if is_there { self.owners.insert(key, ()) } else { self.owners.remove(key) };
        put.map(drop).map_err(CommitError::new)
    }
}

impl From<StorageError> for CommitError {
    fn from(error: StorageError) -> Self {
        Self::new(error)
    }
}
