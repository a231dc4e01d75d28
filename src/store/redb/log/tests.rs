//! Tests of the log: appending, reuse of segments, and recovery.

use std::sync::Arc;

use ::redb::backends::InMemoryBackend;

use super::*;
use crate::domain::{Millis, SessionId, Timestamp};
use crate::store::clock::Uptime;
use crate::store::redb::meta::Meta;
use crate::store::redb::row_changes::Op;

const RANDOM: u64 = 77;

/// A storage in memory that can be opened again: clones share its contents.
#[derive(Debug, Clone)]
struct Shared(Arc<InMemoryBackend>);

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

fn storage() -> Shared {
    Shared(Arc::new(InMemoryBackend::new()))
}

fn place(storage: &Shared, size: u64) -> LogStorage {
    LogStorage { storage: Box::new(storage.clone()), space: Space { file: None, max_size: None }, size, file: None }
}

fn meta(batch: u64) -> Meta {
    let uptime = Uptime { boot: 5, lasted: Millis(batch) };
    let time = Timestamp::from_millis(1_000 + batch);
    Meta { random: RANDOM, time, uptime, batches: batch, clean: false, generation: 1, identity: None }
}

/// An entry with one change, which contains the number of the batch.
fn entry(batch: u64) -> Vec<u8> {
    encode(&meta(batch), &[Op::Prune(SessionId::generate(1, &[1; 10]), batch)]).expect("encoded")
}

fn append(log: &mut CommitLog, batch: u64) {
    log.append(batch, &entry(batch)).expect("appended");
}

/// Reads a log of which the batches up to `checkpointed` are in redb: the other batches in order, and the
/// report.
fn found(storage: &Shared, random: u64, checkpointed: u64) -> (Vec<u64>, RecoveredLog) {
    let mut batches = Vec::new();
    let take = |ops: Vec<Op>| match &ops[..] {
        [Op::Prune(_, batch)] => batches.push(*batch),
        other => panic!("{other:?}"),
    };
    let found = find(storage, random, checkpointed, take).expect("read").expect("understood");
    (batches, found)
}

/// The size of the smallest log in bytes, with segments of 4 KiB.
const SMALLEST: u64 = FILE_HEAD * (SEGMENTS + 1);

#[test]
fn what_was_appended_is_found_from_the_batch_after_the_last_checkpointed_one() {
    let storage = storage();
    let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &RecoveredLog::default()).expect("opened");
    (1..=9).for_each(|batch| append(&mut log, batch));
    let (batches, found_all) = found(&storage, RANDOM, 0);
    assert_eq!(batches, (1..=9).collect::<Vec<_>>());
    let head = found_all.last.expect("there");
    assert_eq!((head.batch, head.time, head.uptime.lasted), (9, Timestamp::from_millis(1_009), Millis(9)));
    assert_eq!(found(&storage, RANDOM, 6).0, [7, 8, 9]);
    let (batches, nothing) = found(&storage, RANDOM, 9);
    assert!(batches.is_empty() && nothing.last.is_none() && !nothing.is_damaged);
    assert!(found(&storage, RANDOM + 1, 0).0.is_empty(), "it is another file's");
}

#[test]
fn a_segment_is_used_again_only_when_what_it_holds_was_released() {
    let storage = storage();
    let mut log = CommitLog::open(place(&storage, SMALLEST), RANDOM, &RecoveredLog::default()).expect("opened");
    let mut batch = 0;
    while log.has_room(entry(batch + 1).len() as u64) || log.has_free_segment() {
        batch += 1;
        append(&mut log, batch);
    }
    assert_eq!(found(&storage, RANDOM, 0).0, (1..=batch).collect::<Vec<_>>());
    assert!(log.append(batch + 1, &entry(batch + 1)).is_err(), "there is no room");
    log.release(batch / 2);
    assert!(log.has_free_segment());
    append(&mut log, batch + 1);
    let (batches, all) = found(&storage, RANDOM, batch / 2);
    assert_eq!(batches, (batch / 2 + 1..=batch + 1).collect::<Vec<_>>());
    assert!(!all.is_damaged);
}

#[test]
fn a_later_segment_makes_void_what_an_earlier_one_has_of_its_batches() {
    let storage = storage();
    let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &RecoveredLog::default()).expect("opened");
    (1..=3).for_each(|batch| append(&mut log, batch));
    // Batch 3 was not acknowledged, and another batch gets its number.
    log.end_segment();
    let other = encode(&meta(3), &[Op::Prune(SessionId::generate(1, &[1; 10]), 333)]).expect("encoded");
    log.append(3, &other).expect("appended");
    append(&mut log, 4);
    assert_eq!(found(&storage, RANDOM, 0).0, [1, 2, 333, 4]);
}

#[test]
fn it_goes_on_after_a_crash_in_another_segment() {
    let storage = storage();
    let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &RecoveredLog::default()).expect("opened");
    (1..=3).for_each(|batch| append(&mut log, batch));
    for crash in 0..3 {
        let last = 3 + crash;
        let (batches, before) = found(&storage, RANDOM, 1);
        assert_eq!(batches, (2..=last).collect::<Vec<_>>());
        let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &before).expect("opened");
        append(&mut log, last + 1);
    }
    let (_, all) = found(&storage, RANDOM, 1);
    let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &all).expect("opened");
    assert!(!log.has_free_segment(), "all four are needed");
    log.release(6);
    append(&mut log, 7);
    assert_eq!(found(&storage, RANDOM, 6).0, [7]);
}

#[test]
fn a_hole_is_told_from_an_end() {
    let storage = storage();
    let mut log = CommitLog::open(place(&storage, 1 << 20), RANDOM, &RecoveredLog::default()).expect("opened");
    (1..=5).for_each(|batch| append(&mut log, batch));
    let length = entry(1).len() as u64;
    let flip = |nth: u64| {
        let offset = FILE_HEAD + SEGMENT_HEAD + (nth - 1) * length + length / 2;
        let mut byte = [0];
        storage.read(offset, &mut byte).expect("read");
        storage.write(offset, &[byte[0] ^ 1]).expect("written");
    };
    for (nth, is_hole) in [(5, false), (4, true), (1, true)] {
        flip(nth);
        let (batches, found) = found(&storage, RANDOM, 0);
        flip(nth);
        assert_eq!((batches.len() as u64, found.is_damaged), (nth - 1, is_hole), "entry {nth}");
    }
}

#[test]
fn a_log_that_finds_no_space_is_not_made() {
    let storage = storage();
    let full = LogStorage { space: Space { file: None, max_size: Some(1 << 19) }, ..place(&storage, 1 << 20) };
    let error = CommitLog::open(full, RANDOM, &RecoveredLog::default()).err().expect("refused");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(storage.len().expect("told"), 0);
    assert!(CommitLog::open(place(&storage, 100), RANDOM, &RecoveredLog::default()).is_err(), "it would hold nothing");
}
