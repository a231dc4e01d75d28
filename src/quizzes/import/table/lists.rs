//! Splits options listed in one cell: `Rhein; Elbe`, `A. Rhein | B. Elbe`, `{"A": "Rhein", "B": "Elbe"}`.

use serde_json::Value;

use super::header::Header;
use super::names::{Column, label};
use super::{Table, TableRow};

/// Separators between options. The comma is tried last, because it also occurs inside options.
const BETWEEN: [char; 4] = ['\n', '|', ';', ','];

/// Finds the separator between the options of a table, and rewrites JSON lists as lines.
pub(super) fn prepare(table: &mut Table, header: &mut Header, first: usize) {
    let Some(index) = header.column(Column::Options) else { return };
    for row in table.rows.iter_mut().skip(first) {
        rewrite(row, index);
    }
    let cells = table.rows.iter().skip(first).filter_map(|row| row.cells.get(index));
    header.between = between(cells.map(String::as_str));
}

/// The separator that occurs in most cells. The comma only if no other separator occurs.
fn between<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> char {
    let count = |separator: char| cells.clone().filter(|cell| cell.contains(separator)).count();
    let [others @ .., comma] = BETWEEN;
    // On a tie the first separator wins: `max_by_key` returns the last maximum, so the order is reversed.
    let most = others.into_iter().rev().max_by_key(|separator| count(*separator));
    most.filter(|separator| count(*separator) > 0).unwrap_or(comma)
}

/// The options in a cell, without the letters or numbers before them.
pub(super) fn texts(list: &str, between: char) -> Vec<&str> {
    let texts: Vec<&str> = list.split(between).map(str::trim).filter(|text| !text.is_empty()).collect();
    let bare: Option<Vec<&str>> = texts.iter().zip(1..).map(|(text, number)| without_label(text, number)).collect();
    bare.filter(|bare| bare.len() > 1).unwrap_or(texts)
}

/// Removes the label of the option with this number: `Elbe` for `B. Elbe`, `B) Elbe`, `B Elbe` and `2. Elbe`,
/// if it is the second. `None` if it has no such label.
fn without_label(text: &str, number: usize) -> Option<&str> {
    let at = text.find(['.', ')', ':', ' '])?;
    let (before, behind) = text.split_at(at);
    let is_letter = before.starts_with(|c: char| c.is_ascii_uppercase());
    let rest = behind[1..].trim_start();
    let is_label = label(before) == Some(number) && (is_letter || !behind.starts_with(' '));
    // Requires a blank after a point, because 1.5 is a number.
    let is_apart = behind.starts_with([' ', ')']) || behind[1..].starts_with(' ');
    (is_label && is_apart && !rest.is_empty()).then_some(rest)
}

/// Rewrites a JSON list with line breaks. A text that only looks like one makes the row unreadable.
fn rewrite(row: &mut TableRow, index: usize) {
    let Some(cell) = row.cells.get_mut(index) else { return };
    let list = cell.trim();
    let inside = list.strip_prefix(['{', '[']).map(str::trim_start);
    if !inside.is_some_and(|inside| inside.starts_with(['"', '\'', '}', ']'])) {
        return;
    }
    match of_json(list) {
        Some(texts) => *cell = texts.join("\n"),
        None => row.unreadable = Some("the list of options can't be read; write them with a semicolon between them"),
    }
}

/// The texts of a JSON list, or of an object with the keys A, B, C or 1, 2, 3. `None` for anything else.
fn of_json(list: &str) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let texts: Vec<String> = match serde_json::from_str(list).ok()? {
        Value::Array(values) => values.into_iter().map(text).collect::<Option<_>>()?,
        Value::Object(members) => {
            let named = members.into_iter().map(|(name, value)| Some((label(name.trim())?, text(value)?)));
            let mut named: Vec<(usize, String)> = named.collect::<Option<_>>()?;
            named.sort_by_key(|(label, _)| *label);
            if named.iter().zip(1..).any(|((label, _), number)| *label != number) {
                return None;
            }
            named.into_iter().map(|(_, text)| text).collect()
        }
        _ => return None,
    };
    texts.iter().all(|text| !text.contains('\n')).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_before_options_are_no_part_of_them() {
        assert_eq!(texts("A. Rhein|B. Elbe", '|'), ["Rhein", "Elbe"]);
        assert_eq!(texts("A Rhein|B Elbe", '|'), ["Rhein", "Elbe"]);
        assert_eq!(texts("1) Rhein|2) Elbe", '|'), ["Rhein", "Elbe"]);
        for list in ["1 cat|2 cats", "1.5|2.5", "B. Rhein|A. Elbe", "A. Rhein|Elbe", "a cat|b"] {
            assert_eq!(texts(list, '|'), list.split('|').collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_comma_stands_within_options_if_anything_else_stands_between_them() {
        assert_eq!(between(["a, b; c", "d; e, f"].into_iter()), ';');
        assert_eq!(between(["a|b", "c|d", "e;f"].into_iter()), '|');
        assert_eq!(between(["a, b", "c, d"].into_iter()), ',');
    }

    #[test]
    fn json_is_a_list_of_options() {
        let texts = |list| of_json(list).unwrap_or_default();
        assert_eq!(texts(r#"{"B": "Elbe", "A": "Rhein"}"#), ["Rhein", "Elbe"]);
        assert_eq!(texts(r#"["Rhein", 2]"#), ["Rhein", "2"]);
        for list in ["{}", r#"{"B": "Elbe"}"#, r#"{"x": "Elbe"}"#, r#"["a\nb"]"#, r#"[["a"]]"#, "['a', 'b']"] {
            assert!(texts(list).is_empty(), "{list}");
        }
    }
}
