//! Writes all whole games of a file to a new file, and builds its indexes anew from them.

use std::collections::{HashMap, HashSet};

use super::inspection::{FileReport, Games, InspectedFile, StoredGame, StoredQuestions, WholeGame};
use super::new_file::NewFile;
use super::quizzes::{self, QuestionName};
use super::row_changes::QuestionRow;
use crate::domain::{JoinCode, SessionId, Timestamp};
use crate::store::backup::BackupError;

/// Takes what can't be moved to the new file, with the reason.
pub(super) type SetAside<'a> = &'a mut dyn FnMut(&StoredGame, &str) -> Result<(), BackupError>;

/// What the games of a file need besides their own rows.
struct Rewrite<'a> {
    new: &'a mut NewFile,
    /// The questions that games use, and until when they need each.
    needed: HashMap<QuestionName, Timestamp>,
    /// Who claims each join code: the game with the latest deadline, unless the table of codes names another.
    claims: HashMap<JoinCode, (Timestamp, SessionId)>,
    /// Who holds each join code by the table of codes.
    holders: HashMap<JoinCode, SessionId>,
    /// The latest game time that a game knows.
    latest: Timestamp,
}

/// Writes all whole games of `file` to `new`. Returns the report, and the latest game time that a game knows.
pub(super) fn rewrite(
    file: &InspectedFile,
    new: &mut NewFile,
    aside: SetAside<'_>,
) -> Result<(FileReport, Timestamp), BackupError> {
    let mut report = FileReport { length: file.length(), remarks: file.remarks.clone(), ..FileReport::default() };
    let questions = StoredQuestions::read(file, |_, _| Ok::<_, BackupError>(()))?;
    let (needed, claims, latest) = (HashMap::new(), HashMap::new(), Timestamp::from_millis(0));
    let mut rewrite = Rewrite { new, needed, claims, holders: file.join_codes().0, latest };
    let mut games = Games::of(file);
    for game in games.by_ref() {
        match game.into_whole(&questions) {
            Ok(game) => {
                report.note_whole(&game);
                rewrite.put(&game)?;
            }
            Err(broken) => {
                aside(&broken.rows, &broken.why)?;
                report.note_damaged(&broken.rows, broken.why);
            }
        }
    }
    report.add_pages(games.into_damaged());
    let latest = rewrite.latest;
    rewrite.finish(file)?;
    report.finish(file, &questions);
    Ok((report, latest))
}

impl Rewrite<'_> {
    fn put(&mut self, game: &WholeGame) -> Result<(), BackupError> {
        let WholeGame { id, stored, questions, rows } = game;
        let (Some(session), Some(quiz)) = (&rows.session, &rows.quiz) else { return Ok(()) };
        self.new.put("sessions", id.as_bytes(), session)?;
        self.new.put("quizzes", id.as_bytes(), quiz)?;
        let index_time = stored.index_time;
        self.new.put_typed::<(u64, &[u8]), ()>("hints", &(index_time.as_millis(), id.as_bytes()), &())?;
        for (sequence, record) in &rows.events {
            self.new.put_typed::<(&[u8], u64), &[u8]>("events", &(id.as_bytes(), *sequence), &&**record)?;
        }
        if let Some(owner) = &stored.state.owner {
            self.new.put_typed::<(&str, &[u8]), ()>("owners", &(owner.as_str(), id.as_bytes()), &())?;
        }
        if let Some(code) = &stored.state.join_code {
            self.claim(code, id, stored.state.life.deadline().0);
        }
        for name in questions {
            let until = self.needed.entry(*name).or_insert(index_time);
            *until = index_time.max(*until);
        }
        self.latest = self.latest.max(stored.state.life.created());
        Ok(())
    }

    fn claim(&mut self, code: &JoinCode, id: &SessionId, deadline: Timestamp) {
        let is_holder = |id: &SessionId| self.holders.get(code) == Some(id);
        let is_first = match self.claims.get(code) {
            Some((other, holder)) => !is_holder(holder) && (is_holder(id) || deadline > *other),
            None => true,
        };
        if is_first {
            self.claims.insert(code.clone(), (deadline, id.clone()));
        }
    }

    /// Writes the join codes, and the questions that games use.
    fn finish(self, file: &InspectedFile) -> Result<(), BackupError> {
        let Self { new, needed, claims, .. } = self;
        for (code, (_, id)) in claims {
            new.put("joins", code.as_str().as_bytes(), id.as_bytes())?;
        }
        let mut written = HashSet::new();
        StoredQuestions::read(file, |name, QuestionRow { until, record }| {
            let Some(needed) = needed.get(&name).filter(|_| written.insert(name)) else { return Ok(()) };
            let until = until.max(*needed);
            new.put("questions", &name, &quizzes::question_record(&QuestionRow { until, record }))?;
            new.put_typed::<(u64, &[u8; 16]), ()>("question_ends", &(until.as_millis(), &name), &())
        })?;
        new.flush()
    }
}
