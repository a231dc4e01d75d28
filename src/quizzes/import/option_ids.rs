//! From items to questions: clean texts, the names of questions and options, and the order of options where
//! the file gives none.
//!
//! Names depend on what a player sees alone, and so does an order that is made here. Had they anything of
//! the key in them, a player who knows this source could compute the right option.

use std::collections::{BTreeSet, HashMap, HashSet};

use rust_decimal::Decimal;

use super::item::{Item, ItemKind};
use crate::domain::quiz::draft::{
    self, ChoiceDraft, DraftProblem, MOST_OPTIONS, MOST_TEXT, QuestionDraft, TIME_LIMIT_MS, Texts,
};
use crate::domain::quiz::shuffle::{is_about_others, names_letters};
use crate::domain::quiz::{Kind, MOST_TEXTS, Range};
use crate::domain::{Number, OptionId, QuestionId};

/// Turns items into questions.
#[derive(Default)]
pub(super) struct Dealer {
    pub(super) questions: Vec<QuestionDraft>,
    /// The place of each question in the file.
    pub(super) places: Vec<String>,
    /// What can't be imported, each with its place.
    pub(super) left_out: Vec<DraftProblem>,
    /// What was imported and yet is worth a look, each with its place.
    pub(super) warnings: Vec<DraftProblem>,
    /// Whether a question earns shares of its points.
    pub(super) has_shares: bool,
    names: Names,
}

/// What a text is told that is the same as another one.
const SAME_TEXT: &str = "the same as one before it";
/// How many typing errors a text may forgive, as `draft::check` has it.
const MOST_TYPOS: u8 = 3;

/// What a question can't be imported for.
type Reason = String;

impl Dealer {
    /// One that adds to what a reader has told already.
    pub(super) fn new(left_out: Vec<DraftProblem>, warnings: Vec<DraftProblem>) -> Self {
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
            Err(why) => self.left_out.push(DraftProblem::new(place, why)),
        }
    }

    fn question(&mut self, item: Item) -> Result<QuestionDraft, Reason> {
        let question_id = self.name(&item);
        let mut question = QuestionDraft {
            category: item.category,
            difficulty: item.difficulty,
            alt: item.alt.filter(|_| item.image.is_some()),
            image: item.image,
            no_speed_bonus: item.no_speed_bonus,
            ..QuestionDraft::new(question_id, Kind::Choice)
        };
        question.time_limit_ms =
            self.kept(&item.place, "time limit", item.time_limit_ms, |limit| TIME_LIMIT_MS.contains(limit));
        let is_good = |points: &Decimal| (Decimal::ZERO..=Decimal::from(draft::MOST_FACTOR)).contains(points);
        let points = self.kept(&item.place, "points", item.points, is_good).and_then(|points| points.try_into().ok());
        question.points = points.filter(|points: &Number| !points.is_one());
        question.explanation = self.kept(&item.place, "explanation", item.explanation, |text| text.len() <= MOST_TEXT);
        if matches!(item.asked, ItemKind::Text { .. }) {
            question.ignore_accents = item.ignore_accents;
            question.max_typos = self.kept(&item.place, "maxTypos", item.max_typos, |typos| *typos <= MOST_TYPOS);
        }
        self.ask(&mut question, &item.place, &item.text, item.asked)?;
        question.text = Some(item.text);
        Ok(question)
    }

    /// A value that is within its bounds; one that isn't is left out, and told.
    fn kept<T>(&mut self, place: &str, what: &str, value: Option<T>, is_good: impl Fn(&T) -> bool) -> Option<T> {
        let (good, bad) = (value.as_ref().is_none_or(&is_good), value);
        if !good {
            self.warnings.push(DraftProblem::new(place, format!("the {what} is out of bounds, and left out")));
        }
        bad.filter(|_| good)
    }

    fn ask(&mut self, question: &mut QuestionDraft, place: &str, text: &str, asked: ItemKind) -> Result<(), Reason> {
        match asked {
            ItemKind::Choice { options, right, in_order } => {
                let (options, places) = self.options(place, options, &[right])?;
                let right = places[right];
                question.options = named(text, &options);
                question.correct_option_id = Some(question.options[right].option_id);
                if !in_order {
                    by_name(&mut question.options);
                }
            }
            ItemKind::Multiple { options, right, in_shares } => {
                let (options, places) = self.options(place, options, &right)?;
                let right: BTreeSet<usize> = right.into_iter().map(|right| places[right]).collect();
                question.kind = Kind::Multiple;
                question.options = named(text, &options);
                question.correct_option_ids =
                    Some(right.iter().map(|right| question.options[*right].option_id).collect());
                self.has_shares |= in_shares;
            }
            ItemKind::Order { parts } => {
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
            ItemKind::Poll { options } => {
                question.kind = Kind::Poll;
                let is_typed = options.is_empty();
                let options = if is_typed { options } else { self.options(place, options, &[])?.0 };
                question.options = named(text, &options);
                (question.points, question.no_speed_bonus) = (None, None);
            }
            ItemKind::Text { accepted } => {
                question.kind = Kind::Text;
                question.correct_texts = Some(self.accepted(place, accepted, question.ignore_accents)?);
            }
            ItemKind::Number { number, min, max } => {
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
    ) -> Result<(Vec<String>, Vec<usize>), Reason> {
        let (mut kept, mut places) = (Vec::<String>::new(), Vec::new());
        for option in &options {
            if option.is_empty() {
                return Err("an option is empty".to_owned());
            }
            let known = kept.iter().position(|known| known == option);
            places.push(known.unwrap_or(kept.len()));
            if known.is_some() {
                self.warnings.push(DraftProblem::new(place, format!("option {option:?} stands here twice; kept once")));
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
                    self.warnings.push(DraftProblem::new(place, message));
                }
                Ok((kept, places))
            }
        }
    }

    /// The texts that are right, each once.
    fn accepted(
        &mut self,
        place: &str,
        accepted: Vec<String>,
        ignore_accents: Option<bool>,
    ) -> Result<Vec<String>, Reason> {
        let mut why = "no text that is right".to_owned();
        let mut seen = HashSet::new();
        let mut kept = accepted;
        kept.retain(|text| seen.insert(text.to_lowercase()));
        if kept.len() > MOST_TEXTS {
            let message =
                format!("{} texts are right, and there are at most {MOST_TEXTS}: the first are kept", kept.len());
            self.warnings.push(DraftProblem::new(place, message));
            kept.truncate(MOST_TEXTS);
        }
        // What is wrong with a text is known once; what is left is good.
        for (index, message) in wrong_texts(&kept, ignore_accents).into_iter().rev() {
            kept.remove(index);
            if message != SAME_TEXT {
                why = format!("a right text: {message}");
                self.warnings.push(DraftProblem::new(place, format!("left out of those that are right: {why}")));
            }
        }
        if kept.is_empty() { Err(why) } else { Ok(kept) }
    }

    fn name(&mut self, item: &Item) -> QuestionId {
        match item.id.as_ref().map(|id| (id, self.names.taken.get(id))) {
            Some((id, None)) => return id.clone(),
            Some((id, Some(before))) => {
                let message = format!("{:?} is the name of the question in {before} too; named anew", id.as_str());
                self.warnings.push(DraftProblem::new(&item.place, message));
            }
            None => {}
        }
        let (id, twin) = self.names.find(item);
        if let Some(before) = twin {
            let message = format!("the same question and options as {before}; kept under a name of its own");
            self.warnings.push(DraftProblem::new(&item.place, message));
        }
        id
    }
}

/// The places of texts that can't be right ones, and why.
fn wrong_texts(texts: &[String], ignore_accents: Option<bool>) -> Vec<(usize, String)> {
    let trial = QuestionDraft {
        text: Some("?".to_owned()),
        correct_texts: Some(texts.to_vec()),
        ignore_accents,
        ..QuestionDraft::new("q".parse().expect("it is a name"), Kind::Text)
    };
    let problems = draft::check(vec![trial], Texts::Required).err().unwrap_or_default();
    let place = |problem: DraftProblem| {
        let index = problem.path.strip_prefix("questions[0].correctTexts[")?.strip_suffix(']')?.parse().ok()?;
        Some((index, problem.message))
    };
    let mut wrong: Vec<(usize, String)> = problems.into_iter().filter_map(place).collect();
    wrong.sort();
    wrong.dedup_by_key(|(index, _)| *index);
    wrong
}

/// A problem of a single question, where the place says the rest.
fn in_the_source(problem: &DraftProblem) -> Reason {
    let field = problem.path.strip_prefix("questions[0].").unwrap_or(&problem.path);
    // Names and orders were dealt anew: positions would mislead.
    let field = if field.starts_with("options[") { "an option" } else { field };
    format!("{field}: {}", problem.message)
}

fn tidy(item: &mut Item) {
    item.text = clean(&item.text);
    let texts = match &mut item.asked {
        ItemKind::Choice { options, .. } | ItemKind::Multiple { options, .. } | ItemKind::Poll { options } => options,
        ItemKind::Order { parts } => parts,
        ItemKind::Text { accepted } => accepted,
        ItemKind::Number { .. } => &mut Vec::new(),
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
    /// The number that was given last to a name that stood before.
    last: HashMap<String, u64>,
}

impl Names {
    fn take(&mut self, id: &QuestionId, place: &str) {
        self.taken.insert(id.clone(), place.to_owned());
    }

    /// A name out of what the question says; with a number behind it if the same stood before, and where.
    fn find(&mut self, item: &Item) -> (QuestionId, Option<&String>) {
        let options: BTreeSet<&String> = match &item.asked {
            ItemKind::Choice { options, .. } | ItemKind::Multiple { options, .. } | ItemKind::Poll { options } => {
                options.iter().collect()
            }
            ItemKind::Order { parts } => parts.iter().collect(),
            ItemKind::Text { .. } | ItemKind::Number { .. } => BTreeSet::new(),
        };
        let stem = format!("q-{}", &hash(&item.text, options).to_hex()[..12]);
        let last = self.last.entry(stem.clone()).or_default();
        let first: QuestionId = stem.parse().expect("hex digits are a valid name");
        let mut free = first.clone();
        while self.taken.contains_key(&free) {
            *last = (*last + 1).max(2);
            free = format!("{stem}-{last}").parse().expect("hex digits are a valid name");
        }
        (free, self.taken.get(&first))
    }
}

#[cfg(test)]
mod tests;
