//! The file's metadata: its format, its random number, the highest game time known, how many batches were
//! committed, and whether it was closed cleanly.

use ::redb::{ReadTransaction, TableError, WriteTransaction};

use super::META;
use super::database_slot::DAMAGED_PAGE;
use super::file::Identity;
use super::file_note::FileProgress;
use crate::domain::{Millis, Timestamp};
use crate::store::clock::Uptime;
use crate::store::error::{StoreError, StoreResult};

/// The version of the table layout that this release reads and writes. Metadata that earlier releases with
/// this version did not have may be missing in a file.
pub const FILE_LAYOUT: u64 = 3;
/// The names of the checksum of the metadata, and of the generation for which it was made.
const CHECKSUM: &str = "checksum";
const CHECKED_GENERATION: &str = "checked_generation";
/// While sessions are stored and nothing else is committed, a sign of life is committed this often. So a
/// crash was at most this much later than the highest game time in the file.
pub(super) const SIGN_OF_LIFE: Millis = Millis::seconds(10);

/// Two times that are each cut to whole milliseconds differ by less than this from their exact difference.
const ROUNDING: Millis = Millis(2);

/// The identity in a file that no server has used: a backup, or a repaired file. No real file has it, so
/// whoever opens the file finds that it is another one than before, and renews its random number.
pub(super) const UNUSED: Identity = Identity { device: u64::MAX, inode: u64::MAX };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    /// The file's random number. It is a part of every epoch, and so tells this file's event numbering from
    /// any other's.
    pub(super) random: u64,
    /// The highest game time known.
    pub(super) time: Timestamp,
    /// The machine's uptime when it was that time.
    pub(super) uptime: Uptime,
    pub(super) batches: u64,
    /// Whether the file was closed cleanly, at exactly `time`. False while it is open and after a crash.
    pub(super) clean: bool,
    /// How often the file was opened.
    pub(super) generation: u64,
    /// The file when it was last opened; `None` for a storage that is no file, or if it is not known.
    pub(super) identity: Option<Identity>,
}

/// How a file was found when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Whether the last server closed the file, or the file is new.
    pub is_clean: bool,
    /// By how much game time was moved forward, because it is unknown how long the last server ran after its
    /// last commit. Every game loses at most this much time. It is zero after a clean stop, and never more
    /// than 10 s.
    pub moved_on: Millis,
}

impl Meta {
    /// How the file is found when it is opened at this uptime.
    pub(super) fn opening(&self, now: Uptime) -> Opening {
        Opening { is_clean: self.clean, moved_on: self.time_at_opening(now).since(self.time) }
    }

    /// Reads the metadata; `None` if the file is new. A database of another program is an error.
    pub(super) fn read(transaction: &ReadTransaction) -> StoreResult<Option<Self>> {
        let table = match transaction.open_table(META) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return is_empty(transaction).map(|()| None),
            Err(error) => return Err(StoreError::unavailable(error)),
        };
        let number = |name: &str| -> StoreResult<Option<u64>> {
            let value = table.get(name).map_err(StoreError::unavailable)?;
            Ok(value.map(|value| value.value()))
        };
        Self::from_numbers(number).map(Some)
    }

    /// The metadata from the numbers of its table; `stored` gives the number of that name, if there is one.
    pub(super) fn from_numbers(stored: impl Fn(&str) -> StoreResult<Option<u64>>) -> StoreResult<Self> {
        let damaged = || StoreError::Corrupt { what: DAMAGED_PAGE.to_owned() };
        // The first commit writes all of these, so a missing one shows damage.
        let number = |name: &str| stored(name)?.ok_or_else(damaged);
        // Files of earlier releases do not have these.
        let known = |name: &str| Ok(stored(name)?.unwrap_or_default());
        let format = number("format")?;
        if format != FILE_LAYOUT {
            let what = format!("the file has layout {format}, and this release reads {FILE_LAYOUT}");
            return Err(StoreError::Corrupt { what });
        }
        let meta = Self {
            random: number("random")?,
            time: Timestamp::from_millis(number("time")?),
            uptime: Uptime { boot: number("boot")?, lasted: Millis(number("uptime")?) },
            batches: number("batches")?,
            clean: number("clean")? == 1,
            generation: known("generation")?,
            identity: Some(Identity { device: known("device")?, inode: known("inode")? })
                .filter(|identity| identity.inode != 0),
        };
        // An earlier release changes the numbers, and leaves the checksum as it was. It also counts the opening.
        let is_checked = stored(CHECKED_GENERATION)? == Some(meta.generation);
        match stored(CHECKSUM)?.filter(|_| is_checked) {
            Some(checksum) if checksum != meta.checksum() => Err(damaged()),
            _ => Ok(meta),
        }
    }

    /// The metadata from numbers that are only believed if their checksum proves them.
    pub(super) fn from_checked_numbers(stored: impl Fn(&str) -> StoreResult<Option<u64>>) -> StoreResult<Self> {
        let meta = Self::from_numbers(&stored)?;
        let is_proved = stored(CHECKED_GENERATION)? == Some(meta.generation) && stored(CHECKSUM)?.is_some();
        if is_proved { Ok(meta) } else { Err(StoreError::Corrupt { what: DAMAGED_PAGE.to_owned() }) }
    }

    /// The numbers of the metadata with their names.
    fn numbers(&self) -> [(&'static str, u64); 10] {
        let identity = self.identity.unwrap_or(Identity { device: 0, inode: 0 });
        [
            ("format", FILE_LAYOUT),
            ("random", self.random),
            ("time", self.time.as_millis()),
            ("boot", self.uptime.boot),
            ("uptime", self.uptime.lasted.0),
            ("batches", self.batches),
            ("clean", u64::from(self.clean)),
            ("generation", self.generation),
            ("device", identity.device),
            ("inode", identity.inode),
        ]
    }

    /// A checksum of all numbers. With a wrong game time all games would end, or none.
    fn checksum(&self) -> u64 {
        let bytes: Vec<u8> = self.numbers().iter().flat_map(|(_, number)| number.to_le_bytes()).collect();
        u64::from(crc32fast::hash(&bytes))
    }

    /// How many batches the tables have. The log may have more.
    pub(super) fn batches(transaction: &ReadTransaction) -> StoreResult<u64> {
        let table = transaction.open_table(META).map_err(StoreError::unavailable)?;
        let value = table.get("batches").map_err(StoreError::unavailable)?;
        Ok(value.map_or(0, |value| value.value()))
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), ::redb::Error> {
        let mut table = transaction.open_table(META)?;
        let checks = [(CHECKED_GENERATION, self.generation), (CHECKSUM, self.checksum())];
        for (name, number) in self.numbers().into_iter().chain(checks) {
            table.insert(name, number)?;
        }
        Ok(())
    }

    /// How far the file is, for the note beside it.
    pub(super) fn progress(&self) -> FileProgress {
        FileProgress { random: self.random, generation: self.generation, batches: self.batches }
    }

    /// Why the file needs a new epoch; `None` if it does not. It needs one if it was moved or copied, or if
    /// it is behind the note beside it and so was restored from an older copy. `identity` is the file as it
    /// is found now.
    pub(super) fn other_life(&self, identity: Option<Identity>, note: Option<FileProgress>) -> Option<&'static str> {
        let is_other = matches!((self.identity, identity), (Some(before), Some(now)) if before != now);
        let far = |progress: FileProgress| (progress.generation, progress.batches);
        match note {
            _ if self.identity == Some(UNUSED) => Some("it is a backup, or a file that was repaired"),
            _ if is_other => Some("it is not the file that was used last: it was copied or moved"),
            Some(note) if note.random != self.random => Some("it is not the file that was used here last"),
            Some(note) if far(self.progress()) < far(note) => {
                Some("it is older than its note: it was restored, or its log is missing or damaged")
            }
            _ => None,
        }
    }

    /// The game time when the file is opened. It is never earlier than it was before.
    ///
    /// A process that crashed may have run on after its last commit until the next sign of life was due, but
    /// not longer than the time that has passed by the machine's uptime. So a restart right after a crash
    /// costs players almost no time to answer.
    pub(super) fn time_at_opening(&self, now: Uptime) -> Timestamp {
        let passed = now.since(self.uptime).map(|passed| Millis(passed.0 + ROUNDING.0));
        let at_most = passed.map_or(SIGN_OF_LIFE, |passed| passed.min(SIGN_OF_LIFE));
        if self.clean { self.time } else { self.time.plus(at_most) }
    }
}

/// Checks that a file without metadata has no tables. The first commit writes the metadata too, so tables
/// without it belong to another program.
fn is_empty(transaction: &ReadTransaction) -> StoreResult<()> {
    match transaction.list_tables().map_err(StoreError::unavailable)?.next() {
        None => Ok(()),
        Some(_) => Err(StoreError::Corrupt { what: "it is another program's database".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: Meta = Meta {
        random: 1,
        time: Timestamp::from_millis(1_000),
        uptime: Uptime { boot: 7, lasted: Millis(50_000) },
        batches: 9,
        clean: true,
        generation: 2,
        identity: Some(Identity { device: 3, inode: 4 }),
    };

    #[test]
    fn a_file_that_was_moved_or_put_back_is_another_life() {
        let is_other = |inode, note| META.other_life(Some(Identity { device: 3, inode }), note).is_some();
        let noted = FileProgress { random: 1, generation: 2, batches: 9 };
        assert!(!is_other(4, None) && !is_other(4, Some(noted)));
        assert!(is_other(5, Some(noted)), "a copy");
        assert!(is_other(4, Some(FileProgress { batches: 10, ..noted })), "it went on after it was copied");
        assert!(is_other(4, Some(FileProgress { generation: 3, batches: 2, ..noted })));
        assert!(is_other(4, Some(FileProgress { random: 2, ..noted })));
        // A power cut may lose the last writes of the note, and the storage of a test is no file.
        assert!(!is_other(4, Some(FileProgress { batches: 8, ..noted })));
        assert_eq!(META.other_life(None, None), None);
        let backup = Meta { identity: Some(UNUSED), ..META };
        assert!(backup.other_life(None, None).is_some() && backup.other_life(META.identity, Some(noted)).is_some());
        assert_eq!(Meta { identity: None, ..META }.other_life(Some(Identity { device: 3, inode: 4 }), None), None);
    }

    /// The stored numbers, of which one may be changed.
    fn stored(changed: Option<(&'static str, u64)>) -> StoreResult<Meta> {
        let checks = [(CHECKED_GENERATION, META.generation), (CHECKSUM, META.checksum())];
        let mut numbers: std::collections::BTreeMap<_, _> = META.numbers().into_iter().chain(checks).collect();
        numbers.extend(changed);
        Meta::from_numbers(|name| Ok(numbers.get(name).copied()))
    }

    #[test]
    fn a_flipped_bit_in_any_number_is_noticed_or_changes_nothing() {
        assert_eq!(stored(None).expect("read"), META);
        let names = META.numbers().map(|(name, _)| name).into_iter().chain([CHECKSUM, CHECKED_GENERATION]);
        for (name, bit) in names.flat_map(|name| (0..64).map(move |bit| (name, bit))) {
            let checks = [(CHECKED_GENERATION, META.generation), (CHECKSUM, META.checksum())];
            let before = META.numbers().into_iter().chain(checks).find(|(one, _)| *one == name).expect("there").1;
            let read = stored(Some((name, before ^ (1 << bit))));
            // Without the generation for which it was made, the checksum is not used.
            let is_harmless = |meta: Meta| Meta { generation: META.generation, ..meta } == META;
            assert!(read.is_err() || read.is_ok_and(is_harmless), "bit {bit} of {name}");
        }
    }

    #[test]
    fn an_earlier_release_may_have_changed_the_numbers_since() {
        let numbers = |name: &str| {
            let later = Meta { generation: 3, batches: 10, ..META };
            let checks = [(CHECKED_GENERATION, META.generation), (CHECKSUM, META.checksum())];
            Ok(later.numbers().into_iter().chain(checks).find(|(one, _)| *one == name).map(|(_, number)| number))
        };
        assert_eq!(Meta::from_numbers(numbers).expect("read").batches, 10);
        let plain = |name: &str| Ok(META.numbers().into_iter().find(|(one, _)| *one == name).map(|(_, number)| number));
        assert_eq!(Meta::from_numbers(plain).expect("a file of an earlier release"), META);
    }

    fn opened(clean: bool, boot: u64, lasted: u64) -> u64 {
        let uptime = Uptime { boot: 7, lasted: Millis(50_000) };
        let meta = Meta { uptime, clean, ..META };
        let now = Uptime { boot, lasted: Millis(lasted) };
        let opening = meta.opening(now);
        assert_eq!((opening.is_clean, meta.time.plus(opening.moved_on)), (clean, meta.time_at_opening(now)));
        meta.time_at_opening(now).as_millis()
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
