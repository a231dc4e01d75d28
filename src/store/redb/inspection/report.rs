//! What the inspection of a whole file found.

use std::collections::HashSet;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::super::new_file::TABLES;
use super::super::pages::{DamagedPage, Fault};
use super::{Games, InspectedFile, Remarks, StoredGame, StoredQuestions, Table, WholeGame};
use crate::domain::{JoinCode, SessionId, WallTime};
use crate::store::format;

/// What a backup says about itself: a row in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMark {
    /// When the backup began. Everything that was acknowledged before is in it.
    pub taken_at: WallTime,
    /// The release that wrote it.
    pub version: String,
    /// The number of games in it, ended ones included.
    pub games: u64,
    /// How often the file had been opened. If that is another number now, a server has used the file since.
    pub(in crate::store::redb) generation: u64,
    /// BLAKE3 over all rows.
    pub(in crate::store::redb) checksum: [u8; 32],
}

/// A game that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedGame {
    /// The short hash of its id, which the log uses too.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

/// A damaged page of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDamage {
    /// Its position in the file, in bytes.
    pub offset: u64,
    /// The table that it belongs to.
    pub table: String,
    /// Whether one flipped bit explains it, which a repair corrects.
    pub is_one_bit: bool,
}

/// What the inspection of a file found.
#[derive(Debug, Default)]
pub struct FileReport {
    /// The length of the file in bytes.
    pub length: u64,
    /// Games that can be read, ended ones included.
    pub whole: u64,
    /// Their events.
    pub events: u64,
    /// Games that can be read only because a flipped bit was corrected, by the short hash of their id. A server
    /// can't read them.
    pub corrected: Vec<String>,
    /// Games that can't be read.
    pub damaged: Vec<DamagedGame>,
    /// Damaged pages.
    pub pages: Vec<PageDamage>,
    /// What else is wrong.
    pub remarks: Remarks,
    /// The join codes of whole games.
    pub(in crate::store::redb) codes: HashSet<(JoinCode, SessionId)>,
    /// What the file says about itself, if it is a backup that no server has used since.
    pub mark: Option<BackupMark>,
}

impl FileReport {
    /// Whether nothing is damaged or missing.
    pub fn is_whole(&self) -> bool {
        self.corrected.is_empty() && self.pages.is_empty() && self.remarks.harmless.is_empty() && !self.has_losses()
    }

    /// Whether something is lost, or may be, that a repair can't bring back.
    pub fn has_losses(&self) -> bool {
        let is_of_games = |page: &PageDamage| !page.is_one_bit && page.table == Table::Sessions.name();
        !self.damaged.is_empty() || !self.remarks.losses.is_empty() || self.pages.iter().any(is_of_games)
    }

    /// Inspects a whole file.
    pub(in crate::store::redb) fn of(file: &InspectedFile, mut at_game: impl FnMut()) -> Self {
        let mut report = Self { length: file.length(), remarks: file.remarks.clone(), ..Self::default() };
        let questions = StoredQuestions::read(file, |_, _| Ok::<_, Infallible>(()));
        let questions = questions.unwrap_or_else(|never| match never {});
        let mut games = Games::of(file);
        for game in games.by_ref() {
            report.add(game, &questions);
            at_game();
        }
        report.add_pages(games.into_damaged());
        report.finish(file, &questions);
        report
    }

    fn add(&mut self, game: StoredGame, questions: &StoredQuestions) {
        match game.into_whole(questions) {
            Ok(game) => self.note_whole(&game),
            Err(broken) => self.note_damaged(&broken.rows, broken.why),
        }
    }

    pub(in crate::store::redb) fn note_whole(&mut self, game: &WholeGame) {
        let WholeGame { id, stored, rows, .. } = game;
        self.whole += 1;
        self.events += rows.events.len() as u64;
        self.corrected.extend(rows.is_corrected.then(|| rows.name()));
        self.codes.extend(stored.state.join_code.clone().map(|code| (code, id.clone())));
    }

    pub(in crate::store::redb) fn note_damaged(&mut self, game: &StoredGame, why: String) {
        self.damaged.push(DamagedGame { name: game.name(), why });
    }

    pub(in crate::store::redb) fn add_pages(&mut self, pages: impl IntoIterator<Item = DamagedPage>) {
        self.pages.extend(pages.into_iter().map(|page| PageDamage {
            offset: page.offset,
            table: page.table,
            is_one_bit: page.fault == Fault::Bit,
        }));
    }

    /// Adds what is not found game by game.
    pub(in crate::store::redb) fn finish(&mut self, file: &InspectedFile, questions: &StoredQuestions) {
        self.add_pages(questions.damaged.iter().cloned());
        if questions.wrong > 0 {
            self.remarks.harmless.push(format!("{} rows of questions are damaged", questions.wrong));
        }
        let (codes, damaged) = file.join_codes();
        self.add_pages(damaged);
        let astray = codes.into_iter().filter(|code| !self.codes.contains(code)).count();
        if astray > 0 {
            self.remarks.harmless.push(format!("{astray} join codes lead to games that do not have them"));
        }
        self.add_pages(file.other_damage());
        self.mark = file.mark();
        if let Some(mark) = &self.mark {
            let content = Content::of(file, || {});
            if !content.is_what(mark) {
                let (games, found) = (mark.games, content.games);
                self.remarks
                    .losses
                    .push(format!("it is a backup of {games} games, but it holds {found} or other ones"));
            }
        }
    }
}

/// The content of a file, as the mark of a backup has it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store::redb) struct Content {
    pub(in crate::store::redb) games: u64,
    pub(in crate::store::redb) checksum: [u8; 32],
    /// Whether no page was damaged.
    pub(in crate::store::redb) is_sound: bool,
}

impl Content {
    /// Whether it is what the backup says about itself.
    pub(super) fn is_what(&self, mark: &BackupMark) -> bool {
        (mark.checksum, mark.games) == (self.checksum, self.games)
    }

    /// Reads all rows. Calls `at_row` after each.
    pub(in crate::store::redb) fn of(file: &InspectedFile, mut at_row: impl FnMut()) -> Self {
        let (mut hasher, mut games, mut is_sound) = (blake3::Hasher::new(), 0, true);
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for table in TABLES {
            add(table.as_bytes());
            let mut rows = file.named_table(table);
            for row in rows.by_ref() {
                add(&row.key);
                add(&row.value);
                games += u64::from(table == Table::Sessions.name());
                at_row();
            }
            is_sound &= rows.damaged.is_empty();
        }
        Self { games, checksum: *hasher.finalize().as_bytes(), is_sound }
    }
}

impl InspectedFile {
    /// What the file says about itself as a backup. `None` if it is none, or if a server has used it since.
    pub(in crate::store::redb) fn mark(&self) -> Option<BackupMark> {
        let row = self.table(Table::Backup).next()?;
        let mark: BackupMark = format::decode(&row.value, || "the mark of a backup".to_owned()).ok()?;
        self.meta.is_some_and(|meta| meta.generation == mark.generation).then_some(mark)
    }
}
