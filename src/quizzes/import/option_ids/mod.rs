//! Turns items into questions: cleans texts, assigns ids to questions and options, and orders the options if
//! the file has no order.
//!
//! Ids, and the order made here, depend only on what players see. If the right answer had any influence on
//! them, a player who knows this source could compute the right option.

use std::collections::{BTreeSet, HashMap, HashSet};

use rust_decimal::Decimal;

use super::item::{Item, ItemKind};
use crate::domain::quiz::draft::{
    self, ChoiceDraft, DraftProblem, MOST_OPTIONS, MOST_TEXT, QuestionDraft, TIME_LIMIT_MS, Texts,
};
use crate::domain::quiz::shuffle::{is_about_others, names_letters};
use crate::domain::quiz::{Kind, MOST_TEXTS, Range};
use crate::domain::{Number, OptionId, QuestionId};

/// Turns items into questions and collects what was left out.
#[derive(Default)]
pub(super) struct Dealer {
    /// The questions imported so far, in the file's order.
    pub(super) questions: Vec<QuestionDraft>,
    /// The place of each question in the file, parallel to `questions`.
    pub(super) places: Vec<String>,
    /// The questions that can't be imported, each with its place.
    pub(super) left_out: Vec<DraftProblem>,
    /// Warnings about imported questions, each with its place.
    pub(super) warnings: Vec<DraftProblem>,
    /// Whether any question gives a share of its points for a part of the right options.
    pub(super) has_shares: bool,
    names: Names,
}

/// The message of `draft::check` for a repeated text.
const SAME_TEXT: &str = "the same as one before it";
/// Maximum number of typing errors to forgive; the same limit as in `draft::check`.
const MOST_TYPOS: u8 = 3;

/// Why a question can't be imported.
type Reason = String;

impl Dealer {
    /// A dealer that continues the lists a reader has begun.
    pub(super) fn new(left_out: Vec<DraftProblem>, warnings: Vec<DraftProblem>) -> Self {
        Self { left_out, warnings, ..Self::default() }
    }

    /// Adds the item as a question, or records why it can't be imported.
    pub(super) fn deal(&mut self, mut item: Item) {
        let place = item.place.clone();
        // Ids derive from the texts, so the texts are cleaned first.
        tidy(&mut item);
        let question = self.question(item).and_then(|question| {
            let mut problems = draft::check(vec![question.clone()], Texts::Required).err().unwrap_or_default();
            if problems.is_empty() { Ok(question) } else { Err(in_the_source(&problems.remove(0))) }
        });
        match question {
            Ok(question) => {
                // Only an imported question takes its id. One that is left out must not reserve it.
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

    /// Returns the value if it is within bounds. Otherwise drops it and adds a warning.
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

    /// Removes repeated options. Returns the remaining options and, for each option given, its index among them.
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

    /// Removes repeated and invalid texts from those that count as right.
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
        // All problems are known from one check. Removal from the back keeps the other indices valid.
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

/// The indices of texts that can't count as right, ascending, with the reason.
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

/// Shortens a problem of `draft::check` for a single question. The place already names the question.
fn in_the_source(problem: &DraftProblem) -> Reason {
    let field = problem.path.strip_prefix("questions[0].").unwrap_or(&problem.path);
    // Ids and order are new here, so an index of `draft::check` would mislead the user.
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

/// Removes white space around the text, and replaces control characters other than line breaks by blanks.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    text.replace('\t', "    ").chars().map(plain).collect::<String>().trim().to_owned()
}

/// Assigns option ids in the order of the options' hashes. So an id says nothing about the position in the
/// file, where the right option may always be first. "All of the above" and the like get the highest ids.
fn named(text: &str, options: &[String]) -> Vec<ChoiceDraft> {
    let mut order: Vec<usize> = (0..options.len()).collect();
    order.sort_by_cached_key(|n| (is_about_others(&options[*n]), *hash(text, [&options[*n]]).as_bytes()));
    let number = |n: usize| {
        let place = order.iter().position(|other| *other == n).unwrap_or_default();
        OptionId::try_from(place as u64 + 1).expect("a position is far below the bound")
    };
    options.iter().enumerate().map(|(n, text)| ChoiceDraft { option_id: number(n), text: Some(text.clone()) }).collect()
}

/// Sorts the options by id, which says nothing about the right one.
fn by_name(options: &mut [ChoiceDraft]) {
    options.sort_by_key(|option| option.option_id);
}

// A zero byte separates the parts, so that moved boundaries give another hash.
fn hash<'a>(text: &str, options: impl IntoIterator<Item = &'a String>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for option in options {
        hasher.update(&[0]).update(option.as_bytes());
    }
    hasher.finalize()
}

/// The question ids in use, with the place of each question.
#[derive(Default)]
struct Names {
    taken: HashMap<QuestionId, String>,
    /// The last number appended to an id that repeats, by the id without the number.
    last: HashMap<String, u64>,
}

impl Names {
    fn take(&mut self, id: &QuestionId, place: &str) {
        self.taken.insert(id.clone(), place.to_owned());
    }

    /// Derives an id from the question and its options. If the same question came before, a number is
    /// appended and the place of the earlier one is returned.
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
