//! A question bank: its documented file format, and the checked form that games use.
//!
//! A [`Bank`] is only created by [`Bank::check`], or by a function that calls it. So a [`Bank`] is always valid.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::media::{self, Pictures};
use super::reading;
use super::select::Defaults;
use crate::domain::quiz::draft::{self, DraftProblem, MOST_TEXT, QuestionDraft, Texts};
use crate::domain::scoring::{ProgressionRule, Scoring};
use crate::domain::{Difficulty, Kind, Question, QuestionId, QuizId};

/// Maximum number of questions in a bank.
pub const MOST_QUESTIONS: usize = 20_000;
/// Maximum length of a bank's title, in bytes.
pub const MOST_TITLE: usize = 200;

/// A way to play a bank.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum PlayMode {
    /// Alone: each verdict tells the right answer, so the player learns the answers.
    Solo,
    /// In a room: the right answer is shown to all when a question closes.
    Rooms,
}

/// Who may open rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Hosting {
    /// Anyone
    #[default]
    Open,
    /// Callers with an API key
    Key,
}

/// A question bank as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "A question bank of rejoin")]
pub struct BankFile {
    /// Where this format is described; for editors alone.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The bank's name, under which it is asked for.
    pub quiz_id: QuizId,
    /// What people see: 1 to 200 bytes.
    #[schemars(length(min = 1, max = MOST_TITLE), extend("pattern" = r"\S"))]
    pub title: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub description: Option<String>,
    /// The licence of the questions, and whom to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TEXT), extend("pattern" = r"\S"))]
    pub license: Option<String>,
    /// How it may be played. Left out, it is for rooms only: a solo game tells what is right, and
    /// would be the oracle of a room that plays the same bank.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub play: Option<BTreeSet<PlayMode>>,
    /// Who may open rooms on it, where the server lets anyone open rooms: whoever opens one can read its
    /// answers there. Anyone, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosting: Option<Hosting>,
    /// How it is played by who doesn't say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// Points of a right answer; 100, and 50 more within 5 s or 25 within 15 s, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scoring: Option<Scoring>,
    /// What a finished game earns; 10 XP a right answer and a gem a full speed bonus, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progression: Option<ProgressionRule>,
    /// The questions, each with its texts: 1 to 20,000.
    #[schemars(length(min = 1, max = MOST_QUESTIONS))]
    pub questions: Vec<QuestionDraft>,
}

/// A question bank that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    /// The bank's id, by which it is requested.
    pub id: QuizId,
    /// The title that players see: 1 to 200 bytes.
    pub title: String,
    /// What the bank is about; for people.
    pub description: Option<String>,
    /// The licence of the questions and the attribution it requires.
    pub license: Option<String>,
    /// The allowed modes, at least one.
    pub play: BTreeSet<PlayMode>,
    /// Who may open rooms with this bank.
    pub hosting: Hosting,
    /// The selection where a game does not request another.
    pub defaults: Defaults,
    /// The points for a right answer.
    pub scoring: Scoring,
    /// What a finished game earns.
    pub progression: ProgressionRule,
    /// The questions, in the file's order.
    pub questions: Vec<Arc<Question>>,
    /// The pictures that came with the bank, by the name under which they are served.
    pub pictures: Pictures,
    categories: Vec<String>,
    difficulties: Vec<Difficulty>,
    kinds: Vec<Kind>,
    positions: HashMap<QuestionId, usize>,
}

impl Bank {
    /// Parses and checks a bank's file that has no pictures of its own.
    ///
    /// # Errors
    /// All problems found, each with its path. If the bytes are not JSON of this shape, one problem with line
    /// and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<DraftProblem>> {
        let file = reading::json(bytes).map_err(|problem| vec![problem])?;
        Self::check(file)
    }

    /// Like [`Bank::parse`], and loads the bank's pictures from the folder `media` in `folder`.
    ///
    /// # Errors
    /// All problems found, each with its path.
    pub fn parse_in(folder: &Path, bytes: &[u8]) -> Result<Self, Vec<DraftProblem>> {
        let file = reading::json(bytes).map_err(|problem| vec![problem])?;
        Self::check_in(folder, file)
    }

    /// Checks the content of a bank's file, and loads its pictures from the folder `media` in `folder`.
    ///
    /// # Errors
    /// All problems found, each with its path.
    pub fn check_in(folder: &Path, mut file: BankFile) -> Result<Self, Vec<DraftProblem>> {
        // The pictures come first: `load` replaces file names by URLs, and the check then sees the URLs.
        let pictures = media::load(folder, &mut file.questions);
        match (Self::check(file), pictures) {
            (Ok(bank), Ok(pictures)) => Ok(Self { pictures, ..bank }),
            (checked, pictures) => {
                let problems = checked.err().into_iter().chain(pictures.err()).flatten();
                Err(problems.collect())
            }
        }
    }

    /// Checks the content of a bank's file. Pictures are not loaded.
    ///
    /// # Errors
    /// All problems found, each with its path.
    pub fn check(file: BankFile) -> Result<Self, Vec<DraftProblem>> {
        let mut problems = file.problems();
        let questions = match draft::check(file.questions, Texts::Required) {
            Ok(questions) if problems.is_empty() => questions,
            checked => {
                problems.extend(checked.err().unwrap_or_default());
                return Err(problems);
            }
        };
        let categories: BTreeSet<_> = questions.iter().filter_map(|question| question.category.as_ref()).collect();
        let difficulties: BTreeSet<_> = questions.iter().filter_map(|question| question.difficulty).collect();
        let kinds: BTreeSet<_> = questions.iter().map(|question| question.key.kind()).collect();
        Ok(Self {
            id: file.quiz_id,
            title: file.title,
            description: file.description,
            license: file.license,
            play: file.play.unwrap_or_else(|| BTreeSet::from([PlayMode::Rooms])),
            hosting: file.hosting.unwrap_or_default(),
            defaults: file.defaults.unwrap_or_default(),
            scoring: file.scoring.unwrap_or_default(),
            progression: file.progression.unwrap_or_default(),
            pictures: Pictures::new(),
            categories: categories.into_iter().cloned().collect(),
            difficulties: difficulties.into_iter().collect(),
            kinds: kinds.into_iter().collect(),
            positions: questions.iter().enumerate().map(|(n, question)| (question.id.clone(), n)).collect(),
            questions: questions.into_iter().map(Arc::new).collect(),
        })
    }

    /// True if the bank allows this mode.
    pub fn is_for(&self, play: PlayMode) -> bool {
        self.play.contains(&play)
    }

    /// The categories of its questions, sorted, each once.
    pub fn categories(&self) -> &[String] {
        &self.categories
    }

    /// The difficulties of its questions, easiest first, each once.
    pub fn difficulties(&self) -> &[Difficulty] {
        &self.difficulties
    }

    /// The kinds of its questions, each once.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The index of the question with this id in `questions`.
    pub fn position(&self, id: &QuestionId) -> Option<usize> {
        self.positions.get(id).copied()
    }
}

impl BankFile {
    /// The problems of the file that are not inside a single question.
    fn problems(&self) -> Vec<DraftProblem> {
        let mut problems = Vec::new();
        let texts = [
            ("title", Some(&self.title), MOST_TITLE),
            ("description", self.description.as_ref(), MOST_TEXT),
            ("license", self.license.as_ref(), MOST_TEXT),
        ];
        for (field, text, most) in texts {
            match text {
                Some(text) if text.trim().is_empty() => problems.push(DraftProblem::new(field, "empty")),
                Some(text) if text.len() > most => {
                    problems.push(DraftProblem::new(field, format!("{} bytes, at most {most}", text.len())));
                }
                _ => {}
            }
        }
        if self.play.as_ref().is_some_and(BTreeSet::is_empty) {
            problems.push(DraftProblem::new("play", "at least one of solo, rooms"));
        }
        let is_solo = self.play.as_ref().is_some_and(|play| play.contains(&PlayMode::Solo));
        if is_solo && self.hosting == Some(Hosting::Key) {
            problems.push(DraftProblem::new("hosting", "key keeps nothing secret that play lets anyone learn solo"));
        }
        for (field, message) in self.scoring.iter().flat_map(Scoring::problems) {
            problems.push(DraftProblem::new(format!("scoring.{field}"), message));
        }
        if let Some(rule) = &self.progression {
            let fields = [("xpPerCorrect", rule.xp_per_correct), ("gemsPerFullBonus", rule.gems_per_full_bonus)];
            for (field, _) in fields.iter().filter(|(_, earned)| *earned > Scoring::MOST_POINTS) {
                let message = format!("at most {}", Scoring::MOST_POINTS);
                problems.push(DraftProblem::new(format!("progression.{field}"), message));
            }
        }
        if self.questions.len() > MOST_QUESTIONS {
            problems.push(DraftProblem::new("questions", format!("at most {MOST_QUESTIONS}")));
        }
        problems
    }
}

/// The JSON Schema of a bank's file.
pub fn schema() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<BankFile>();
    // The draft types make texts optional because a request may omit them. A bank must have them.
    for draft in ["QuestionDraft", "ChoiceDraft"] {
        require_text(&mut schema, draft);
    }
    require_by_kind(&mut schema);
    schema.to_value()
}

fn require_text(schema: &mut Schema, draft: &str) {
    let Some(draft) = schema.pointer_mut(&format!("/$defs/{draft}")) else { return };
    draft["properties"]["text"]["type"] = json!("string");
    if let Some(required) = draft["required"].as_array_mut() {
        required.push(json!("text"));
    }
}

/// Adds rules for the fields that each kind of question requires.
fn require_by_kind(schema: &mut Schema) {
    let Some(draft) = schema.pointer_mut("/$defs/QuestionDraft") else { return };
    let needed = |kind: Kind| match kind {
        Kind::Choice => json!({"required": ["options", "correctOptionId"]}),
        Kind::Multiple => json!({"required": ["options", "correctOptionIds"]}),
        Kind::Text => json!({"required": ["correctTexts"]}),
        Kind::Number => json!({"oneOf": [{"required": ["correctNumber"]}, {"required": ["correctRange"]}]}),
        Kind::Order => json!({"required": ["options", "correctOrder"]}),
        Kind::Poll => json!({}),
    };
    // A question without `kind` is a `choice`. `properties` also matches if `kind` is missing, so the rule
    // for `choice` needs no `required`.
    let of = |kind: Kind| json!({"if": {"properties": {"kind": {"const": kind}}}, "then": needed(kind)});
    let named = |kind: Kind| json!({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": needed(kind)});
    let others = [Kind::Multiple, Kind::Text, Kind::Number, Kind::Order].map(named);
    draft["allOf"] = [of(Kind::Choice)].into_iter().chain(others).collect();
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A valid bank with that many questions, `q0`, `q1` and so on, whose categories alternate between three.
    pub(in crate::quizzes) fn bank_file(id: &str, questions: usize) -> Value {
        let question = |n: usize| {
            json!({
                "questionId": format!("q{n}"),
                "text": format!("What is {n}?"),
                "category": (["Art", "Music", "Sea"][n % 3]),
                "difficulty": (["easy", "hard"][n % 2]),
                "options": [{"optionId": 1, "text": "this"}, {"optionId": 2, "text": "that"}],
                "correctOptionId": 1 + n % 2,
            })
        };
        json!({"quizId": id, "title": "A bank", "questions": (0..questions).map(question).collect::<Vec<_>>()})
    }

    pub(in crate::quizzes) fn bank(id: &str, questions: usize) -> Bank {
        Bank::parse(bank_file(id, questions).to_string().as_bytes()).expect("nothing is wrong")
    }

    fn told(file: &Value) -> Vec<String> {
        let text = serde_json::to_string_pretty(file).expect("a value is JSON");
        let found = Bank::parse(text.as_bytes()).expect_err("something is wrong");
        found.iter().map(DraftProblem::to_string).collect()
    }

    fn told_with(path: &str, value: Value) -> Vec<String> {
        let mut file = bank_file("b", 2);
        let (parent, field) = path.rsplit_once('/').expect("a pointer");
        file.pointer_mut(parent).expect("is there")[field] = value;
        told(&file)
    }

    #[test]
    fn a_bank_says_what_can_be_selected() {
        let bank = bank("b", 7);
        assert_eq!(bank.categories(), ["Art", "Music", "Sea"]);
        assert_eq!(bank.difficulties(), [Difficulty::Easy, Difficulty::Hard]);
        assert_eq!(bank.position(&"q6".parse().expect("valid")), Some(6));
        assert_eq!(bank.position(&"q7".parse().expect("valid")), None);
        assert_eq!(bank.scoring, Scoring::default());
    }

    #[test]
    fn a_bank_that_does_not_say_so_is_not_played_alone() {
        assert!(!bank("b", 1).is_for(PlayMode::Solo));
        assert!(bank("b", 1).is_for(PlayMode::Rooms));
        let mut file = bank_file("b", 1);
        file["play"] = json!(["rooms", "solo"]);
        assert!(Bank::parse(file.to_string().as_bytes()).expect("valid").is_for(PlayMode::Solo));
    }

    #[test]
    fn what_is_no_such_json_is_told_with_path_line_and_column() {
        let cases = [
            ("/quizId", json!("No Slug"), "quizId: must be 1 to 64 of a-z, 0-9, - and _"),
            ("/colour", json!(1), "colour: unknown field `colour`, expected one of `$schema`, `quizId`"),
            ("/play", json!(["alone"]), "play[0]: unknown variant `alone`, expected `solo` or `rooms`"),
            (
                "/questions/1/kind",
                json!("essay"),
                "questions[1].kind: unknown variant `essay`, expected one of `choice`, `multiple`",
            ),
            ("/questions/1/difficulty", json!("hardest"), "questions[1].difficulty: unknown variant `hardest`"),
            ("/questions/0/options/1/optionId", json!(-1), "questions[0].options[1].optionId: invalid value"),
            ("/questions/0/correctOptionId", json!("a"), "questions[0].correctOptionId: invalid type: string"),
        ];
        for (path, value, start) in cases {
            let told = told_with(path, value);
            assert!(told.len() == 1 && told[0].starts_with(start), "{path}: {told:?}");
            assert!(told[0].contains(" at line "), "{path}: {told:?}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_told_with_its_path() {
        let slow_first = json!({"base": 1, "speedBonus": [{"withinMs": 9, "points": 1}, {"withinMs": 8, "points": 1}]});
        let cases = [
            ("/title", json!(" "), "title: empty"),
            ("/title", json!("x".repeat(201)), "title: 201 bytes, at most 200"),
            ("/description", json!(""), "description: empty"),
            ("/license", json!("x".repeat(4097)), "license: 4097 bytes, at most 4096"),
            ("/play", json!([]), "play: at least one of solo, rooms"),
            ("/scoring", slow_first, "scoring.speedBonus: fastest first, and never more points for a slower answer"),
            (
                "/progression",
                json!({"xpPerCorrect": 1_000_001, "gemsPerFullBonus": 0}),
                "progression.xpPerCorrect: at most 1000000",
            ),
            ("/questions", json!([]), "questions: at least 1"),
            ("/questions/1/text", Value::Null, "questions[1].text: missing"),
            ("/questions/1/options/0/text", Value::Null, "questions[1].options[0].text: missing"),
            ("/questions/1/questionId", json!("q0"), "questions[1].questionId: \"q0\" stands here a second time"),
            ("/questions/1/timeLimitMs", json!(5), "questions[1].timeLimitMs: 100 to 86400000"),
            ("/questions/1/correctOptionId", Value::Null, "questions[1].correctOptionId: missing"),
            ("/questions/1/correctOptionId", json!(7), "questions[1].correctOptionId: none of the options"),
        ];
        for (path, value, problem) in cases {
            assert_eq!(told_with(path, value), [problem], "{path}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let mut file = bank_file("b", 2);
        file["title"] = json!("");
        file["questions"][1]["category"] = json!("");
        assert_eq!(told(&file), ["title: empty", "questions[1].category: empty"]);
    }

    #[test]
    fn a_bank_ends_at_20_000_questions() {
        assert_eq!(bank("b", 20_000).questions.len(), 20_000);
        assert_eq!(told(&bank_file("b", 20_001)), ["questions: at most 20000"]);
    }

    #[test]
    fn the_committed_schema_is_the_types_schema() {
        let committed: Value = serde_json::from_str(include_str!("../../data/quiz.schema.json")).expect("JSON");
        assert!(committed == schema(), "write it anew: rejoin quizzes schema > data/quiz.schema.json");
    }

    #[test]
    fn the_schema_knows_the_limits() {
        let schema = schema();
        let of = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(of("/additionalProperties"), json!(false));
        assert_eq!(of("/properties/questions/maxItems"), json!(20_000));
        assert_eq!(of("/properties/title/maxLength"), json!(200));
        assert_eq!(of("/$defs/QuizId/pattern"), json!("^[a-z0-9][a-z0-9_-]{0,63}$"));
        assert_eq!(of("/$defs/QuestionDraft/properties/options/minItems"), json!(2));
        assert_eq!(of("/$defs/QuestionDraft/properties/options/maxItems"), json!(12));
        assert_eq!(of("/$defs/QuestionDraft/properties/timeLimitMs/minimum"), json!(100));
        assert_eq!(of("/$defs/OptionId/maximum"), json!(9_007_199_254_740_991_u64));
        assert_eq!(of("/$defs/ChoiceDraft/required"), json!(["optionId", "text"]));
    }
}
