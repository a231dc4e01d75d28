//! Reads the rows of one tree in the order of their keys.

use std::collections::HashSet;

use super::page::{self, Parsed};
use super::{DamagedPage, Fault, PageFile, PageNumber, Root, Widths};

/// The deepest tree. No real one comes near it.
const DEEPEST: usize = 32;
/// How many damaged pages of a tree are listed, and how much memory its suspects take, in bytes. A file can be made so
/// that it has a great many of both.
const MOST_DAMAGED: usize = 100_000;
const MOST_SUSPECTED: usize = 256 * 1024 * 1024;
/// Bytes of memory that a suspect takes beside its key and its value.
const SUSPECT: usize = 96;

/// A row that a commit has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::redb) struct Row {
    pub(in crate::store::redb) key: Vec<u8>,
    pub(in crate::store::redb) value: Vec<u8>,
    /// Whether the file has it otherwise, because of the flipped bit that was corrected.
    pub(in crate::store::redb) is_corrected: bool,
}

/// A row of a damaged page. It may be damaged, or of another commit than the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::redb) struct Suspect {
    pub(in crate::store::redb) key: Vec<u8>,
    pub(in crate::store::redb) value: Vec<u8>,
}

/// The children of a branch that are still to be read.
struct Level {
    children: std::vec::IntoIter<(PageNumber, u128)>,
    /// Whether the branch was right. The children of a wrong one are of any commit, even if they are right.
    is_sound: bool,
}

/// Reads one tree. Rows come in the order of their keys; suspects and damaged pages are collected.
pub(in crate::store::redb) struct Cursor<'f> {
    file: &'f PageFile,
    table: String,
    widths: Widths,
    levels: Vec<Level>,
    rows: std::vec::IntoIter<Row>,
    /// Pages that were read. Each is in a tree once: to meet one again is a circle, or a tree without an end.
    seen: HashSet<u64>,
    /// Pages that were read below a damaged branch. They don't count as read where the tree is sound.
    seen_below_damage: HashSet<u64>,
    /// Bytes of memory that the suspects took so far.
    suspected: usize,
    /// Rows of damaged pages, as far as the pages were read.
    pub(in crate::store::redb) suspects: Vec<Suspect>,
    /// Damaged pages, as far as they were read.
    pub(in crate::store::redb) damaged: Vec<DamagedPage>,
}

impl<'f> Cursor<'f> {
    /// A cursor before the first row. `table` names the tree.
    pub(in crate::store::redb) fn new(file: &'f PageFile, table: &str, root: Option<Root>, widths: Widths) -> Self {
        Self::below(file, table, (root, true), widths)
    }

    /// A cursor over a tree of which only a damaged page tells the root, unless `is_sound`: it gives suspects only.
    pub(in crate::store::redb) fn below(
        file: &'f PageFile,
        table: &str,
        (root, is_sound): (Option<Root>, bool),
        widths: Widths,
    ) -> Self {
        let root: Vec<_> = root.map(|root| (root.page, root.checksum)).into_iter().collect();
        Self {
            file,
            table: table.to_owned(),
            widths,
            levels: vec![Level { children: root.into_iter(), is_sound }],
            rows: Vec::new().into_iter(),
            seen: HashSet::new(),
            seen_below_damage: HashSet::new(),
            suspected: 0,
            suspects: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// Reads the next page; false if none is left.
    fn read_page(&mut self) -> bool {
        let Some(level) = self.levels.last_mut() else { return false };
        let (Some((number, checksum)), is_sound) = (level.children.next(), level.is_sound) else {
            self.levels.pop();
            return true;
        };
        let Some((offset, length)) = number.place() else {
            self.note((0, 0), Fault::Lost);
            return true;
        };
        let is_new = if is_sound {
            self.seen.insert(offset)
        } else {
            !self.seen.contains(&offset) && self.seen_below_damage.insert(offset)
        };
        if !is_new {
            return true;
        }
        let Some(bytes) = self.file.bytes(offset, length) else {
            self.note((offset, length), Fault::Lost);
            return true;
        };
        if page::is_right(&bytes, self.widths, checksum) {
            self.take(&bytes, None, is_sound);
        } else if is_sound && let Some(corrected) = self.file.correct((offset, checksum), &bytes, self.widths) {
            self.take(&corrected, Some(&bytes), true);
            self.note((offset, length), Fault::Bit);
        } else {
            // Below a damaged branch even the page's position may be wrong.
            if is_sound {
                self.take(&bytes, None, false);
            }
            self.note((offset, length), Fault::Lost);
        }
        true
    }

    /// Takes the rows of a leaf, or goes down into a branch. `raw` is the page before it was corrected.
    fn take(&mut self, bytes: &[u8], raw: Option<&[u8]>, is_sound: bool) {
        match page::parse(bytes, self.widths) {
            Some(Parsed::Branch(children)) if self.levels.len() < DEEPEST => {
                self.levels.push(Level { children: children.into_iter(), is_sound });
            }
            Some(Parsed::Leaf(rows)) if is_sound => {
                let known = raw.map(|raw| rows_of(raw, self.widths));
                let row = |(key, value): (&[u8], &[u8])| {
                    let is_corrected = known.as_ref().is_some_and(|known| !known.contains(&(key, value)));
                    Row { key: key.to_vec(), value: value.to_vec(), is_corrected }
                };
                let rows: Vec<_> = rows.into_iter().map(|(key, value)| row((&bytes[key], &bytes[value]))).collect();
                self.rows = rows.into_iter();
            }
            Some(Parsed::Leaf(rows)) => {
                for (key, value) in rows {
                    self.suspected = self.suspected.saturating_add(key.len() + value.len() + SUSPECT);
                    if self.suspected > MOST_SUSPECTED {
                        break;
                    }
                    self.suspects.push(Suspect { key: bytes[key].to_vec(), value: bytes[value].to_vec() });
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, (offset, length): (u64, usize), fault: Fault) {
        if self.damaged.len() < MOST_DAMAGED {
            self.damaged.push(DamagedPage { offset, table: self.table.clone(), fault, length });
        }
    }
}

fn rows_of(bytes: &[u8], widths: Widths) -> HashSet<(&[u8], &[u8])> {
    match page::parse(bytes, widths) {
        Some(Parsed::Leaf(rows)) => rows.into_iter().map(|(key, value)| (&bytes[key], &bytes[value])).collect(),
        _ => HashSet::new(),
    }
}

impl Iterator for Cursor<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(row);
            }
            if !self.read_page() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ::redb::StorageBackend;
    use ::redb::backends::InMemoryBackend;

    use super::super::{PAGE, checksum};
    use super::*;

    /// A file of these pages. The first page of the file is not one of them.
    fn file(pages: &[Vec<u8>]) -> PageFile {
        let storage = InMemoryBackend::new();
        storage.set_len(PAGE * (pages.len() as u64 + 1)).expect("in memory");
        for (n, page) in pages.iter().enumerate() {
            storage.write(PAGE * (n as u64 + 1), page).expect("in memory");
        }
        PageFile::over(Box::new(storage)).expect("in memory")
    }

    /// A branch with `children` children, all of them the page `child`. Its keys have one byte.
    fn branch(children: usize, child: u64, right: u128) -> Vec<u8> {
        let mut page = vec![2, 0];
        page.extend_from_slice(&(children as u16 - 1).to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        (0..children).for_each(|_| page.extend_from_slice(&right.to_le_bytes()));
        (0..children).for_each(|_| page.extend_from_slice(&child.to_le_bytes()));
        (1..children).for_each(|_| page.push(7));
        page
    }

    /// A leaf with `rows` rows, whose keys have `key` bytes and whose values have none.
    fn leaf(rows: u16, key: usize) -> Vec<u8> {
        let mut page = vec![1, 0];
        page.extend_from_slice(&rows.to_le_bytes());
        page.resize(4 + usize::from(rows) * key, 7);
        page
    }

    const SET: Widths = Widths { key: Some(1), value: Some(0) };

    #[test]
    fn a_crafted_tree_whose_branches_share_their_children_has_an_end() {
        let mut pages = vec![leaf(10, 1)];
        for depth in 0..28 {
            let below = &pages[pages.len() - 1];
            pages.push(branch(2, depth, checksum(below)));
        }
        let root = |page: &[u8]| Root { page: PageNumber(28), checksum: checksum(page), rows: 0 };
        for is_sound in [true, false] {
            let file = file(&pages);
            let mut cursor = Cursor::below(&file, "sessions", (Some(root(&pages[28])), is_sound), SET);
            let rows = cursor.by_ref().count();
            // Without an end it would be read 2^28 times.
            assert_eq!(if is_sound { rows } else { cursor.suspects.len() }, 10);
        }
    }

    #[test]
    fn damaged_pages_and_their_rows_take_a_bounded_amount_of_memory() {
        let file = file(&[]);
        let mut cursor = Cursor::new(&file, "sessions", None, SET);
        for n in 0..MOST_DAMAGED as u64 + 10 {
            cursor.note((n * PAGE, 4096), Fault::Lost);
        }
        assert_eq!(cursor.damaged.len(), MOST_DAMAGED);
        let page = leaf(4_000, 1);
        let rounds = MOST_SUSPECTED / (4_000 * (SUSPECT + 1)) + 2;
        let mut taken = 0;
        for _ in 0..rounds {
            Cursor::take(&mut cursor, &page, None, false);
            taken += cursor.suspects.len();
            cursor.suspects.clear();
        }
        assert!(taken * (SUSPECT + 1) <= MOST_SUSPECTED && taken > 4_000, "{taken}");
    }
}
