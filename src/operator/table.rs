//! Tables of text with aligned columns.

use std::fmt::Write as _;

/// Prints rows under their heads. The last column is not padded, so a long text belongs there.
pub(super) fn print(heads: &[&str], rows: &[Vec<String>]) {
    print!("{}", table(heads, rows));
}

fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |text: &str| text.chars().count();
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| width(&row[column]));
        cells.chain([width(heads[column])]).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..heads.len()).map(widest).collect();
    let heads: Vec<_> = heads.iter().map(|head| (*head).to_owned()).collect();
    let mut text = String::new();
    for row in [&heads].into_iter().chain(rows) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            write!(line, "{cell:width$}  ").expect("a text can be written to");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["1a2b3c4d".to_owned(), "é".to_owned(), "x y".to_owned()]];
        assert_eq!(table(&["A", "LONG", "B"], &rows), "A         LONG  B\n1a2b3c4d  é     x y\n");
        assert_eq!(table(&["A", "B"], &[]), "A  B\n");
    }
}
