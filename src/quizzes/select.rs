//! Which questions of a bank a game gets. Pure: chance comes in as an argument, and nothing but
//! the chosen questions is copied.

use std::sync::Arc;

use super::bank::Bank;
use crate::domain::{Difficulty, Question, QuestionId};

/// What a game asks of a bank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only questions about this, in whatever case it is written.
    pub category: Option<String>,
    /// Only questions that are this hard.
    pub difficulty: Option<Difficulty>,
    /// Most questions; there may be fewer.
    pub count: usize,
    /// None of these; names that the bank does not know are no fault.
    pub exclude: Vec<QuestionId>,
    /// Exactly these, in this order; nothing else of the selection counts then.
    pub question_ids: Option<Vec<QuestionId>>,
}

/// Why there are no questions to play. The message is fit for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSelection {
    /// Nothing matches.
    #[error("no question of this quiz matches the selection")]
    Empty,
    /// The bank has no question of that name.
    #[error("questionIds[{position}]: this quiz has no question {:?}", id.as_str())]
    Unknown {
        /// Where in `question_ids`.
        position: usize,
        /// The name.
        id: QuestionId,
    },
    /// A question is asked for twice.
    #[error("questionIds[{position}]: {:?} stands here a second time", id.as_str())]
    Repeated {
        /// Where in `question_ids` it stands again.
        position: usize,
        /// The name.
        id: QuestionId,
    },
}

/// Draws the questions of a game: in random order, none twice, shared with the bank. `chance(n)` gives a number below n.
///
/// # Errors
/// Nothing matches, or a question that was asked for by name is unknown or repeated.
pub fn select(
    bank: &Bank,
    selection: &Selection,
    chance: &mut dyn FnMut(usize) -> usize,
) -> Result<Vec<Arc<Question>>, NoSelection> {
    let chosen = match &selection.question_ids {
        Some(ids) => named(bank, ids)?,
        None => draw(candidates(bank, selection), selection.count, chance),
    };
    if chosen.is_empty() {
        return Err(NoSelection::Empty);
    }
    Ok(chosen.into_iter().map(|position| bank.questions[position].clone()).collect())
}

fn named(bank: &Bank, ids: &[QuestionId]) -> Result<Vec<usize>, NoSelection> {
    let mut taken = vec![false; bank.questions.len()];
    let mut find = |(position, id): (usize, &QuestionId)| {
        let found = bank.position(id).ok_or_else(|| NoSelection::Unknown { position, id: id.clone() })?;
        if std::mem::replace(&mut taken[found], true) {
            return Err(NoSelection::Repeated { position, id: id.clone() });
        }
        Ok(found)
    };
    ids.iter().enumerate().map(&mut find).collect()
}

/// Positions of the questions that match.
fn candidates(bank: &Bank, selection: &Selection) -> Vec<usize> {
    // Case is compared once per category of the bank, not once per question.
    let names = |wanted: &String| bank.categories().iter().filter(|name| is_same(name, wanted)).collect::<Vec<_>>();
    let categories = selection.category.as_ref().map(names);
    let is_about = |question: &Question| match (&categories, &question.category) {
        (None, _) => true,
        (Some(wanted), Some(category)) => wanted.contains(&category),
        (Some(_), None) => false,
    };
    let is_as_hard = |question: &Question| selection.difficulty.is_none_or(|hard| question.difficulty == Some(hard));
    let matches = |question: &Arc<Question>| is_as_hard(question) && is_about(question);
    let mut is_candidate: Vec<bool> = bank.questions.iter().map(matches).collect();
    for position in selection.exclude.iter().filter_map(|id| bank.position(id)) {
        is_candidate[position] = false;
    }
    (0..is_candidate.len()).filter(|&position| is_candidate[position]).collect()
}

fn is_same(a: &str, b: &str) -> bool {
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

/// The first `count` of a Fisher-Yates shuffle, which needs no more than `count` steps.
fn draw(mut candidates: Vec<usize>, count: usize, chance: &mut dyn FnMut(usize) -> usize) -> Vec<usize> {
    let count = count.min(candidates.len());
    for place in 0..count {
        let drawn = place + chance(candidates.len() - place);
        candidates.swap(place, drawn);
    }
    candidates.truncate(count);
    candidates
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::bank::tests::bank;
    use super::*;

    fn id(text: &str) -> QuestionId {
        text.parse().expect("valid")
    }

    fn ids(questions: &[Arc<Question>]) -> Vec<&str> {
        questions.iter().map(|question| question.id.as_str()).collect()
    }

    fn first(_: usize) -> usize {
        0
    }

    #[test]
    fn a_selection_that_holds_fewer_gives_fewer() {
        let selection = Selection { count: 10, difficulty: Some(Difficulty::Hard), ..Selection::default() };
        let chosen = select(&bank("b", 6), &selection, &mut first).expect("some match");
        assert_eq!(ids(&chosen), ["q1", "q3", "q5"]);
    }

    #[test]
    fn a_category_is_found_in_whatever_case() {
        let selection = Selection { count: 10, category: Some("MUSIC".to_owned()), ..Selection::default() };
        let chosen = select(&bank("b", 6), &selection, &mut first).expect("some match");
        assert_eq!(ids(&chosen), ["q1", "q4"]);
    }

    #[test]
    fn nothing_that_matches_is_said_so() {
        let other = Selection { count: 10, category: Some("Tea".to_owned()), ..Selection::default() };
        assert_eq!(select(&bank("b", 6), &other, &mut first), Err(NoSelection::Empty));
        let all = Selection { count: 10, exclude: vec![id("q0"), id("q1"), id("gone")], ..Selection::default() };
        assert_eq!(select(&bank("b", 2), &all, &mut first), Err(NoSelection::Empty));
        let none = Selection { question_ids: Some(vec![]), ..Selection::default() };
        assert_eq!(select(&bank("b", 2), &none, &mut first), Err(NoSelection::Empty));
    }

    #[test]
    fn questions_asked_for_by_name_come_in_that_order() {
        let selection = Selection { question_ids: Some(vec![id("q4"), id("q0")]), ..Selection::default() };
        let chosen = select(&bank("b", 6), &selection, &mut |_| unreachable!("no chance in it"));
        assert_eq!(ids(&chosen.expect("both are there")), ["q4", "q0"]);
    }

    #[test]
    fn an_unknown_or_repeated_name_is_told_with_its_position() {
        let told = |names: &[&str]| {
            let names = names.iter().map(|name| id(name)).collect();
            let selection = Selection { question_ids: Some(names), ..Selection::default() };
            select(&bank("b", 2), &selection, &mut first).expect_err("something is wrong").to_string()
        };
        assert_eq!(told(&["q0", "q9"]), r#"questionIds[1]: this quiz has no question "q9""#);
        assert_eq!(told(&["q0", "q1", "q0"]), r#"questionIds[2]: "q0" stands here a second time"#);
    }

    #[test]
    fn every_order_is_as_likely_as_any_other() {
        let bank = bank("b", 3);
        let selection = Selection { count: 3, ..Selection::default() };
        let mut orders = HashSet::new();
        for a in 0..3 {
            for b in 0..2 {
                let mut script = [a, b, 0].into_iter();
                let chosen = select(&bank, &selection, &mut |_| script.next().expect("three draws"));
                orders.insert(ids(&chosen.expect("all match")).join(" "));
            }
        }
        assert_eq!(orders.len(), 6);
    }

    proptest! {
        #[test]
        fn what_is_drawn_matches_once_each_and_no_more_than_asked(
            size in 1..60_usize,
            count in 1..80_usize,
            category in prop::option::of(prop::sample::select(vec!["art", "Sea", "tea"])),
            difficulty in prop::option::of(prop::sample::select(vec![Difficulty::Easy, Difficulty::Medium])),
            exclude in prop::collection::vec(0..70_usize, 0..20),
            mut chance in any::<u64>(),
        ) {
            let bank = bank("b", size);
            let exclude: Vec<QuestionId> = exclude.iter().map(|n| id(&format!("q{n}"))).collect();
            let category = category.map(str::to_owned);
            let selection = Selection { category, difficulty, count, exclude, question_ids: None };
            let fits = |question: &&Arc<Question>| {
                let category = question.category.as_ref().expect("all have one");
                selection.category.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(category))
                    && (difficulty.is_none() || question.difficulty == difficulty)
                    && !selection.exclude.contains(&question.id)
            };
            let fitting = bank.questions.iter().filter(fits).count();
            let drawn = select(&bank, &selection, &mut |n| {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(chance >> 33).expect("31 bits") % n
            });
            let drawn = drawn.unwrap_or_default();
            prop_assert_eq!(drawn.len(), count.min(fitting));
            prop_assert!(drawn.iter().all(|question| fits(&question)));
            let distinct: HashSet<_> = drawn.iter().map(|question| &question.id).collect();
            prop_assert_eq!(distinct.len(), drawn.len());
        }
    }
}
