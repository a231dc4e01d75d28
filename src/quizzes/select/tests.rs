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
    let selection =
        Selection { count: Some(QuestionCount::Most(10)), difficulty: Some(Difficulty::Hard), ..Selection::default() };
    let chosen = select(&bank("b", 6), &selection, &mut first).expect("some match");
    assert_eq!(ids(&chosen), ["q1", "q3", "q5"]);
}

#[test]
fn a_category_is_found_in_whatever_case() {
    let selection =
        Selection { count: Some(QuestionCount::Most(10)), category: Some("MUSIC".to_owned()), ..Selection::default() };
    let chosen = select(&bank("b", 6), &selection, &mut first).expect("some match");
    assert_eq!(ids(&chosen), ["q1", "q4"]);
}

#[test]
fn nothing_that_matches_is_said_so() {
    let other =
        Selection { count: Some(QuestionCount::Most(10)), category: Some("Tea".to_owned()), ..Selection::default() };
    assert_eq!(select(&bank("b", 6), &other, &mut first), Err(NoSelection::Empty));
    let all = Selection {
        count: Some(QuestionCount::Most(10)),
        exclude: vec![id("q0"), id("q1"), id("gone")],
        ..Selection::default()
    };
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
fn the_host_says_how_many_and_in_which_order_and_else_the_bank() {
    let mut bank = bank("b", 12);
    let drawn = |bank: &Bank, selection: &Selection| {
        let mut last = |n: usize| n - 1;
        select(bank, selection, &mut last).map(|questions| ids(&questions).join(" "))
    };
    let all = Selection { count: Some(QuestionCount::All), order: Some(Order::Bank), ..Selection::default() };
    assert_eq!(drawn(&bank, &all).expect("all").split(' ').count(), 12);
    assert!(drawn(&bank, &all).expect("all").starts_with("q0 q1 q2 "));
    assert_eq!(drawn(&bank, &Selection::default()).expect("ten").split(' ').count(), 10);
    let three = Selection { count: Some(QuestionCount::Most(3)), ..Selection::default() };
    assert_eq!(drawn(&bank, &three), Ok("q11 q0 q1".to_owned()));
    bank.defaults = Defaults { count: Some(QuestionCount::All), order: Some(Order::Bank), option_order: None };
    assert_eq!(drawn(&bank, &Selection::default()), drawn(&bank, &all));
    assert_eq!(drawn(&bank, &three), Ok("q0 q1 q2".to_owned()));
    let named = Selection { question_ids: Some(vec![id("q4"), id("q0")]), ..Selection::default() };
    assert_eq!(drawn(&bank, &named), Ok("q4 q0".to_owned()));
    assert_eq!(drawn(&bank, &Selection { order: Some(Order::Shuffle), ..named }), Ok("q0 q4".to_owned()));
}

#[test]
fn all_of_more_than_a_game_holds_is_told() {
    let selection = Selection { count: Some(QuestionCount::All), ..Selection::default() };
    assert_eq!(select(&bank("b", 201), &selection, &mut first), Err(NoSelection::TooMany(201)));
    assert_eq!(select(&bank("b", 200), &selection, &mut first).map(|all| all.len()), Ok(200));
}

#[test]
fn shuffled_options_are_the_games_own() {
    let bank = bank("b", 1);
    let selection = Selection { option_order: Some(Order::Shuffle), ..Selection::default() };
    let chosen = select(&bank, &selection, &mut |n| n - 1).expect("one matches");
    let options = |question: &Question| question.options.iter().map(|option| option.id.into()).collect::<Vec<u64>>();
    assert_eq!((options(&chosen[0]), options(&bank.questions[0])), (vec![2, 1], vec![1, 2]));
    let kept = select(&bank, &Selection::default(), &mut first).expect("one matches");
    assert!(Arc::ptr_eq(&kept[0], &bank.questions[0]));
}

#[test]
fn every_order_is_as_likely_as_any_other() {
    let bank = bank("b", 3);
    let selection = Selection { count: Some(QuestionCount::Most(3)), ..Selection::default() };
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
        let count_asked = Some(QuestionCount::Most(count));
        let selection = Selection { category, difficulty, count: count_asked, exclude, ..Selection::default() };
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
