//! Says of one game whether it is whole.

use super::super::quizzes::{self, QuestionName};
use super::super::{Stored, events};
use super::{StoredGame, StoredQuestions, Table};
use crate::domain::SessionId;
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;

/// A game of which everything can be read.
pub(in crate::store::redb) struct WholeGame {
    pub(in crate::store::redb) id: SessionId,
    pub(in crate::store::redb) stored: Stored,
    /// The names of its question rows.
    pub(in crate::store::redb) questions: Vec<QuestionName>,
    /// The rows that it was read from. Events that its log no longer has are left out.
    pub(in crate::store::redb) rows: StoredGame,
}

/// A game of which something can't be read.
pub(in crate::store::redb) struct BrokenGame {
    /// What there is of it.
    pub(in crate::store::redb) rows: StoredGame,
    /// What is wrong.
    pub(in crate::store::redb) why: String,
}

/// Names a session in reports: the short hash that the log uses too, because the id is a player's credential.
pub(super) fn name_of(id: &[u8]) -> String {
    match SessionId::from_bytes(id) {
        Some(id) => id.short_hash(),
        // The key is damaged: the hash of what is there.
        None => blake3::hash(id).to_hex()[..8].to_owned(),
    }
}

impl StoredGame {
    /// The name of the session in reports.
    pub(in crate::store::redb) fn name(&self) -> String {
        name_of(&self.id)
    }

    /// Checks everything of the game, or returns it with the reason why it is damaged.
    pub(in crate::store::redb) fn into_whole(
        mut self,
        questions: &StoredQuestions,
    ) -> Result<Box<WholeGame>, Box<BrokenGame>> {
        match self.check(questions) {
            Ok((id, stored, questions)) => {
                let log = stored.state.log();
                self.events.retain(|(sequence, _)| (log.oldest.0..=log.head.0).contains(sequence));
                Ok(Box::new(WholeGame { id, stored, questions, rows: self }))
            }
            Err(StoreError::Corrupt { what: why }) => Err(Box::new(BrokenGame { rows: self, why })),
            Err(error) => Err(Box::new(BrokenGame { rows: self, why: error.to_string() })),
        }
    }

    fn check(&self, questions: &StoredQuestions) -> StoreResult<(SessionId, Stored, Vec<QuestionName>)> {
        let corrupt = |what: &str| StoreError::Corrupt { what: what.to_owned() };
        let id = SessionId::from_bytes(&self.id).ok_or_else(|| corrupt("no session has such an id"))?;
        let Some(record) = &self.session else {
            let is_suspect = self.suspects.iter().any(|(table, ..)| *table == Table::Sessions);
            return Err(corrupt(if is_suspect {
                "its record is on a damaged page, or in a wrong place"
            } else {
                "its record is missing"
            }));
        };
        let stored: Stored = format::decode(record, || "its record".to_owned())?;
        let quiz = self.quiz.as_deref().ok_or_else(|| corrupt("its quiz is missing"))?;
        let names = match (stored.state.game.has_quiz(), quiz) {
            (false, []) => Vec::new(),
            _ => quizzes::check_record(quiz, || "its quiz".to_owned(), |name| questions.options(name))?,
        };
        self.check_events(&stored)?;
        Ok((id, stored, names))
    }

    fn check_events(&self, stored: &Stored) -> StoreResult<()> {
        let log = stored.state.log();
        let mut expected = log.oldest.0..=log.head.0;
        for (sequence, record) in &self.events {
            if !expected.contains(sequence) {
                continue;
            }
            let what = || format!("its event {sequence}");
            let event = events::decode(record, what)?;
            if event.sequence.0 != *sequence || expected.next() != Some(*sequence) {
                return Err(StoreError::Corrupt { what: "some of its events are missing".to_owned() });
            }
        }
        match expected.next() {
            None => Ok(()),
            Some(_) => Err(StoreError::Corrupt { what: "some of its events are missing".to_owned() }),
        }
    }
}
