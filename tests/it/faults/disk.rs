//! A simulated disk with a page cache that fails on command.
//!
//! redb sees the page cache; only a successful sync makes the cache durable. After a failed sync, each write
//! since the last successful one is on the disk or not, and no later sync repairs that, as on Linux. A crash
//! keeps what is durable and any part of the rest, torn at sectors.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use redb::StorageBackend;

const SECTOR: usize = 512;
const BLOCK: u64 = 4_096;

/// What fails, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Writes and syncs fail with EIO.
    Broken,
    /// Reads fail with EIO.
    Unreadable,
    /// Writes that need new blocks fail with ENOSPC. Existing blocks can still be overwritten.
    Full,
    /// Every write fails with ENOSPC, as on a file system that never overwrites in place.
    FullForAll,
    /// Writes and syncs do not return while the fault lasts.
    Frozen,
}

#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Op {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length as usize, 0),
            Self::Write(offset, data) => {
                let end = *offset as usize + data.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset as usize..end].copy_from_slice(data);
            }
        }
    }

    /// Applies all of the operation, nothing, or only some of its sectors.
    fn apply_some(&self, image: &mut Vec<u8>, chance: &mut Chance) {
        match (chance.below(3), self) {
            (0, _) => {}
            (1, _) | (_, Self::Length(_)) => self.apply(image),
            (_, Self::Write(offset, data)) => {
                for (n, sector) in data.chunks(SECTOR).enumerate() {
                    if chance.below(2) == 0 {
                        Self::Write(offset + (n * SECTOR) as u64, sector.to_vec()).apply(image);
                    }
                }
            }
        }
    }
}

/// A pseudo-random generator: the same seed gives the same numbers.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

#[derive(Debug)]
struct State {
    cached: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Op>,
    blocks: HashSet<u64>,
    /// The number of writes and syncs so far.
    steps: u64,
    fault: Option<Fault>,
    /// How many more writes and syncs (or reads, for `Unreadable`) succeed before `fault` sets in.
    spared: u64,
    /// The number of failures after which the fault ends, or `None` if it lasts until it is ended.
    failures_left: Option<u64>,
    struck: u64,
    /// The byte range where reads fail, and how often a read failed there.
    unreadable: Option<std::ops::Range<usize>>,
    unreadable_reads: u64,
    chance: Chance,
}

/// The disk. All clones share its state.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<(Mutex<State>, Condvar)>);

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        Self::with_image(Vec::new(), seed)
    }

    fn with_image(image: Vec<u8>, seed: u64) -> Self {
        let blocks = (0..image.len() as u64 / BLOCK + 1).collect();
        let state = State {
            cached: image.clone(),
            durable: image,
            unsynced: Vec::new(),
            blocks,
            steps: 0,
            fault: None,
            spared: 0,
            failures_left: None,
            struck: 0,
            unreadable: None,
            unreadable_reads: 0,
            chance: Chance::new(seed),
        };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    /// Starts `fault` after `spared` more writes and syncs. It ends after this number of failures, or when it
    /// is ended if that is `None`.
    pub(crate) fn fail_after(&self, spared: u64, fault: Fault, failures: Option<u64>) {
        let mut state = self.0.0.lock();
        (state.fault, state.spared, state.failures_left, state.struck) = (Some(fault), spared, failures, 0);
    }

    pub(crate) fn end_fault(&self) {
        self.0.0.lock().fault = None;
        self.0.1.notify_all();
    }

    /// How often the fault has struck since the last [`Disk::fail_after`].
    pub(crate) fn struck(&self) -> u64 {
        self.0.0.lock().struck
    }

    /// The number of writes and syncs so far.
    pub(crate) fn steps(&self) -> u64 {
        self.0.0.lock().steps
    }

    /// A disk as it may be after a crash at this instant. `seed` chooses one of the possibilities.
    pub(crate) fn crashed(&self, seed: u64) -> Self {
        let state = self.0.0.lock();
        let (mut image, mut chance) = (state.durable.clone(), Chance::new(seed));
        state.unsynced.iter().for_each(|op| op.apply_some(&mut image, &mut chance));
        drop(state);
        Self::with_image(image, seed)
    }

    /// The offsets at which these bytes are stored.
    pub(crate) fn places(&self, bytes: &[u8]) -> Vec<usize> {
        let state = self.0.0.lock();
        let windows = state.cached.windows(bytes.len()).enumerate();
        windows.filter(|(_, window)| *window == bytes).map(|(place, _)| place).collect()
    }

    /// A new disk with the same contents.
    pub(crate) fn copied(&self, seed: u64) -> Self {
        Self::with_image(self.0.0.lock().cached.clone(), seed)
    }

    /// Makes the sector at this offset unreadable.
    pub(crate) fn make_unreadable(&self, place: usize) {
        let sector = place / SECTOR * SECTOR;
        self.0.0.lock().unreadable = Some(sector..sector + SECTOR);
    }

    /// How often a read touched the unreadable sector.
    pub(crate) fn unreadable_reads(&self) -> u64 {
        self.0.0.lock().unreadable_reads
    }

    /// Overwrites the page at this offset.
    pub(crate) fn damage(&self, place: usize) {
        let page = place / BLOCK as usize * BLOCK as usize;
        self.0.0.lock().cached[page..page + BLOCK as usize].fill(0xA5);
    }

    /// Makes the `n`th entry of the leaf page at this offset end far outside the page. A page begins with its
    /// kind and its number of entries (4 bytes), and then holds the ends of its keys (4 bytes each).
    pub(crate) fn misplace(&self, place: usize, n: usize) {
        let page = place / BLOCK as usize * BLOCK as usize;
        self.0.0.lock().cached[page + 4 + n * 4 + 3] = 0x7F;
    }

    /// The length of the file in bytes.
    pub(crate) fn length(&self) -> usize {
        self.0.0.lock().cached.len()
    }

    /// A new disk with only the first `length` bytes of the contents.
    pub(crate) fn truncated(&self, length: usize) -> Self {
        let mut image = self.0.0.lock().cached.clone();
        image.truncate(length);
        Self::with_image(image, 1)
    }

    /// A new disk with the same contents, except for this flipped bit.
    pub(crate) fn with_flipped(&self, bit: usize) -> Self {
        let mut image = self.0.0.lock().cached.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        Self::with_image(image, 1)
    }

    /// The offsets of all bytes in sectors that are not all zero.
    pub(crate) fn used(&self) -> Vec<usize> {
        let state = self.0.0.lock();
        let is_used = |page: &usize| state.cached[page * SECTOR..][..SECTOR].iter().any(|byte| *byte != 0);
        (0..state.cached.len() / SECTOR).filter(is_used).flat_map(|page| page * SECTOR..(page + 1) * SECTOR).collect()
    }

    /// The contents with one random bit flipped in a page that is not all zero.
    pub(crate) fn with_flipped_bit(&self, seed: u64) -> Vec<u8> {
        let (mut image, mut chance) = (self.0.0.lock().cached.clone(), Chance::new(seed + 1));
        let used: Vec<_> = (0..image.len() / BLOCK as usize)
            .filter(|page| image[page * BLOCK as usize..][..BLOCK as usize].iter().any(|byte| *byte != 0))
            .collect();
        let page = used[chance.below(used.len() as u64) as usize];
        let place = page * BLOCK as usize + chance.below(BLOCK) as usize;
        image[place] ^= 1 << chance.below(8);
        image
    }

    /// Carries out one write (`op`), or one sync if that is `None`, and lets the fault strike.
    fn step(&self, op: Option<Op>) -> io::Result<()> {
        let (state, released) = &*self.0;
        let mut state = state.lock();
        state.steps += 1;
        let needs_blocks = op.as_ref().is_some_and(|op| state.needs_blocks(op));
        let fault = state.fault;
        match fault {
            Some(Fault::Frozen) if state.befalls() => {
                // Waiting releases the lock, so reads go on while writes and syncs hang.
                while state.fault == Some(Fault::Frozen) {
                    released.wait(&mut state);
                }
            }
            Some(Fault::Broken) if state.befalls() => {
                match op {
                    Some(op) => state.half_write(op),
                    None => state.lose_some(),
                }
                return Err(io::Error::from_raw_os_error(5));
            }
            Some(Fault::Full) if needs_blocks && state.befalls() => return Err(io::Error::from_raw_os_error(28)),
            Some(Fault::FullForAll) if op.is_some() && state.befalls() => return Err(io::Error::from_raw_os_error(28)),
            _ => {}
        }
        match op {
            Some(op) => state.write(op),
            None => {
                let unsynced = std::mem::take(&mut state.unsynced);
                unsynced.iter().for_each(|op| op.apply(&mut state.durable));
            }
        }
        Ok(())
    }
}

impl State {
    fn befalls(&mut self) -> bool {
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        self.struck += 1;
        if let Some(left) = &mut self.failures_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.fault = None;
            }
        }
        true
    }

    fn write(&mut self, op: Op) {
        self.blocks.extend(self.blocks_of(&op));
        op.apply(&mut self.cached);
        self.unsynced.push(op);
    }

    fn needs_blocks(&self, op: &Op) -> bool {
        self.blocks_of(op).any(|block| !self.blocks.contains(&block))
    }

    /// The blocks that the operation needs. A longer file takes its new blocks at once.
    fn blocks_of(&self, op: &Op) -> std::ops::RangeInclusive<u64> {
        match op {
            Op::Length(length) => self.cached.len() as u64 / BLOCK..=length.saturating_sub(1) / BLOCK,
            Op::Write(offset, data) => offset / BLOCK..=(offset + data.len() as u64 - 1) / BLOCK,
        }
    }

    /// A failed write may have written nothing or any part.
    fn half_write(&mut self, op: Op) {
        if let (Op::Write(offset, data), 0) = (op, self.chance.below(2)) {
            let half = data[..data.len() / 2].to_vec();
            if !half.is_empty() {
                self.write(Op::Write(offset, half));
            }
        }
    }

    /// A failed sync makes some of the writes durable. Later syncs do not write the rest, because the cache
    /// holds it as clean.
    fn lose_some(&mut self) {
        for op in std::mem::take(&mut self.unsynced) {
            op.apply_some(&mut self.durable, &mut self.chance);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.0.lock().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.0.lock();
        if state.fault == Some(Fault::Unreadable) && state.befalls() {
            return Err(io::Error::from_raw_os_error(5));
        }
        let range = offset as usize..offset as usize + out.len();
        if state.unreadable.as_ref().is_some_and(|bad| bad.start < range.end && range.start < bad.end) {
            state.unreadable_reads += 1;
            return Err(io::Error::from_raw_os_error(5));
        }
        let data = state.cached.get(range).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(data);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.step(Some(Op::Length(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.step(Some(Op::Write(offset, data.to_vec())))
    }
}
