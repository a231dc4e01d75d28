//! Brings together the rows of each session, in the order of their ids.

use std::collections::BTreeSet;

use super::super::overlay::OverlayView;
use super::super::pages::{DamagedPage, Row};
use super::feed::{Feed, event_id, event_sequence, whole_key};
use super::{InspectedFile, Table};
use crate::domain::{Sequence, SessionId};

/// Everything that a file has of one session.
#[derive(Default)]
pub(in crate::store::redb) struct StoredGame {
    pub(in crate::store::redb) id: Vec<u8>,
    /// The record of the session; `None` if there is none that can be trusted.
    pub(in crate::store::redb) session: Option<Vec<u8>>,
    /// The record of its quiz; `None` if there is none.
    pub(in crate::store::redb) quiz: Option<Vec<u8>>,
    /// Its events: sequence and record.
    pub(in crate::store::redb) events: Vec<(u64, Vec<u8>)>,
    /// Whether a flipped bit was corrected in one of its rows.
    pub(in crate::store::redb) is_corrected: bool,
    /// Its rows on damaged pages: table, key and value.
    pub(in crate::store::redb) suspects: Vec<(Table, Vec<u8>, Vec<u8>)>,
}

impl StoredGame {
    fn note(&mut self, row: &Option<Row>) {
        self.is_corrected |= row.as_ref().is_some_and(|row| row.is_corrected);
    }
}

/// The sessions of a file with all their rows.
pub(in crate::store::redb) struct Games<'f> {
    view: &'f OverlayView,
    sessions: Feed<'f>,
    quizzes: Feed<'f>,
    events: Feed<'f>,
    /// Ids that the log knows and that were not met yet.
    logged: BTreeSet<Vec<u8>>,
}

impl<'f> Games<'f> {
    pub(in crate::store::redb) fn of(file: &'f InspectedFile) -> Self {
        let layer = &file.view.upper;
        let ids = layer.sessions.keys().chain(layer.quizzes.keys()).chain(layer.events.keys().map(|(id, _)| id));
        Self {
            view: &file.view,
            sessions: Feed::new(file.table(Table::Sessions), whole_key),
            quizzes: Feed::new(file.table(Table::Quizzes), whole_key),
            events: Feed::new(file.table(Table::Events), event_id),
            logged: ids.map(|id| id.as_bytes().to_vec()).collect(),
        }
    }

    /// The damaged pages that were met.
    pub(in crate::store::redb) fn into_damaged(self) -> Vec<DamagedPage> {
        [self.sessions, self.quizzes, self.events].into_iter().flat_map(Feed::into_damaged).collect()
    }

    fn game(&mut self, id: Vec<u8>) -> StoredGame {
        let mut game = StoredGame { id: id.clone(), ..StoredGame::default() };
        let (session, quiz) = (self.sessions.take(&id), self.quizzes.take(&id));
        game.note(&session);
        game.note(&quiz);
        (game.session, game.quiz) = (session.map(|row| row.value), quiz.map(|row| row.value));
        while let Some(row) = self.events.take(&id) {
            game.is_corrected |= row.is_corrected;
            game.events.extend(event_sequence(&row.key).map(|sequence| (sequence, row.value)));
        }
        game.suspects = self.suspects(&id);
        game
    }

    /// Takes the rows of a session that damaged pages have.
    fn suspects(&mut self, id: &[u8]) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let feeds = [
            (Table::Sessions, &mut self.sessions),
            (Table::Quizzes, &mut self.quizzes),
            (Table::Events, &mut self.events),
        ];
        let rows = |(table, feed): (Table, &mut Feed<'_>)| {
            feed.take_suspects(id).into_iter().map(move |(key, value)| (table, key, value))
        };
        feeds.into_iter().flat_map(rows).collect()
    }

    /// Puts the rows of the log over those of the tables. `None` if the log has removed the session.
    fn over(&self, mut game: StoredGame) -> Option<StoredGame> {
        let Some(id) = SessionId::from_bytes(&game.id) else { return Some(game) };
        match self.view.session(&id) {
            Some(Some(row)) => game.session = row.record().ok(),
            Some(None) => return None,
            None => {}
        }
        if let Some(quiz) = self.view.quiz(&id) {
            game.quiz = quiz.map(|record| record.to_vec());
        }
        let (newest, kept) = self.view.events(&id, Sequence(0));
        let end = newest.first().map_or(u64::MAX, |row| row.event.sequence.0 - 1);
        game.events.retain(|(sequence, _)| (kept.0..=end).contains(sequence));
        game.events.extend(newest.into_iter().map(|row| (row.event.sequence.0, row.record.clone())));
        Some(game)
    }

    /// Rows of damaged pages whose session was not met.
    fn one_left(&mut self) -> Option<StoredGame> {
        let id = [&self.sessions, &self.quizzes, &self.events].into_iter().find_map(Feed::id_left)?.to_vec();
        let suspects = self.suspects(&id);
        Some(StoredGame { id, suspects, ..StoredGame::default() })
    }
}

impl Iterator for Games<'_> {
    type Item = StoredGame;

    fn next(&mut self) -> Option<StoredGame> {
        loop {
            let tables = [self.sessions.next_id(), self.quizzes.next_id(), self.events.next_id()];
            let logged = self.logged.first().map(|id| &**id);
            let Some(id) = tables.into_iter().flatten().chain(logged).min().map(<[u8]>::to_vec) else {
                return self.one_left();
            };
            self.logged.remove(&id);
            let game = self.game(id);
            if let Some(game) = self.over(game) {
                return Some(game);
            }
        }
    }
}
