//! What the file knows of itself: its format, its random, the highest time it has seen, how many
//! batches it has committed, whether it was closed cleanly.

use ::redb::{ReadTransaction, TableError, WriteTransaction};

use super::META;
use crate::domain::{Millis, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// The layout of the tables that this release writes.
const FORMAT: u64 = 1;
/// While sessions live and nothing commits, a sign of life is written this often; so a crash can
/// have been this much later than the file's highest time.
pub(super) const SIGN_OF_LIFE: Millis = Millis::seconds(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// Tells this file's event numbering from any other's.
    pub(super) random: u64,
    /// The highest game time known.
    pub(super) time: Timestamp,
    /// How many batches were committed.
    pub(super) batches: u64,
    /// Whether `time` is when the file was closed, and not some time before.
    pub(super) clean: bool,
}

impl Meta {
    /// What the file knows, or `None` if it is new. A database of another program is an error.
    pub(super) fn read(transaction: &ReadTransaction) -> StoreResult<Option<Self>> {
        let table = match transaction.open_table(META) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return is_empty(transaction).map(|()| None),
            Err(error) => return Err(StoreError::unavailable(error)),
        };
        let number = |name: &str| -> StoreResult<u64> {
            let value = table.get(name).map_err(StoreError::unavailable)?;
            let missing = || StoreError::Corrupt { what: format!("the file's own record has no {name}") };
            value.map(|value| value.value()).ok_or_else(missing)
        };
        let format = number("format")?;
        if format != FORMAT {
            let what = format!("the file has layout {format}, and this release reads {FORMAT}");
            return Err(StoreError::Corrupt { what });
        }
        Ok(Some(Self {
            random: number("random")?,
            time: Timestamp::from_millis(number("time")?),
            batches: number("batches")?,
            clean: number("clean")? == 1,
        }))
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), ::redb::Error> {
        let mut table = transaction.open_table(META)?;
        let numbers = [
            ("format", FORMAT),
            ("random", self.random),
            ("time", self.time.as_millis()),
            ("batches", self.batches),
            ("clean", u64::from(self.clean)),
        ];
        for (name, number) in numbers {
            table.insert(name, number)?;
        }
        Ok(())
    }

    /// What time it is when the file is opened: no earlier than it ever was before.
    pub(super) fn time_at_opening(&self) -> Timestamp {
        if self.clean { self.time } else { self.time.plus(SIGN_OF_LIFE) }
    }
}

/// The first commit of a file writes its own record too: tables without it are somebody else's.
fn is_empty(transaction: &ReadTransaction) -> StoreResult<()> {
    match transaction.list_tables().map_err(StoreError::unavailable)?.next() {
        None => Ok(()),
        Some(_) => Err(StoreError::Corrupt { what: "it is another program's database".to_owned() }),
    }
}
