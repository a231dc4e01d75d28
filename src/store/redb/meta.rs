//! What the file knows of itself: its format, its random, the highest time it has seen, how many
//! batches it has committed, whether it was closed cleanly.

use ::redb::{ReadTransaction, TableError, WriteTransaction};

use super::META;
use crate::domain::{Millis, Timestamp};
use crate::store::clock::Uptime;
use crate::store::error::{StoreError, StoreResult};

/// The layout of the tables that this release writes.
const FORMAT: u64 = 1;
/// While sessions live and nothing commits, a sign of life is written this often; so a crash can
/// have been this much later than the file's highest time, and no more.
pub(super) const SIGN_OF_LIFE: Millis = Millis::seconds(10);

/// Two clocks that are cut to whole milliseconds differ by less than this.
const ROUNDING: Millis = Millis(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// Tells this file's event numbering from any other's.
    pub(super) random: u64,
    /// The highest game time known.
    pub(super) time: Timestamp,
    /// The machine's uptime when it was that time.
    pub(super) uptime: Uptime,
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
            uptime: Uptime { boot: number("boot")?, lasted: Millis(number("uptime")?) },
            batches: number("batches")?,
            clean: number("clean")? == 1,
        }))
    }

    /// How many batches were committed.
    pub(super) fn batches(transaction: &ReadTransaction) -> StoreResult<u64> {
        let table = transaction.open_table(META).map_err(StoreError::unavailable)?;
        let value = table.get("batches").map_err(StoreError::unavailable)?;
        Ok(value.map_or(0, |value| value.value()))
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), ::redb::Error> {
        let mut table = transaction.open_table(META)?;
        let numbers = [
            ("format", FORMAT),
            ("random", self.random),
            ("time", self.time.as_millis()),
            ("boot", self.uptime.boot),
            ("uptime", self.uptime.lasted.0),
            ("batches", self.batches),
            ("clean", u64::from(self.clean)),
        ];
        for (name, number) in numbers {
            table.insert(name, number)?;
        }
        Ok(())
    }

    /// What time it is when the file is opened: no earlier than it ever was before.
    ///
    /// A process that crashed can have lived on after its last commit, until the next sign of life
    /// was due, but no longer than the machine says has passed: who comes back at once loses
    /// nothing of a question's time.
    pub(super) fn time_at_opening(&self, now: Uptime) -> Timestamp {
        let passed = now.since(self.uptime).map(|passed| Millis(passed.0 + ROUNDING.0));
        let at_most = passed.map_or(SIGN_OF_LIFE, |passed| passed.min(SIGN_OF_LIFE));
        if self.clean { self.time } else { self.time.plus(at_most) }
    }
}

/// The first commit of a file writes its own record too: tables without it are somebody else's.
fn is_empty(transaction: &ReadTransaction) -> StoreResult<()> {
    match transaction.list_tables().map_err(StoreError::unavailable)?.next() {
        None => Ok(()),
        Some(_) => Err(StoreError::Corrupt { what: "it is another program's database".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(clean: bool, boot: u64, lasted: u64) -> u64 {
        let uptime = Uptime { boot: 7, lasted: Millis(50_000) };
        let meta = Meta { random: 1, time: Timestamp::from_millis(1_000), uptime, batches: 1, clean };
        meta.time_at_opening(Uptime { boot, lasted: Millis(lasted) }).as_millis()
    }

    #[test]
    fn after_a_clean_close_time_goes_on_exactly() {
        assert_eq!(opened(true, 7, 90_000), 1_000);
        assert_eq!(opened(true, 8, 10), 1_000);
    }

    #[test]
    fn after_a_crash_it_is_as_much_later_as_the_machine_says_and_10_s_at_most() {
        assert_eq!(opened(false, 7, 50_070), 1_072);
        assert_eq!(opened(false, 7, 50_000), 1_002);
        assert_eq!(opened(false, 7, 3_650_000), 11_000);
    }

    #[test]
    fn after_a_crash_of_the_machine_it_is_10_s_later() {
        assert_eq!(opened(false, 8, 50_070), 11_000);
        assert_eq!(opened(false, 0, 50_070), 11_000);
        assert_eq!(opened(false, 7, 49_000), 11_000);
    }
}
