//! The progress of a room's current question, as the bots see it. The kills are timed by it.

use parking_lot::Mutex;

/// The question that a room plays now. Shared by the room's bots.
#[derive(Debug, Default)]
pub(super) struct CurrentQuestion(Mutex<QuestionState>);

#[derive(Debug, Default, Clone, Copy)]
struct QuestionState {
    /// The number of the question, counted from 1; 0 before the first one.
    question: u64,
    is_open: bool,
    answered: usize,
    is_over: bool,
}

impl CurrentQuestion {
    /// A player sees question `index`, counted from 0. Only the first player to see it changes the state.
    pub(super) fn shown(&self, index: u64) {
        let mut state = self.0.lock();
        if index + 1 > state.question {
            *state = QuestionState { question: index + 1, is_open: true, answered: 0, is_over: state.is_over };
        }
    }

    /// A player's answer to question `index` was acknowledged.
    pub(super) fn answered(&self, index: u64) {
        let mut state = self.0.lock();
        if index + 1 == state.question {
            state.answered += 1;
        }
    }

    /// A player sees the reveal of question `index`.
    pub(super) fn revealed(&self, index: u64) {
        let mut state = self.0.lock();
        if index + 1 >= state.question {
            state.is_open = false;
        }
    }

    /// A player sees the end of the game.
    pub(super) fn finished(&self) {
        self.0.lock().is_over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.lock().is_over
    }

    /// How many have answered the open question. `None` if no question is open, or the open one comes before
    /// `question`.
    pub(super) fn answers(&self, question: u64) -> Option<usize> {
        let state = self.0.lock();
        (state.is_open && state.question >= question).then_some(state.answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_half_answered_between_its_opening_and_its_reveal() {
        let moment = CurrentQuestion::default();
        assert_eq!(moment.answers(0), None);
        moment.shown(0);
        moment.answered(0);
        assert_eq!((moment.answers(1), moment.answers(2)), (Some(1), None));
        // A later player sees the same question: nothing changes.
        moment.shown(0);
        assert_eq!(moment.answers(1), Some(1));
        moment.revealed(0);
        assert_eq!(moment.answers(1), None);
        moment.shown(1);
        moment.revealed(0);
        moment.answered(0);
        assert_eq!(moment.answers(2), Some(0));
        moment.finished();
        assert!(moment.is_over());
    }
}
