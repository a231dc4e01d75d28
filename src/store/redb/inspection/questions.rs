//! The questions of a file, each proved by its name.

use std::collections::HashMap;

use super::super::overlay::OverlayView;
use super::super::pages::DamagedPage;
use super::super::quizzes::{self, QuestionName};
use super::super::row_changes::QuestionRow;
use super::{InspectedFile, Table};

/// What is known about the questions of a file. Their records are not kept in memory.
#[derive(Default)]
pub(in crate::store::redb) struct StoredQuestions {
    /// For each row, how many options each of its questions has.
    options: HashMap<QuestionName, Box<[u16]>>,
    pub(super) damaged: Vec<DamagedPage>,
    /// Rows that are not what their name says.
    pub(super) wrong: u64,
}

impl StoredQuestions {
    /// Reads all questions. Gives each good row to `take`.
    pub(in crate::store::redb) fn read<E>(
        file: &InspectedFile,
        mut take: impl FnMut(QuestionName, QuestionRow) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut found = Self::default();
        let mut rows = file.table(Table::Questions);
        loop {
            let row = rows.next().map(|row| (row.key, row.value));
            let suspects = std::mem::take(&mut rows.suspects);
            let is_over = row.is_none();
            for (key, value) in row.into_iter().chain(suspects.into_iter().map(|row| (row.key, row.value))) {
                let Ok(name) = QuestionName::try_from(&*key) else { continue };
                if found.options.contains_key(&name) || file.view.question(&name).is_some() {
                    continue;
                }
                match quizzes::question_row(&name, &value).ok().filter(|row| found.learn(name, row)) {
                    Some(row) => take(name, row)?,
                    None => found.wrong += 1,
                }
            }
            if is_over {
                break;
            }
        }
        found.damaged = rows.damaged;
        for (name, row) in newest(&file.view) {
            if found.learn(name, &row) {
                take(name, row)?;
            }
        }
        Ok(found)
    }

    /// Notes a row, if it is what its name says.
    fn learn(&mut self, name: QuestionName, row: &QuestionRow) -> bool {
        if !quizzes::is_named(&name, &row.record) {
            return false;
        }
        let Ok(questions) = quizzes::decode_questions(&name, &row.record) else { return false };
        let count = |question: &std::sync::Arc<crate::domain::Question>| question.options.len() as u16;
        self.options.insert(name, questions.iter().map(count).collect());
        true
    }

    /// How many options each question of a row has; `None` if there is no such row, or it can't be read.
    pub(in crate::store::redb) fn options(&self, name: &QuestionName) -> Option<&[u16]> {
        self.options.get(name).map(|options| &**options)
    }
}

fn newest(view: &OverlayView) -> impl Iterator<Item = (QuestionName, QuestionRow)> + '_ {
    view.upper.questions.iter().filter_map(|(name, row)| row.clone().map(|row| (*name, row)))
}
