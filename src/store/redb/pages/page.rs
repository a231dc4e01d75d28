//! The inside of a page: the rows of a leaf, or the children of a branch.

use std::ops::Range;

use super::{PageNumber, checksum};

/// The first byte of a leaf and of a branch.
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// Bytes of an offset within a page.
const OFFSET: usize = 4;

/// Bytes of the keys and values of a table; `None` if they vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redb) struct Widths {
    pub(in crate::store::redb) key: Option<usize>,
    pub(in crate::store::redb) value: Option<usize>,
}

impl Widths {
    /// Of a table whose keys and values both vary.
    pub(in crate::store::redb) const VARIABLE: Self = Self { key: None, value: None };
}

/// A parsed page.
pub(super) enum Parsed {
    /// Where each row has its key and its value.
    Leaf(Vec<(Range<usize>, Range<usize>)>),
    /// The children, each with the checksum that it must have.
    Branch(Vec<(PageNumber, u128)>),
}

fn number(page: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(*page.get(at..)?.first_chunk()?) as usize)
}

fn count(page: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(*page.get(2..)?.first_chunk()?)))
}

/// The ends of `count` things that begin at `begin`: each of the same width, or by the offsets stored at `table`.
/// Stops at the first that lies before its beginning or outside the page.
fn ends(page: &[u8], begin: usize, width: Option<usize>, table: usize, count: usize) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::with_capacity(count.min(page.len())), begin);
    for n in 0..count {
        let end = match width {
            Some(width) => from.checked_add(width),
            None => number(page, table + OFFSET * n),
        };
        let Some(end) = end.filter(|end| *end >= from && *end <= page.len()) else { break };
        found.push(from..end);
        from = end;
    }
    found
}

/// Where the rows of a leaf begin: the offsets of its values, and its first key.
fn leaf_sections(count: usize, widths: Widths) -> (usize, usize) {
    let values_at = 4 + if widths.key.is_none() { OFFSET * count } else { 0 };
    (values_at, values_at + if widths.value.is_none() { OFFSET * count } else { 0 })
}

fn parse_leaf(page: &[u8], widths: Widths) -> Vec<(Range<usize>, Range<usize>)> {
    let Some(count) = count(page).filter(|count| *count > 0) else { return Vec::new() };
    let (values_at, begin) = leaf_sections(count, widths);
    let keys = ends(page, begin, widths.key, 4, count);
    // The values follow the last key, wherever that ends.
    let Some(last_key) = keys.get(count - 1) else { return Vec::new() };
    let values = ends(page, last_key.end, widths.value, values_at, count);
    keys.into_iter().zip(values).collect()
}

fn parse_branch(page: &[u8]) -> Vec<(PageNumber, u128)> {
    let children = count(page).map_or(0, |keys| keys + 1);
    let child = |n: usize| {
        let checksum = u128::from_le_bytes(*page.get(8 + 16 * n..)?.first_chunk()?);
        let page_number = u64::from_le_bytes(*page.get(8 + 16 * children + 8 * n..)?.first_chunk()?);
        Some((PageNumber(page_number), checksum))
    };
    (0..children).map_while(child).collect()
}

/// Parses a page as far as it goes; `None` if its first byte is that of no page.
pub(super) fn parse(page: &[u8], widths: Widths) -> Option<Parsed> {
    match *page.first()? {
        LEAF => Some(Parsed::Leaf(parse_leaf(page, widths))),
        BRANCH => Some(Parsed::Branch(parse_branch(page))),
        _ => None,
    }
}

/// Whether the page is consistent and has this checksum. Bytes that it does not use are not covered by it.
pub(super) fn is_right(page: &[u8], widths: Widths, expected: u128) -> bool {
    let used = match page.first() {
        Some(&LEAF) => used_of_leaf(page, widths),
        Some(&BRANCH) => used_of_branch(page, widths.key),
        _ => None,
    };
    used.and_then(|used| page.get(..used)).is_some_and(|used| checksum(used) == expected)
}

/// The used bytes of a leaf, without looking at each row: for the checksum this is enough.
fn used_of_leaf(page: &[u8], widths: Widths) -> Option<usize> {
    let count = count(page).filter(|count| *count > 0)?;
    let (values_at, begin) = leaf_sections(count, widths);
    if widths.value.is_none() {
        return number(page, values_at + OFFSET * (count - 1));
    }
    let last_key = match widths.key {
        Some(width) => begin.checked_add(width.checked_mul(count)?)?,
        None => number(page, OFFSET * count)?,
    };
    last_key.checked_add(widths.value?.checked_mul(count)?)
}

fn used_of_branch(page: &[u8], key_width: Option<usize>) -> Option<usize> {
    let keys = count(page).filter(|keys| *keys > 0)?;
    let table = 8 + 24 * (keys + 1);
    match key_width {
        Some(width) => table.checked_add(width.checked_mul(keys)?),
        None => number(page, table + OFFSET * (keys - 1)),
    }
}
