//! Exports a bank as a table or as GIFT, in a form that the importers can read again. What a format can't
//! hold is left out and reported.

use csv::WriterBuilder;

use super::super::bank::BankFile;
use crate::domain::markup::{Node, Tag, parse};
use crate::domain::quiz::draft::{DraftProblem, MOST_OPTIONS, QuestionDraft};
use crate::domain::{Difficulty, Kind, Number, OptionId};

/// The formats in which a bank can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// A table with one question per row
    Csv,
    /// Moodle's GIFT
    Gift,
    /// A bank file of rejoin
    Json,
}

/// A bank written in another format.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// The content of the file.
    pub text: String,
    /// What the format can't hold, each with the question's place in the bank.
    pub lost: Vec<DraftProblem>,
    /// The fields of the bank, other than the questions, that are not written.
    pub of_bank: Vec<&'static str>,
}

impl Exported {
    fn lose(&mut self, index: usize, what: &str) {
        self.lost.push(DraftProblem::new(format!("questions[{index}]"), what));
    }
}

/// The names of the bank's fields, other than the questions, that are set.
fn of_bank(file: &BankFile) -> Vec<&'static str> {
    let fields = [
        ("description", file.description.is_some()),
        ("license", file.license.is_some()),
        ("play", file.play.is_some()),
        ("hosting", file.hosting.is_some()),
        ("defaults", file.defaults.is_some()),
        ("scoring", file.scoring.is_some()),
        ("progression", file.progression.is_some()),
    ];
    fields.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name).collect()
}

/// Makes spreadsheet programs read the table as UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Columns before the options.
const BEFORE: [&str; 3] = ["questionId", "kind", "question"];
/// Columns after the options.
const AFTER: [&str; 8] = ["correct", "timeLimitMs", "points", "category", "difficulty", "explanation", "image", "alt"];

/// An optional column: its name and the cell of a question. It is written only if some question has a value.
type Rare = (&'static str, fn(&QuestionDraft) -> Option<String>);

const RARE: [Rare; 3] = [
    ("ignoreAccents", |question| question.ignore_accents.map(truth)),
    ("maxTypos", |question| question.max_typos.map(|typos| typos.to_string())),
    ("noSpeedBonus", |question| question.no_speed_bonus.map(truth)),
];

fn truth(is_so: bool) -> String {
    if is_so { "TRUE" } else { "FALSE" }.to_owned()
}

/// Writes the bank as a table with this separator, a byte of ASCII.
///
/// # Errors
/// None are expected: the cells are strings, and the table is written to memory.
pub fn csv(file: &BankFile, separator: u8) -> csv::Result<Exported> {
    let mut exported = Exported { of_bank: of_bank(file), ..Exported::default() };
    let count = file.questions.iter().map(|question| cells_of(question).len()).max().unwrap_or_default();
    let mut table = WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    let options = (1..=count).map(|n| format!("option{n}"));
    let rare = RARE.into_iter().filter(|(_, cell)| file.questions.iter().any(|question| cell(question).is_some()));
    let rare: Vec<Rare> = rare.collect();
    let names = BEFORE.map(str::to_owned).into_iter().chain(options).chain(AFTER.map(str::to_owned));
    table.write_record(names.chain(rare.iter().map(|(name, _)| (*name).to_owned())))?;
    for question in &file.questions {
        let mut row = row(question, count);
        row.extend(rare.iter().map(|(_, cell)| cell(question).unwrap_or_default()));
        table.write_record(row)?;
    }
    let bytes = table.into_inner().map_err(|error| error.into_error())?;
    exported.text = format!("{BYTE_ORDER_MARK}{}", String::from_utf8_lossy(&bytes));
    Ok(exported)
}

fn row(question: &QuestionDraft, count: usize) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut row = vec![question.question_id.to_string(), question.kind.name().to_owned(), text(&question.text)];
    let options = cells_of(question);
    let missing = count - options.len();
    row.extend(options);
    row.extend(std::iter::repeat_n(String::new(), missing));
    row.push(correct(question));
    row.push(question.time_limit_ms.map(|limit| limit.to_string()).unwrap_or_default());
    row.push(question.points.map(plain).unwrap_or_default());
    row.push(text(&question.category));
    row.push(question.difficulty.map(difficulty).unwrap_or_default().to_owned());
    row.extend([&question.explanation, &question.image, &question.alt].map(text));
    row.iter().map(|cell| harmless(cell)).collect()
}

/// The cells in the option columns. For an ordering question the options in the right order, for a typed text
/// the texts that count as right.
fn cells_of(question: &QuestionDraft) -> Vec<String> {
    let text_of = |id: &OptionId| {
        let option = question.options.iter().find(|option| option.option_id == *id);
        option.and_then(|option| option.text.clone()).unwrap_or_default()
    };
    match question.kind {
        Kind::Text => question.correct_texts.clone().unwrap_or_default(),
        Kind::Order => question.correct_order.iter().flatten().map(text_of).collect(),
        _ => question.options.iter().map(|option| option.text.clone().unwrap_or_default()).collect(),
    }
}

fn correct(question: &QuestionDraft) -> String {
    let place = |id: &OptionId| {
        let place = question.options.iter().position(|option| option.option_id == *id);
        place.map(|place| (place + 1).to_string())
    };
    let range = || {
        question.correct_range.map(|range| format!("{}..{}", plain(range.min), plain(range.max))).unwrap_or_default()
    };
    match question.kind {
        Kind::Choice => question.correct_option_id.as_ref().and_then(place).unwrap_or_default(),
        Kind::Multiple => {
            let mut places: Vec<String> = question.correct_option_ids.iter().flatten().filter_map(place).collect();
            places.sort_by_key(|place| place.parse::<usize>().unwrap_or(MOST_OPTIONS));
            places.join(",")
        }
        Kind::Number => match (question.correct_number, question.tolerance) {
            (Some(number), Some(tolerance)) => format!("{} +- {}", plain(number), plain(tolerance)),
            (Some(number), None) => plain(number),
            (None, _) => range(),
        },
        Kind::Text | Kind::Order | Kind::Poll => String::new(),
    }
}

/// Formats a number so that no spreadsheet takes its decimal point for a thousands separator: 1.234 is
/// written as 1.2340.
fn plain(number: Number) -> String {
    let text = number.to_string();
    let decimals = text.split_once('.').filter(|(whole, _)| whole.trim_start_matches('-') != "0");
    if decimals.is_some_and(|(_, decimals)| decimals.len() == 3) { format!("{text}0") } else { text }
}

fn difficulty(difficulty: Difficulty) -> &'static str {
    match difficulty {
        Difficulty::Easy => "easy",
        Difficulty::Medium => "medium",
        Difficulty::Hard => "hard",
    }
}

/// Puts an apostrophe before a cell that a spreadsheet would take for a formula. Numbers stay unchanged.
fn harmless(cell: &str) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) && !is_number {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// Writes the bank as GIFT, which has no ordering questions and no polls.
pub fn gift(file: &BankFile) -> Exported {
    let text = format!("// {}\n\n", file.title.replace('\n', " "));
    let mut exported = Exported { text, lost: Vec::new(), of_bank: of_bank(file) };
    let mut category = None;
    for (index, question) in file.questions.iter().enumerate() {
        let Some(answers) = answers(question) else {
            exported.lose(index, &format!("GIFT has no question of the kind {}: left out", question.kind.name()));
            continue;
        };
        for (what, is_lost) in [
            ("timeLimitMs", question.time_limit_ms.is_some()),
            ("points", question.points.is_some()),
            ("image", question.image.is_some()),
            ("difficulty", question.difficulty.is_some()),
            ("ignoreAccents", question.ignore_accents == Some(true)),
            ("maxTypos", question.max_typos.unwrap_or_default() > 0),
            ("noSpeedBonus", question.no_speed_bonus == Some(true)),
            ("multiple of one right option", question.correct_option_ids.as_ref().is_some_and(|ids| ids.len() == 1)),
        ] {
            if is_lost {
                exported.lose(index, &format!("GIFT has no {what}"));
            }
        }
        if category != question.category.as_ref() {
            category = question.category.as_ref();
            let name = category.map(|name| name.replace('/', "//").replace('\n', " "));
            exported.text += &format!("$CATEGORY: {}\n\n", name.as_deref().unwrap_or("top"));
        }
        let text = question.text.as_deref().unwrap_or_default();
        let explanation = question.explanation.as_deref().map(|text| format!("\n####{}", written(text)));
        exported.text += &format!(
            "::{}::{} {{\n{answers}{}\n}}\n\n",
            escaped(question.question_id.as_str()),
            written(text),
            explanation.unwrap_or_default()
        );
    }
    exported
}

/// The text between the braces. `None` for a kind that GIFT doesn't have.
fn answers(question: &QuestionDraft) -> Option<String> {
    let option = |mark: &str, text: &Option<String>| format!("{mark}{}", written(text.as_deref().unwrap_or_default()));
    let lines: Vec<String> = match question.kind {
        Kind::Choice => {
            let mark = |id| if Some(id) == question.correct_option_id { "=" } else { "~" };
            question.options.iter().map(|choice| option(mark(choice.option_id), &choice.text)).collect()
        }
        Kind::Multiple => {
            let right = question.correct_option_ids.as_deref().unwrap_or_default();
            let share = |count: usize| format!("{:.5}", 100.0 / count.max(1) as f64);
            let (plus, minus) = (share(right.len()), share(right.len()));
            let mark = |id: &OptionId| if right.contains(id) { format!("~%{plus}%") } else { format!("~%-{minus}%") };
            question.options.iter().map(|choice| option(&mark(&choice.option_id), &choice.text)).collect()
        }
        Kind::Text => question.correct_texts.iter().flatten().map(|text| format!("={}", escaped(text))).collect(),
        Kind::Number => vec![match (question.correct_number, question.correct_range) {
            (Some(number), _) => format!("#{number}:{}", question.tolerance.unwrap_or_default()),
            (None, range) => range.map(|range| format!("#{}..{}", range.min, range.max))?,
        }],
        Kind::Order | Kind::Poll => return None,
    };
    Some(lines.join("\n"))
}

/// Writes a text in our markup for GIFT: as HTML if it has tags or line breaks, otherwise as plain text.
fn written(text: &str) -> String {
    let nodes = parse(text);
    let is_plain = !text.contains('\n') && nodes.iter().all(|node| matches!(node, Node::Text(_)));
    let plain =
        || nodes.iter().map(|node| if let Node::Text(text) = node { text.as_str() } else { "" }).collect::<String>();
    if is_plain { format!("[plain]{}", escaped(&plain())) } else { format!("[html]{}", escaped(&html(&nodes, false))) }
}

fn html(nodes: &[Node], keeps_lines: bool) -> String {
    let text = |text: &str| {
        let text = html_escape::encode_text(text).into_owned();
        if keeps_lines { text } else { text.replace('\n', "<br>") }
    };
    let one = |node: &Node| match node {
        Node::Text(plain) => text(plain),
        Node::Tagged(tag, inside) => {
            let name = tag.name();
            format!("<{name}>{}</{name}>", html(inside, keeps_lines || *tag == Tag::Pre))
        }
    };
    nodes.iter().map(one).collect()
}

/// Escapes GIFT's special characters, and line breaks: an empty line would end the question.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '~' | '=' | '#' | '{' | '}' | ':' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
