//! The tables of a file, found without redb.

use std::collections::BTreeMap;

use super::super::meta::Meta;
use super::super::pages::{Cursor, DamagedPage, Fault, Header, PageFile, Root, Widths};
use crate::store::error::StoreResult;

/// A table of the store. The names are those at the top of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::redb) enum Table {
    Sessions,
    Quizzes,
    Questions,
    Events,
    Joins,
    Meta,
    Backup,
}

impl Table {
    pub(in crate::store::redb) fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Quizzes => "quizzes",
            Self::Questions => "questions",
            Self::Events => "events",
            Self::Joins => "joins",
            Self::Meta => "meta",
            Self::Backup => "backup",
        }
    }
}

/// The tables that are read while games are read. All others are only checked for damage.
pub(super) const READ_WITH_GAMES: [Table; 6] =
    [Table::Sessions, Table::Quizzes, Table::Questions, Table::Events, Table::Joins, Table::Backup];

/// Where a table is: its tree, and the widths of its keys and values.
#[derive(Debug, Clone, Copy)]
struct Place {
    root: Option<Root>,
    widths: Widths,
    /// Whether a sound page says so.
    is_sound: bool,
}

/// Decodes the definition of a table: kind, length, root, widths. Its alignments and type names are not needed.
fn decode(definition: &[u8]) -> Option<Place> {
    const NORMAL: u8 = 3;
    let root = |place: usize| match *definition.get(place)? {
        0 => Some(None),
        _ => Root::decode(definition.get(place + 1..)?).map(Some),
    };
    let width = |place: usize| match *definition.get(place)? {
        0 => Some(None),
        _ => Some(Some(u32::from_le_bytes(*definition.get(place + 1..)?.first_chunk()?) as usize)),
    };
    let (root, key, value) = (root(9)?, width(42)?, width(47)?);
    // Keys of no bytes would be rows without end.
    let is_table = *definition.first()? == NORMAL && key != Some(0);
    is_table.then_some(Place { root, widths: Widths { key, value }, is_sound: true })
}

/// The tables of a file by name.
#[derive(Clone)]
pub(in crate::store::redb) struct TableList {
    places: BTreeMap<String, Place>,
    damaged: Vec<DamagedPage>,
}

impl TableList {
    /// Reads the definitions of all tables.
    pub(in crate::store::redb) fn read(pages: &PageFile, header: &Header) -> Self {
        Self::of_tree(pages, "the list of tables", header.user)
    }

    /// The list of the newest commit. If the first page names an older one, the newer counts if all of it is there: a
    /// commit that was under way is not.
    pub(super) fn newest(pages: &PageFile, header: &mut Header) -> Self {
        let named = Self::read(pages, header);
        let Some([user, system]) = header.newer.take() else { return named };
        let newer = Header { user, system, newer: None, faults: Vec::new(), losses: Vec::new() };
        let list = Self::read(pages, &newer);
        let of_games = READ_WITH_GAMES.iter().flat_map(|table| {
            let mut rows = list.cursor(pages, table.name());
            rows.by_ref().for_each(drop);
            rows.damaged
        });
        if of_games.count() > 0 || !list.damage_of_others(pages, &newer).is_empty() {
            return named;
        }
        header.faults.push("it names an older commit as the newest");
        (header.user, header.system) = (user, system);
        list
    }

    fn of_tree(pages: &PageFile, name: &str, root: Option<Root>) -> Self {
        let mut list = Cursor::new(pages, name, root, Widths::VARIABLE);
        let sound: Vec<_> = list.by_ref().map(|row| (row.key, row.value, true)).collect();
        let suspects = std::mem::take(&mut list.suspects).into_iter().map(|row| (row.key, row.value, false));
        let mut places = BTreeMap::new();
        for (key, definition, is_sound) in suspects.chain(sound) {
            let name = String::from_utf8_lossy(&key).into_owned();
            places.extend(decode(&definition).map(|place| (name, Place { is_sound, ..place })));
        }
        Self { places, damaged: list.damaged }
    }

    /// Whether there are tables, and none of them is one of ours.
    pub(super) fn is_foreign(&self) -> bool {
        !self.places.is_empty() && !READ_WITH_GAMES.iter().any(|table| self.places.contains_key(table.name()))
    }

    /// Whether the list is so damaged that some tables of games are not in it.
    pub(super) fn misses_games(&self) -> bool {
        let needed = [Table::Sessions, Table::Quizzes, Table::Questions, Table::Events];
        let is_lost = self.damaged.iter().any(|page| page.fault == Fault::Lost);
        is_lost && !needed.iter().all(|table| self.places.contains_key(table.name()))
    }

    /// Whether only damaged pages say where some tables are. Each such tree is right in itself, or not read, but may
    /// be that of an older commit.
    pub(super) fn is_suspect(&self) -> bool {
        self.places.values().any(|place| !place.is_sound)
    }

    /// Believes what the damaged pages say, because something else proves it.
    pub(super) fn believe(&mut self) {
        self.places.values_mut().for_each(|place| place.is_sound = true);
    }

    /// A cursor over a table. It has no rows if there is no such table.
    pub(super) fn cursor<'f>(&self, pages: &'f PageFile, table: &str) -> Cursor<'f> {
        match self.places.get(table) {
            Some(place) => Cursor::below(pages, table, (place.root, place.is_sound), place.widths),
            None => Cursor::new(pages, table, None, Widths::VARIABLE),
        }
    }

    /// The file's metadata as its tables have it.
    pub(super) fn meta(&self, pages: &PageFile) -> StoreResult<Meta> {
        let mut rows = self.cursor(pages, Table::Meta.name());
        let number = |value: Vec<u8>| value.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let mut numbers: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
        numbers.extend(rows.by_ref().filter_map(|row| Some((row.key, number(row.value)?))));
        let suspects = std::mem::take(&mut rows.suspects);
        let is_suspect = !suspects.is_empty() || rows.damaged.iter().any(|page| page.fault == Fault::Lost);
        numbers.extend(suspects.into_iter().filter_map(|row| Some((row.key, number(row.value)?))));
        let stored = |name: &str| Ok(numbers.get(name.as_bytes()).copied());
        // A damaged page may still have all numbers, which their checksum proves. They may be those of an older
        // commit: what the log and the note know shows that.
        if is_suspect { Meta::from_checked_numbers(stored) } else { Meta::from_numbers(stored) }
    }

    /// The damaged pages of everything that is not read with the games.
    pub(super) fn damage_of_others(&self, pages: &PageFile, header: &Header) -> Vec<DamagedPage> {
        let mut damaged = self.damaged.clone();
        let others = self.places.iter().filter(|(name, _)| !READ_WITH_GAMES.iter().any(|table| table.name() == *name));
        let own = Self::of_tree(pages, "redb's own tables", header.system);
        damaged.extend(own.damaged.iter().cloned());
        for (name, place) in others.chain(&own.places) {
            let mut rows = Cursor::below(pages, name, (place.root, place.is_sound), place.widths);
            rows.by_ref().for_each(drop);
            damaged.extend(rows.damaged);
        }
        damaged
    }
}
