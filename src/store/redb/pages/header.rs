//! The first page of the file: which commit is the newest, and where its trees begin.

use super::{PAGE, PageFile, REGION_PAGES, Root, bits, checksum};

/// The first bytes of every redb file.
const MAGIC: &[u8; 9] = b"redb\x1A\x0A\xA9\x0D\x0A";
/// The position of the flags, and their bits: which slot is the newest, and whether the file was left open.
const FLAGS: usize = 9;
const SECOND_SLOT: u8 = 1;
const LEFT_OPEN: u8 = 2;
/// Positions of numbers that describe the layout.
const PAGE_SIZE: usize = 12;
const REGION_HEADER_PAGES: usize = 16;
const REGION_DATA_PAGES: usize = 20;
const FULL_REGIONS: usize = 24;
const LAST_REGION_PAGES: usize = 28;
/// Positions of the two commit slots, and bytes of a slot.
const SLOTS: [usize; 2] = [64, 192];
const SLOT: usize = 128;
/// Positions in a slot. Its checksum covers everything before it.
const HAS_USER_ROOT: usize = 1;
const HAS_SYSTEM_ROOT: usize = 2;
const USER_ROOT: usize = 8;
const SYSTEM_ROOT: usize = 40;
const TRANSACTION: usize = 104;
const SLOT_CHECKSUM: usize = 112;
/// The version of redb's format that this reads.
const VERSION: u8 = 3;

/// What the first page says.
#[derive(Debug)]
pub(in crate::store::redb) struct Header {
    /// The tree of tables; `None` if there is none yet.
    pub(in crate::store::redb) user: Option<Root>,
    /// The tree of redb's own tables.
    pub(in crate::store::redb) system: Option<Root>,
    /// The two trees of a commit that is newer than that which the page names. It counts if all of it is there.
    pub(in crate::store::redb) newer: Option<[Option<Root>; 2]>,
    /// What is wrong with the page, and costs nothing, as sentences.
    pub(in crate::store::redb) faults: Vec<&'static str>,
    /// What is wrong, and costs the newest commit.
    pub(in crate::store::redb) losses: Vec<&'static str>,
}

/// Why the first page is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redb) enum Unusable {
    /// It is not that of a redb file.
    Foreign,
    /// It is of a newer version of redb's format.
    Newer,
    /// It is so damaged that no commit can be found.
    Damaged,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    user: Option<Root>,
    system: Option<Root>,
    transaction: u64,
    /// The version of the format.
    version: u8,
    /// Whether a bit of it was corrected.
    is_corrected: bool,
}

impl Slot {
    /// Decodes a slot; `None` if its checksum is wrong and no single bit explains that.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, stored) = bytes.split_at_checked(SLOT_CHECKSUM)?;
        let stored = u128::from_le_bytes(*stored.first_chunk()?);
        let mut content = content.to_vec();
        let is_right = checksum(&content) == stored;
        let is_corrected = !is_right
            && ((checksum(&content) ^ stored).count_ones() == 1
                || bits::correct(&mut content, |bytes| checksum(bytes) == stored));
        if !is_right && !is_corrected {
            return None;
        }
        let root = |flag: usize, place: usize| (content[flag] != 0).then(|| Root::decode(&content[place..])).flatten();
        Some(Self {
            user: root(HAS_USER_ROOT, USER_ROOT),
            system: root(HAS_SYSTEM_ROOT, SYSTEM_ROOT),
            transaction: u64::from_le_bytes(*content.get(TRANSACTION..)?.first_chunk()?),
            version: content[0],
            is_corrected,
        })
    }
}

impl Header {
    /// Reads the first page.
    pub(in crate::store::redb) fn read(file: &PageFile) -> Result<Self, Unusable> {
        let head = file.bytes(0, SLOTS[1] + SLOT).ok_or(Unusable::Foreign)?;
        let slots = SLOTS.map(|place| Slot::decode(&head[place..place + SLOT]));
        let newest = usize::from(head[FLAGS] & SECOND_SLOT != 0);
        let (mut faults, mut losses) = (Vec::new(), Vec::new());
        if head[..MAGIC.len()] != MAGIC[..] {
            if slots.iter().all(Option::is_none) {
                return Err(Unusable::Foreign);
            }
            faults.push("its first bytes are not those of a redb file");
        }
        if slots[newest].is_some_and(|slot| slot.version > VERSION) {
            return Err(Unusable::Newer);
        }
        let was_left_open = head[FLAGS] & LEFT_OPEN != 0;
        if !has_usual_layout(&head, (!was_left_open).then_some(file.length())) {
            faults.push("its layout is damaged");
        }
        let mut newer = None;
        let slot = match (slots[newest], slots[1 - newest]) {
            // While a commit is under way the other slot is newer. After a clean close it never is.
            (Some(named), Some(other)) if !was_left_open && other.transaction > named.transaction => {
                faults.push("it names an older commit as the newest");
                other
            }
            (Some(named), Some(other)) => {
                newer = (other.transaction > named.transaction).then_some([other.user, other.system]);
                named
            }
            (Some(named), None) => named,
            (None, Some(other)) => {
                losses.push("the newest commit cannot be found; the one before it is read");
                other
            }
            (None, None) => return Err(Unusable::Damaged),
        };
        if slots.iter().flatten().any(|slot| slot.is_corrected) || (slots[1 - newest].is_none() && losses.is_empty()) {
            faults.push("a record of a commit is damaged");
        }
        Ok(Self { user: slot.user, system: slot.system, newer, faults, losses })
    }
}

/// Whether pages and regions have the usual sizes, and together the length of the file. The length is not checked
/// for a file that was left open, because it may have grown since.
fn has_usual_layout(head: &[u8], length: Option<u64>) -> bool {
    let number =
        |at: usize| head.get(at..).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
    let number = |at: usize| number(at).map_or(0, u64::from);
    let pages = number(FULL_REGIONS) * REGION_PAGES + number(LAST_REGION_PAGES);
    number(PAGE_SIZE) == PAGE
        && number(REGION_HEADER_PAGES) == 0
        && number(REGION_DATA_PAGES) == REGION_PAGES
        && length.is_none_or(|length| PAGE + pages * PAGE == length)
}
