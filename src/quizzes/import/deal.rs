//! From items to questions: clean texts, the names of questions and options, and the order of options where
//! the file gives none.
//!
//! Names depend on what a player sees alone, and so does an order that is made here. Had they anything of
//! the key in them, a player who knows this source could compute the right option.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;

use super::item::{Asked, Item};
use crate::domain::quiz::draft::{
    self, ChoiceDraft, MOST_OPTIONS, MOST_TEXT, Problem, QuestionDraft, TIME_LIMIT_MS, Texts,
};
use crate::domain::quiz::shuffle::{is_about_others, names_letters};
use crate::domain::quiz::{Kind, Range};
use crate::domain::{Number, OptionId, QuestionId};

/// Turns items into questions.
#[derive(Default)]
pub(super) struct Dealer {
    pub(super) questions: Vec<QuestionDraft>,
    /// The place of each question in the file.
    pub(super) places: Vec<String>,
    /// What can't be imported, each with its place.
    pub(super) left_out: Vec<Problem>,
    /// What was imported and yet is worth a look, each with its place.
    pub(super) warnings: Vec<Problem>,
    /// Whether a question earns shares of its points.
    pub(super) has_shares: bool,
    names: Names,
}

/// What a question can't be imported for.
type Why = String;

impl Dealer {
    /// One that adds to what a reader has told already.
    pub(super) fn new(left_out: Vec<Problem>, warnings: Vec<Problem>) -> Self {
        Self { left_out, warnings, ..Self::default() }
    }

    /// Adds the question that an item is, or tells why it is none.
    pub(super) fn deal(&mut self, mut item: Item) {
        let place = item.place.clone();
        tidy(&mut item);
        let question = self.question(item).and_then(|question| {
            let mut problems = draft::check(vec![question.clone()], Texts::Required).err().unwrap_or_default();
            if problems.is_empty() { Ok(question) } else { Err(in_the_source(&problems.remove(0))) }
        });
        match question {
            Ok(question) => {
                self.names.take(&question.question_id, &place);
                self.questions.push(question);
                self.places.push(place);
            }
            Err(why) => self.left_out.push(Problem::new(place, why)),
        }
    }

    fn question(&mut self, item: Item) -> Result<QuestionDraft, Why> {
        let question_id = self.name(&item);
        let mut question = QuestionDraft {
            category: item.category,
            difficulty: item.difficulty,
            alt: item.alt.filter(|_| item.image.is_some()),
            image: item.image,
            ..QuestionDraft::new(question_id, Kind::Choice)
        };
        question.time_limit_ms =
            self.kept(&item.place, "time limit", item.time_limit_ms, |limit| TIME_LIMIT_MS.contains(limit));
        let is_good = |points: &Decimal| (Decimal::ZERO..=Decimal::from(draft::MOST_FACTOR)).contains(points);
        let points = self.kept(&item.place, "points", item.points, is_good).and_then(|points| points.try_into().ok());
        question.points = points.filter(|points: &Number| !points.is_one());
        question.explanation = self.kept(&item.place, "explanation", item.explanation, |text| text.len() <= MOST_TEXT);
        self.ask(&mut question, &item.place, &item.text, item.asked)?;
        question.text = Some(item.text);
        Ok(question)
    }

    /// A value that is within its bounds; one that isn't is left out, and told.
    fn kept<T>(&mut self, place: &str, what: &str, value: Option<T>, is_good: impl Fn(&T) -> bool) -> Option<T> {
        let (good, bad) = (value.as_ref().is_none_or(&is_good), value);
        if !good {
            self.warnings.push(Problem::new(place, format!("the {what} is out of bounds, and left out")));
        }
        bad.filter(|_| good)
    }

    fn ask(&mut self, question: &mut QuestionDraft, place: &str, text: &str, asked: Asked) -> Result<(), Why> {
        match asked {
            Asked::Choice { options, right, in_order } => {
                let (options, places) = self.options(place, options, &[right])?;
                let right = places[right];
                question.options = named(text, &options);
                question.correct_option_id = Some(question.options[right].option_id);
                if !in_order {
                    by_name(&mut question.options);
                }
            }
            Asked::Multiple { options, right, in_shares } => {
                let (options, places) = self.options(place, options, &right)?;
                let right: BTreeSet<usize> = right.into_iter().map(|right| places[right]).collect();
                question.kind = Kind::Multiple;
                question.options = named(text, &options);
                question.correct_option_ids =
                    Some(right.iter().map(|right| question.options[*right].option_id).collect());
                self.has_shares |= in_shares;
            }
            Asked::Order { parts } => {
                let all: Vec<usize> = (0..parts.len()).collect();
                let (parts, _) = self.options(place, parts.clone(), &all).and_then(|(kept, places)| {
                    let is_whole = kept.len() == parts.len();
                    is_whole.then_some((kept, places)).ok_or_else(|| "two of its parts are the same".to_owned())
                })?;
                question.kind = Kind::Order;
                question.options = named(text, &parts);
                question.correct_order = Some(question.options.iter().map(|option| option.option_id).collect());
                by_name(&mut question.options);
            }
            Asked::Poll { options } => {
                question.kind = Kind::Poll;
                let is_typed = options.is_empty();
                let options = if is_typed { options } else { self.options(place, options, &[])?.0 };
                question.options = named(text, &options);
                (question.points, question.no_speed_bonus) = (None, None);
            }
            Asked::Text { accepted } => {
                question.kind = Kind::Text;
                question.correct_texts = Some(self.accepted(place, accepted)?);
            }
            Asked::Number { number, min, max } => {
                question.kind = Kind::Number;
                let read = |decimal: Decimal| {
                    let kept = decimal.round_sf(Number::MOST_DIGITS).unwrap_or(decimal);
                    Number::try_from(kept).map_err(|error| error.to_string())
                };
                let tolerance = number.filter(|number| *number - min == max - *number).map(|number| max - number);
                match number.zip(tolerance) {
                    Some((number, tolerance)) => {
                        question.correct_number = Some(read(number)?);
                        question.tolerance = Some(read(tolerance)?).filter(|tolerance| *tolerance != Number::default());
                    }
                    None => question.correct_range = Some(Range { min: read(min)?, max: read(max)? }),
                }
            }
        }
        Ok(())
    }

    /// The options, each once, and where each of those that came is found among them.
    fn options(
        &mut self,
        place: &str,
        options: Vec<String>,
        right: &[usize],
    ) -> Result<(Vec<String>, Vec<usize>), Why> {
        let (mut kept, mut places) = (Vec::<String>::new(), Vec::new());
        for option in &options {
            if option.is_empty() {
                return Err("an option is empty".to_owned());
            }
            let known = kept.iter().position(|known| known == option);
            places.push(known.unwrap_or(kept.len()));
            if known.is_some() {
                self.warnings.push(Problem::new(place, format!("option {option:?} stands here twice; kept once")));
            } else {
                kept.push(option.clone());
            }
        }
        let is_right = |place: usize| right.contains(&place);
        let contradicts =
            |n: usize| right.len() > 1 && (0..n).any(|m| places[m] == places[n] && is_right(m) != is_right(n));
        match kept.len() {
            _ if (0..places.len()).any(contradicts) => {
                Err("an option stands here twice, once right and once wrong".to_owned())
            }
            0 | 1 => Err("fewer than 2 different options".to_owned()),
            many if many > MOST_OPTIONS => Err(format!("{many} options, and there are at most {MOST_OPTIONS}")),
            _ => {
                if kept.iter().any(|option| names_letters(option)) {
                    let message = "an option names others by letter, and players may see no letters";
                    self.warnings.push(Problem::new(place, message));
                }
                Ok((kept, places))
            }
        }
    }

    /// The texts that are right, each once.
    fn accepted(&mut self, place: &str, accepted: Vec<String>) -> Result<Vec<String>, Why> {
        let mut kept: Vec<String> = Vec::new();
        let mut why = "no text that is right".to_owned();
        for text in accepted {
            let mut with = kept.clone();
            with.push(text.clone());
            let trial = QuestionDraft {
                text: Some("?".to_owned()),
                correct_texts: Some(with.clone()),
                ..QuestionDraft::new("q".parse().map_err(|_| String::new())?, Kind::Text)
            };
            let is_same = kept.iter().any(|known| known.eq_ignore_ascii_case(&text));
            match draft::check(vec![trial], Texts::Required) {
                Ok(_) => kept = with,
                Err(_) if is_same => {}
                Err(problems) if problems.iter().all(|problem| problem.message == "the same as one before it") => {}
                Err(problems) => {
                    why = format!("a right text: {}", problems[0].message);
                    self.warnings.push(Problem::new(place, format!("left out of those that are right: {why}")));
                }
            }
        }
        if kept.is_empty() { Err(why) } else { Ok(kept) }
    }

    fn name(&mut self, item: &Item) -> QuestionId {
        match item.id.as_ref().map(|id| (id, self.names.taken.get(id))) {
            Some((id, None)) => return id.clone(),
            Some((id, Some(before))) => {
                let message = format!("{:?} is the name of the question in {before} too; named anew", id.as_str());
                self.warnings.push(Problem::new(&item.place, message));
            }
            None => {}
        }
        let (id, twin) = self.names.find(item);
        if let Some(before) = twin {
            let message = format!("the same question and options as {before}; kept under a name of its own");
            self.warnings.push(Problem::new(&item.place, message));
        }
        id
    }
}

/// A problem of a single question, where the place says the rest.
fn in_the_source(problem: &Problem) -> Why {
    let field = problem.path.strip_prefix("questions[0].").unwrap_or(&problem.path);
    // Names and orders were dealt anew: positions would mislead.
    let field = if field.starts_with("options[") { "an option" } else { field };
    format!("{field}: {}", problem.message)
}

fn tidy(item: &mut Item) {
    item.text = clean(&item.text);
    let texts = match &mut item.asked {
        Asked::Choice { options, .. } | Asked::Multiple { options, .. } | Asked::Poll { options } => options,
        Asked::Order { parts } => parts,
        Asked::Text { accepted } => accepted,
        Asked::Number { .. } => &mut Vec::new(),
    };
    texts.iter_mut().for_each(|text| *text = clean(text));
    for text in [&mut item.category, &mut item.explanation, &mut item.image, &mut item.alt] {
        *text = text.take().map(|text| clean(&text)).filter(|text| !text.is_empty());
    }
}

/// Without surrounding space, and without control characters other than line breaks.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.replace('\t', "    ").chars().map(plain).collect::<String>().trim().to_owned()
}

/// The options in their order, named in the order of their hashes: a name says nothing of the place in the
/// file, where the right one may always be first.
fn named(text: &str, options: &[String]) -> Vec<ChoiceDraft> {
    let mut order: Vec<usize> = (0..options.len()).collect();
    order.sort_by_cached_key(|n| (is_about_others(&options[*n]), *hash(text, [&options[*n]]).as_bytes()));
    let number = |n: usize| {
        let place = order.iter().position(|other| *other == n).unwrap_or_default();
        OptionId::try_from(place as u64 + 1).expect("a position is far below the bound")
    };
    options.iter().enumerate().map(|(n, text)| ChoiceDraft { option_id: number(n), text: Some(text.clone()) }).collect()
}

/// The options in the order of their names, which says nothing of what is right.
fn by_name(options: &mut [ChoiceDraft]) {
    options.sort_by_key(|option| option.option_id);
}

fn hash<'a>(text: &str, options: impl IntoIterator<Item = &'a String>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for option in options {
        hasher.update(&[0]).update(option.as_bytes());
    }
    hasher.finalize()
}

/// The names that are taken, with the place of each.
#[derive(Default)]
struct Names {
    taken: HashMap<QuestionId, String>,
}

impl Names {
    fn take(&mut self, id: &QuestionId, place: &str) {
        self.taken.insert(id.clone(), place.to_owned());
    }

    /// A name out of what the question says; with a number behind it if the same stood before, and where.
    fn find(&self, item: &Item) -> (QuestionId, Option<&String>) {
        let options: BTreeSet<&String> = match &item.asked {
            Asked::Choice { options, .. } | Asked::Multiple { options, .. } | Asked::Poll { options } => {
                options.iter().collect()
            }
            Asked::Order { parts } => parts.iter().collect(),
            Asked::Text { .. } | Asked::Number { .. } => BTreeSet::new(),
        };
        let stem = format!("q-{}", &hash(&item.text, options).to_hex()[..12]);
        let names = std::iter::once(stem.clone()).chain((2_u64..).map(|n| format!("{stem}-{n}")));
        let mut ids = names.map(|name| name.parse::<QuestionId>().expect("hex digits are a valid name"));
        let free = ids.find(|id| !self.taken.contains_key(id)).expect("some number is free");
        let twin = stem.parse::<QuestionId>().ok().and_then(|id| self.taken.get(&id));
        (free, twin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn choice(text: &str, options: &[&str], right: usize, in_order: bool) -> Item {
        let asked = Asked::Choice { options: texts(options), right, in_order };
        Item::new("line 1".to_owned(), text.to_owned(), asked)
    }

    fn item(text: &str, asked: Asked) -> Item {
        Item::new("line 1".to_owned(), text.to_owned(), asked)
    }

    fn dealt(items: Vec<Item>) -> (Vec<QuestionDraft>, Vec<String>) {
        let mut dealer = Dealer::default();
        items.into_iter().for_each(|item| dealer.deal(item));
        let told = dealer.warnings.iter().chain(&dealer.left_out).map(Problem::to_string).collect();
        (dealer.questions, told)
    }

    fn shown(question: &QuestionDraft) -> Vec<&str> {
        question.options.iter().filter_map(|option| option.text.as_deref()).collect()
    }

    fn text_of(question: &QuestionDraft, id: OptionId) -> &str {
        let option = question.options.iter().find(|option| option.option_id == id);
        option.and_then(|option| option.text.as_deref()).expect("it has it")
    }

    fn right(question: &QuestionDraft) -> &str {
        text_of(question, question.correct_option_id.expect("a choice"))
    }

    #[test]
    fn options_keep_the_files_order_and_their_names_say_nothing_of_it() {
        let (asked, _) = dealt(vec![choice("Which?", &["a", "b", "c", "d"], 0, true)]);
        let (other, _) = dealt(vec![choice("Which?", &["d", "c", "b", "a"], 1, true)]);
        assert_eq!((shown(&asked[0]), shown(&other[0])), (vec!["a", "b", "c", "d"], vec!["d", "c", "b", "a"]));
        assert_eq!(asked[0].question_id, other[0].question_id);
        assert_eq!((right(&asked[0]), right(&other[0])), ("a", "c"));
        for option in &asked[0].options {
            assert_eq!(option.text.as_deref(), Some(text_of(&other[0], option.option_id)), "named alike");
        }
    }

    #[test]
    fn a_file_without_an_order_gets_one_that_tells_nothing() {
        let (asked, _) = dealt(vec![choice("Which?", &["a", "b", "c", "d"], 0, false)]);
        let (other, _) = dealt(vec![choice("Which?", &["d", "c", "b", "a"], 1, false)]);
        assert_eq!(asked[0].options, other[0].options);
        for in_order in [false, true] {
            let items = (0..1_000).map(|n| choice(&format!("Question {n}?"), &["a", "b", "c", "d"], 0, in_order));
            let (questions, _) = dealt(items.collect());
            for id in 1..=4 {
                let names = questions.iter().filter_map(|question| question.correct_option_id.map(u64::from));
                let often = names.filter(|name| *name == id).count();
                assert!((200..300).contains(&often), "option {id}: {often}");
            }
        }
    }

    #[test]
    fn what_speaks_of_the_other_options_keeps_its_place() {
        for n in 0..20 {
            let text = format!("Question {n}?");
            let (questions, told) = dealt(vec![choice(&text, &["a", "All of the above.", "b", "c"], 1, false)]);
            assert_eq!((shown(&questions[0])[3], told.len()), ("All of the above.", 0));
            let (questions, told) = dealt(vec![choice(&text, &["x", "y", "Both A and B", "z"], 2, true)]);
            assert_eq!((shown(&questions[0]), told.len()), (vec!["x", "y", "Both A and B", "z"], 1));
        }
    }

    #[test]
    fn true_stands_before_false() {
        let (questions, _) = dealt(vec![Item::true_or_false("line 1".to_owned(), "So?".to_owned(), false)]);
        assert_eq!((shown(&questions[0]), right(&questions[0])), (vec!["True", "False"], "False"));
    }

    #[test]
    fn every_kind_keeps_what_is_right() {
        let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
        let number = |number: Option<&str>, min: &str, max: &str| {
            let (min, max) = (decimal(min), decimal(max));
            item(&format!("{min}?"), Asked::Number { number: number.map(decimal), min, max })
        };
        let (questions, told) = dealt(vec![
            item("m?", Asked::Multiple { options: texts(&["x", "y", "z"]), right: vec![2, 0], in_shares: false }),
            item("t?", Asked::Text { accepted: texts(&["Tea", "tea ", "Chai"]) }),
            number(Some("3.14"), "3.13", "3.15"),
            number(None, "1", "5"),
            item("o?", Asked::Order { parts: texts(&["one", "two", "three"]) }),
            item("p?", Asked::Poll { options: texts(&["cats", "dogs"]) }),
            item("words?", Asked::Poll { options: vec![] }),
        ]);
        assert_eq!(told, [""; 0]);
        let both: Vec<&str> =
            questions[0].correct_option_ids.iter().flatten().map(|id| text_of(&questions[0], *id)).collect();
        assert_eq!(both, ["x", "z"]);
        assert_eq!(questions[1].correct_texts, Some(texts(&["Tea", "Chai"])));
        assert_eq!(
            questions[2].correct_number.zip(questions[2].tolerance),
            "3.14".parse().ok().zip("0.01".parse().ok())
        );
        assert_eq!(questions[3].correct_range.map(|range| range.max), "5".parse().ok());
        let order: Vec<&str> =
            questions[4].correct_order.iter().flatten().map(|id| text_of(&questions[4], *id)).collect();
        assert_eq!(order, ["one", "two", "three"]);
        assert_eq!((shown(&questions[5]), shown(&questions[6]).len()), (vec!["cats", "dogs"], 0));
    }

    #[test]
    fn what_cannot_be_a_question_is_left_out_and_named() {
        let thirteen: Vec<String> = (0..13).map(|n| format!("option {n}")).collect();
        let both = Asked::Multiple { options: texts(&["a", "b", "a"]), right: vec![0, 1], in_shares: false };
        let (questions, told) = dealt(vec![
            choice("And?", &["a", "a"], 0, true),
            choice("And?", &["a", " "], 0, true),
            choice(" ", &["a", "b"], 0, true),
            item("And?", Asked::Choice { options: thirteen, right: 0, in_order: true }),
            item("And?", both),
            item("And?", Asked::Order { parts: texts(&["a", "b", "a"]) }),
            item("And?", Asked::Text { accepted: texts(&[" "]) }),
        ]);
        assert!(questions.is_empty());
        let left_out: Vec<_> = told.iter().filter(|told| !told.contains("kept once")).map(String::as_str).collect();
        assert_eq!(
            left_out,
            [
                "line 1: left out of those that are right: a right text: empty",
                "line 1: fewer than 2 different options",
                "line 1: an option is empty",
                "line 1: text: empty",
                "line 1: 13 options, and there are at most 12",
                "line 1: an option stands here twice, once right and once wrong",
                "line 1: two of its parts are the same",
                "line 1: a right text: empty",
            ]
        );
    }

    #[test]
    fn repeats_are_kept_once_or_under_a_name_of_their_own() {
        let named = |text: &str, id: &str| Item { id: id.parse().ok(), ..choice(text, &["a", "b"], 0, true) };
        let (questions, told) = dealt(vec![
            choice("Which?", &["a", " b", "a ", "b"], 2, true),
            choice("Which?", &["b", "a"], 0, true),
            choice("Which?", &["b", "a"], 0, true),
            named("One?", "mine"),
            named("Two?", "mine"),
        ]);
        assert_eq!(
            told,
            [
                r#"line 1: option "a" stands here twice; kept once"#,
                r#"line 1: option "b" stands here twice; kept once"#,
                "line 1: the same question and options as line 1; kept under a name of its own",
                "line 1: the same question and options as line 1; kept under a name of its own",
                r#"line 1: "mine" is the name of the question in line 1 too; named anew"#,
            ]
        );
        assert_eq!(right(&questions[0]), "a");
        let ids: Vec<_> = questions.iter().map(|question| question.question_id.as_str()).collect();
        assert_eq!((ids[2], ids[3]), (format!("{}-3", ids[0]).as_str(), "mine"));
    }

    #[test]
    fn what_is_out_of_bounds_beside_a_question_is_left_out_and_told() {
        let asked = Item {
            time_limit_ms: Some(1),
            points: Some(Decimal::from(99)),
            explanation: Some("x".repeat(5_000)),
            ..choice("Which?", &["a", "b"], 0, true)
        };
        let (questions, told) = dealt(vec![asked]);
        assert_eq!((questions.len(), told.len()), (1, 3));
        assert_eq!((questions[0].time_limit_ms, questions[0].points), (None, None));
    }
}
