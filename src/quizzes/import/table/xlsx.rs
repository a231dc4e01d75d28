//! Reads the sheets of an .xlsx workbook.

use super::Table;
use super::numbers::{self, NumberStyle};
use super::workbook::{Cell, MOST_CELL, MOST_COLUMNS, MOST_ROWS, MOST_SHEETS, Package, Sheets, too_large};
use super::xml::{Xml, XmlToken};
use crate::domain::quiz::draft::DraftProblem;

/// Maximum number of shared texts. A workbook within the limits can't show more.
const MOST_STRINGS: usize = MOST_ROWS * MOST_COLUMNS;
/// Maximum number of cell styles, of number formats, and of references in a part. Those beyond it are ignored.
const MOST_STYLES: usize = 65_536;

/// The parts that cells of all sheets refer to by index.
#[derive(Debug, Default)]
struct SharedParts {
    strings: Vec<String>,
    /// How numbers are displayed, by the index of the cell style.
    styles: Vec<NumberStyle>,
    /// Whether dates count from 1904.
    from_1904: bool,
}

/// A reference from one part to another.
struct Relation {
    id: String,
    kind: String,
    path: String,
}

/// The sheets that are not empty, in the workbook's order.
pub(super) fn tables(package: &mut Package<'_>) -> Result<Vec<Table>, DraftProblem> {
    let root = relations(package, "", "")?;
    let workbook = root.into_iter().find(|relation| relation.kind == "officeDocument");
    let workbook = workbook.map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.path);
    let (folder, name) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
    let relations = relations(package, folder, name)?;
    let part = |package: &mut Package<'_>, kind: &str| {
        let relation = relations.iter().find(|relation| relation.kind == kind);
        relation.map_or(Ok(None), |relation| package.part(&relation.path))
    };
    let mut shared = SharedParts::default();
    if let Some(bytes) = part(package, "sharedStrings")? {
        shared.strings = strings(&bytes)?;
    }
    if let Some(bytes) = part(package, "styles")? {
        shared.styles = styles(&bytes)?;
    }
    let Some(bytes) = package.part(&workbook)? else {
        return Err(DraftProblem::new("file", "the workbook has no sheets; save it again as .xlsx or as CSV"));
    };
    let mut sheets = Sheets::default();
    for (name, id) in sheet_names(&bytes, &mut shared)? {
        let path = relations.iter().find(|relation| relation.id == id && relation.kind == "worksheet");
        let Some(path) = path.map(|relation| relation.path.as_str()) else { continue };
        if let Some(bytes) = package.part(path)? {
            sheets.begin(name);
            sheet(&bytes, &shared, &mut sheets)?;
        }
    }
    Ok(sheets.finish())
}

/// The references of the part `name` in `folder`.
fn relations(package: &mut Package<'_>, folder: &str, name: &str) -> Result<Vec<Relation>, DraftProblem> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut relations = Vec::new();
    let Some(bytes) = package.part(&format!("{prefix}_rels/{name}.rels"))? else { return Ok(relations) };
    let mut xml = Xml::new(&bytes);
    while let Some(element) = xml.next_start()? {
        if !element.is("Relationship") || relations.len() == MOST_STYLES {
            continue;
        }
        let attribute = |name| element.attribute(name).unwrap_or_default();
        let (id, kind, target) = (attribute("Id"), attribute("Type"), attribute("Target"));
        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
        let path = match target.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None => format!("{prefix}{}", target.trim_start_matches("./")),
        };
        relations.push(Relation { id, kind, path });
    }
    Ok(relations)
}

/// The name of each sheet and the id of its part. Also reads from which year dates count.
fn sheet_names(bytes: &[u8], shared: &mut SharedParts) -> Result<Vec<(String, String)>, DraftProblem> {
    let mut names = Vec::new();
    let mut xml = Xml::new(bytes);
    while let Some(element) = xml.next_start()? {
        if element.is("workbookPr") {
            shared.from_1904 = matches!(element.attribute("date1904").as_deref(), Some("1" | "true"));
        } else if element.is("sheet") && names.len() < MOST_SHEETS {
            names.push((element.attribute("name").unwrap_or_default(), element.attribute("id").unwrap_or_default()));
        }
    }
    Ok(names)
}

fn strings(bytes: &[u8]) -> Result<Vec<String>, DraftProblem> {
    let mut strings = Vec::new();
    let mut xml = Xml::new(bytes);
    while let Some(element) = xml.next_start()? {
        if element.is("si") {
            if strings.len() == MOST_STRINGS {
                return Err(too_large(format!("the workbook has more than {MOST_STRINGS} texts")));
            }
            let text = rich_text(&mut xml, "si")?;
            // Every cell that refers to a text copies it, so its size is limited like that of a cell.
            if text.len() > MOST_CELL {
                return Err(too_large(format!(
                    "a text of the workbook is too large: more than {} KB",
                    MOST_CELL >> 10
                )));
            }
            strings.push(text);
        }
    }
    Ok(strings)
}

/// The text up to the end of an element. Superscript and subscript become tags, because 2³ would become 23
/// otherwise.
fn rich_text(xml: &mut Xml<'_>, end: &str) -> Result<String, DraftProblem> {
    let mut text = String::new();
    let mut level = None;
    while let Some(token) = xml.next()? {
        match token {
            XmlToken::Start(element) if element.is("r") => level = None,
            // Phonetic hints (`rPh`) are not part of the text.
            XmlToken::Start(element) if element.is("rPh") => xml.skip("rPh")?,
            XmlToken::Start(element) if element.is("vertAlign") => {
                level = match element.attribute("val").as_deref() {
                    Some("superscript") => Some("sup"),
                    Some("subscript") => Some("sub"),
                    _ => None,
                };
            }
            XmlToken::Start(element) if element.is("t") => {
                let piece = unescaped(&xml.text("t")?);
                match level {
                    Some(tag) if !piece.trim().is_empty() => text.push_str(&format!("<{tag}>{piece}</{tag}>")),
                    _ => text.push_str(&piece),
                }
            }
            XmlToken::End(name) if name == end => break,
            _ => (),
        }
    }
    Ok(text)
}

/// Decodes `_x000D_` and the like, which stand for characters that XML can't hold. Line ends become line feeds.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 7).filter(|code| code.ends_with('_'));
        let code = code.and_then(|code| u32::from_str_radix(&code[..4], 16).ok()).and_then(char::from_u32);
        plain.push_str(&rest[..at]);
        match code {
            Some(character) => plain.push(character),
            None => plain.push_str("_x"),
        }
        rest = &rest[if code.is_some() { at + 7 } else { at + 2 }..];
    }
    plain.push_str(rest);
    plain.replace("\r\n", "\n").replace('\r', "\n")
}

/// How numbers are displayed, for each cell style.
fn styles(bytes: &[u8]) -> Result<Vec<NumberStyle>, DraftProblem> {
    let (mut formats, mut styles) = (Vec::new(), Vec::new());
    let mut xml = Xml::new(bytes);
    let mut is_cell = false;
    while let Some(token) = xml.next()? {
        match token {
            XmlToken::Start(element) if element.is("numFmt") && formats.len() < MOST_STYLES => {
                let id = element.attribute("numFmtId").unwrap_or_default();
                formats.push((id, NumberStyle::by_code(&element.attribute("formatCode").unwrap_or_default())));
            }
            XmlToken::Start(element) if element.is("cellXfs") => {
                is_cell = true;
                // The file has its number formats before `cellXfs`, so the list is complete and can be sorted
                // for the search.
                formats.sort_by(|(a, _), (b, _)| a.cmp(b));
            }
            XmlToken::End(name) if name == "cellXfs" => is_cell = false,
            XmlToken::Start(element) if is_cell && element.is("xf") && styles.len() < MOST_STYLES => {
                let id = element.attribute("numFmtId").unwrap_or_default();
                let own = formats.binary_search_by(|(other, _)| other.cmp(&id)).ok();
                styles.push(own.map_or_else(|| NumberStyle::by_id(&id), |at| formats[at].1));
            }
            _ => (),
        }
    }
    Ok(styles)
}

fn sheet(bytes: &[u8], shared: &SharedParts, sheets: &mut Sheets) -> Result<(), DraftProblem> {
    let mut xml = Xml::new(bytes);
    // The next row and column, for cells without a reference.
    let (mut row, mut column) = (0, 0);
    let mut next_row = 0;
    while let Some(element) = xml.next_start()? {
        if element.is("row") {
            let number = element.attribute("r").and_then(|number| number.parse::<usize>().ok());
            row = number.map_or(next_row, |number| number.saturating_sub(1));
            (next_row, column) = (row.saturating_add(1), 0);
        } else if element.is("c") {
            column = element.attribute("r").and_then(|place| column_of(&place)).unwrap_or(column);
            let kind = element.attribute("t").unwrap_or_default();
            let style = element.attribute("s").and_then(|style| style.parse::<usize>().ok());
            let style = style.and_then(|style| shared.styles.get(style)).copied().unwrap_or(NumberStyle::Number);
            let cell = cell(&mut xml, &kind, style, shared)?;
            sheets.add(row, column, cell)?;
            column = column.saturating_add(1);
        }
    }
    Ok(())
}

/// The column in a cell reference such as `AB12`, counted from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let column = letters.fold(0usize, |column, letter| {
        column.saturating_mul(26).saturating_add(usize::from(letter.to_ascii_uppercase() - b'A') + 1)
    });
    column.checked_sub(1)
}

/// The content of a cell, as it is shown.
fn cell(xml: &mut Xml<'_>, kind: &str, style: NumberStyle, shared: &SharedParts) -> Result<Cell, DraftProblem> {
    let (mut value, mut inline) = (String::new(), None);
    while let Some(token) = xml.next()? {
        match token {
            XmlToken::Start(element) if element.is("v") => value = xml.text("v")?,
            XmlToken::Start(element) if element.is("is") => inline = Some(rich_text(xml, "is")?),
            XmlToken::Start(element) if element.is("f") => xml.skip("f")?,
            XmlToken::End(name) if name == "c" => break,
            _ => (),
        }
    }
    Ok(Cell::text(match kind {
        "s" => value.trim().parse().ok().and_then(|at: usize| shared.strings.get(at)).cloned().unwrap_or_default(),
        "inlineStr" => inline.unwrap_or_default(),
        "b" if !value.is_empty() => if matches!(value.trim(), "1" | "true") { "TRUE" } else { "FALSE" }.to_owned(),
        // A formula with an error shows nothing useful.
        "e" => String::new(),
        "str" => unescaped(&value),
        "d" => value,
        _ => {
            let text = numbers::shown(&value, style, shared.from_1904);
            return Ok(Cell { text, is_number: style == NumberStyle::Number });
        }
    }))
}
