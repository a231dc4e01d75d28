//! Tests of workbooks, which are built here from their parts.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::fuzzing::{Accepted, ByteEdits, edited};
use crate::quizzes::import::table::{is_workbook, read_workbook};

/// A ZIP archive of these parts.
fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file(*name, options).expect("a part");
        zip.write_all(text.as_bytes()).expect("a part");
    }
    zip.finish().expect("an archive").into_inner()
}

const ROOT: &str = "<Relationships><Relationship Id=\"rId1\" \
    Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
    Target=\"xl/workbook.xml\"/></Relationships>";
const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd.mm.yyyy"/></numFmts>
    <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="20"/></cellXfs></styleSheet>"#;

/// A workbook with these sheets (name and rows) and these shared strings.
fn xlsx(sheets: &[(&str, &str)], strings: &str) -> Vec<u8> {
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut names, mut relations) = (String::new(), String::new());
    let mut parts = Vec::new();
    for (index, (name, rows)) in sheets.iter().enumerate() {
        names += &format!("<sheet name=\"{name}\" sheetId=\"{}\" r:id=\"rId{index}\"/>", index + 1);
        relations +=
            &format!("<Relationship Id=\"rId{index}\" Type=\"{kind}/worksheet\" Target=\"worksheets/s{index}.xml\"/>");
        let path = format!("xl/worksheets/s{index}.xml");
        parts.push((
            path,
            format!("<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>{rows}</sheetData></worksheet>"),
        ));
    }
    relations += &format!("<Relationship Id=\"s\" Type=\"{kind}/sharedStrings\" Target=\"/xl/sharedStrings.xml\"/>");
    relations += &format!("<Relationship Id=\"t\" Type=\"{kind}/styles\" Target=\"styles.xml\"/>");
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>")));
    parts.push(("xl/workbook.xml".to_owned(), format!("<workbook><sheets>{names}</sheets></workbook>")));
    parts.push(("xl/sharedStrings.xml".to_owned(), format!("<sst uniqueCount=\"99999999999999\">{strings}</sst>")));
    let mut all = vec![("[Content_Types].xml", "<Types/>"), ("_rels/.rels", ROOT), ("xl/styles.xml", STYLES)];
    all.extend(parts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    archive(&all)
}

/// The XML rows for these texts and numbers. Each cell has its reference.
fn rows(rows: &[&[&str]]) -> String {
    let cell = |text: &str| match text.parse::<f64>() {
        Ok(_) => format!("<c><v>{text}</v></c>"),
        Err(_) => format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>"),
    };
    let row = |cells: &&[&str]| format!("<row>{}</row>", cells.iter().map(|text| cell(text)).collect::<String>());
    rows.iter().map(row).collect()
}

const HEADER: &[&str] = &["question", "option1", "option2", "correct", "time"];

fn read(bytes: &[u8]) -> ParsedFile {
    assert!(is_workbook(bytes));
    read_workbook(bytes).expect("a workbook")
}

#[test]
fn an_xlsx_workbook_is_read() {
    let sheet = rows(&[&["A title"], &[], HEADER, &["Which river?", "Rhein", "Elbe", "2.0", "20"]]);
    let found = read(&xlsx(&[("Quiz", &sheet)], ""));
    assert_eq!(told(&found), Vec::<String>::new());
    assert_eq!(found.understood, ["header in row 3"]);
    assert_eq!((asked(&found.items[0]), found.items[0].place.as_str()), (("Which river?", vec!["Elbe"]), "row 4"));
    assert_eq!(found.items[0].time_limit_ms, Some(20_000));
}

#[test]
fn cells_show_what_the_workbook_shows() {
    let strings = "<si><t>question</t></si><si><t>2 &lt; 3 &amp;_x000D_\nmore</t></si>\
        <si><r><t>10</t></r><r><rPr><vertAlign val=\"superscript\"/></rPr><t>6</t></r><rPh><t>x</t></rPh></si>";
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"str\"><f>x</f><v>Option 1</v></c>\
        <c r=\"C1\" t=\"inlineStr\"><is><t>Option 2</t></is></c>\
        <c r=\"D1\" t=\"inlineStr\"><is><t>Option 3</t></is></c>\
        <c r=\"E1\" t=\"inlineStr\"><is><t>Option 4</t></is></c><c r=\"F1\" t=\"inlineStr\"><is><t>correct</t></is></c>\
        <c r=\"G1\" t=\"inlineStr\"><is><t>time</t></is></c></row>\
        <row r=\"5\"><c r=\"A5\" t=\"s\"><v>1</v></c>\
        <c r=\"B5\" t=\"s\"><v>2</v></c><c r=\"C5\" s=\"1\"><v>45000</v></c>\
        <c r=\"D5\" t=\"b\"><v>1</v></c><c r=\"E5\"><v>0.30000000000000004</v></c><c r=\"F5\" t=\"n\"><v>4</v></c>\
        <c r=\"G5\" s=\"2\"><v>0.013888888888888888</v></c><c r=\"XFD5\" s=\"1\"/></row>";
    let found = read(&xlsx(&[("Quiz", sheet)], strings));
    assert_eq!(told(&found), Vec::<String>::new());
    assert_eq!(found.items[0].text, "2 < 3 &\nmore");
    assert_eq!(answers(&found.items[0]), (vec!["10<sup>6</sup>", "2023-03-15", "TRUE", "0.3"], vec![3]));
    assert_eq!((found.items[0].time_limit_ms, found.items[0].place.as_str()), (Some(20_000), "row 5"));
}

#[test]
fn a_true_or_false_cell_is_a_question_of_that_kind() {
    let sheet = format!(
        "{}<row><c t=\"inlineStr\"><is><t>Is it?</t></is></c><c t=\"b\"><v>0</v></c></row>",
        rows(&[&["question", "correct"]])
    );
    let found = read(&xlsx(&[("Quiz", &sheet)], ""));
    assert_eq!(found.items[0].asked, Item::true_or_false(String::new(), String::new(), false).asked);
}

#[test]
fn a_number_of_a_workbook_is_what_it_is_and_a_text_can_be_two() {
    let text = "<row><c t=\"inlineStr\"><is><t>How many?</t></is></c>\
        <c t=\"inlineStr\"><is><t>1.234</t></is></c><c t=\"inlineStr\"><is><t>number</t></is></c></row>";
    let cells =
        rows(&[&["question", "correct", "kind"], &["How many?", "1.234", "number"], &["Pi?", "3.14", "number"]]);
    let found = read(&xlsx(&[("Quiz", &format!("{cells}{text}"))], ""));
    let exact = |text| ItemKind::Number { number: Some(number(text)), min: number(text), max: number(text) };
    assert_eq!(found.items.iter().map(|item| item.asked.clone()).collect::<Vec<_>>(), [exact("1.234"), exact("3.14")]);
    assert_eq!(told(&found), ["row 4: \"1.234\" can be 1234 or 1.234; write 1234 or 1.2340"]);
}

#[test]
fn all_sheets_with_a_header_are_read() {
    let question: &[&str] = &["Which?", "x", "y", "1"];
    let sheets = [
        ("One", rows(&[HEADER, question])),
        ("Notes", rows(&[&["by Ann"]])),
        ("Two", rows(&[&["Hints"], HEADER, question])),
    ];
    let sheets: Vec<(&str, &str)> = sheets.iter().map(|(name, rows)| (*name, rows.as_str())).collect();
    let found = read(&xlsx(&sheets, ""));
    let places: Vec<&str> = found.items.iter().map(|item| item.place.as_str()).collect();
    assert_eq!(places, ["sheet \"One\", row 2", "sheet \"Two\", row 3"]);
    assert_eq!(found.understood, ["sheet \"Notes\" has no header and is not read", "header in row 2 of sheet \"Two\""]);
}

#[test]
fn an_ods_workbook_is_read() {
    let cell = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let header: String = ["question", "option1", "option2", "correct"].map(cell).concat();
    let content = format!(
        "<office:spreadsheet><table:table table:name=\"T\"><table:table-row>{header}</table:table-row>\
         <table:table-row table:number-rows-repeated=\"2\">\
         <table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>\
         <table:table-row><table:table-cell><office:annotation><text:p>note</text:p></office:annotation>\
         <text:p>Which <text:span>river</text:span></text:p><text:p>is<text:s text:c=\"2\"/>it?</text:p></table:table-cell>{}\
         <table:table-cell office:value-type=\"boolean\" office:boolean-value=\"true\">\
         <text:p>WAHR</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"float\" office:value=\"2\"><text:p>2,00</text:p></table:table-cell>\
         </table:table-row>\
         <table:table-row table:number-rows-repeated=\"1048572\">\
         <table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>\
         </table:table></office:spreadsheet>",
        cell("Rhein")
    );
    let bytes = archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)]);
    let found = read(&bytes);
    assert_eq!(told(&found), Vec::<String>::new());
    assert_eq!((found.items[0].text.as_str(), found.items[0].place.as_str()), ("Which river\nis  it?", "row 4"));
    assert_eq!(answers(&found.items[0]), (vec!["Rhein", "TRUE"], vec![1]));
}

fn refusal(bytes: &[u8]) -> String {
    read_workbook(bytes).expect_err("it can't be read").message
}

#[test]
fn workbooks_that_are_too_large_are_refused() {
    let far = "<row r=\"1048576\"><c r=\"A1048576\"><v>1</v></c></row>";
    assert!(refusal(&xlsx(&[("Far", far)], "")).contains("too large"));
    let wide = "<row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row>";
    assert!(refusal(&xlsx(&[("Wide", wide)], "")).contains("too large"));
    let long = "x".repeat(1 << 20);
    let many = "<row><c t=\"s\"><v>0</v></c></row>".repeat(40);
    assert!(refusal(&xlsx(&[("Many", &many)], &format!("<si><t>{long}</t></si>"))).contains("too large"));
    // Two costly cases: a copy of a text in every cell, and blanks that take long to examine.
    let blank = " ".repeat(100 << 10);
    let cells = "<row><c t=\"s\"><v>0</v></c></row>".repeat(1_000);
    assert!(refusal(&xlsx(&[("Blank", &cells)], &format!("<si><t>{blank}</t></si>"))).contains("too large"));
    let paragraph = "y".repeat(1 << 20);
    let wide = format!(
        "<table:table table:name=\"W\"><table:table-row><table:table-cell table:number-columns-repeated=\"65\">\
         <text:p>{paragraph}</text:p></table:table-cell></table:table-row></table:table>"
    );
    let ods = archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &wide)]);
    assert!(refusal(&ods).contains("too large"));
    let repeated = "<table:table table:name=\"T\"><table:table-row table:number-rows-repeated=\"999999999\">\
        <table:table-cell table:number-columns-repeated=\"60\"><text:p>x</text:p></table:table-cell></table:table-row></table:table>";
    let ods = archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", repeated)]);
    assert!(refusal(&ods).contains("too large"));
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let bomb = format!("<row><c><v>{}</v></c></row>", " ".repeat(65 << 20));
    assert!(refusal(&xlsx(&[("Bomb", &bomb)], "")).contains("more than 64 MB"));
}

#[test]
fn other_files_are_told_apart() {
    assert!(!is_workbook(b"question,option1"));
    assert!(!is_workbook(&archive(&[("imsmanifest.xml", "<manifest/>")])));
    assert!(is_workbook(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"));
    assert!(refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").contains("save it as .xlsx"));
    assert!(refusal(&archive(&[("xl/workbook.bin", "")])).contains(".xlsb"));
    assert!(refusal(b"PK\x03\x04").contains("damaged"));
}

proptest! {
    #[test]
    fn any_parts_are_read_without_a_panic(
        sheet in "(<row>|</row>|<row r=\"[0-9A-Z]{0,25}\">|\
            <c r=\"[A-Z]{0,20}[0-9]{0,25}\"( t=\"(s|b|e|d|str|n|inlineStr)\")?( s=\"[0-9]{1,25}\")?>|\
            <v>[0-9.eE_x-]{0,6}|</v>|</c>|<is>|<t>|&|<|>){0,40}",
        strings in "(<si>|</si>|<t>|</t>|_x[0-9a-fé]{0,4}_|<r>|&#[0-9]{0,9};){0,12}",
    ) {
        let bytes = xlsx(&[("Quiz", &sheet)], &strings);
        // Only the absence of a panic is tested.
        let _ = read_workbook(&bytes);
    }
}

#[test]
fn any_bytes_are_a_workbook_or_refused() {
    bolero::check!().with_type::<(u8, Vec<u8>)>().for_each(|(start, bytes)| {
        let starts: [&[u8]; 4] = [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PK\x05\x06"];
        let bytes = [starts[usize::from(*start) % 4], bytes].concat();
        is_workbook(&bytes);
        assert!(read_workbook(&bytes).is_err());
    });
}

#[test]
fn any_changed_workbook_is_a_workbook_or_refused() {
    let sheet = rows(&[HEADER, &["Which?", "x", "y", "1"], &["Who?", "a", "b", "2", "20"]]);
    let sample = xlsx(&[("Quiz", &sheet)], "<si><t>x</t></si>");
    let accepted = Accepted::default();
    bolero::check!().with_type::<(ByteEdits, ByteEdits)>().for_each(|(of_archive, of_sheet)| {
        // Only the absence of a panic is tested: a damaged archive may still hold its rows.
        let _ = read_workbook(&edited(&sample, of_archive));
        let sheet = edited(sheet.as_bytes(), of_sheet);
        accepted.count(read_workbook(&xlsx(&[("Quiz", &String::from_utf8_lossy(&sheet))], "")).is_ok());
    });
    accepted.some("workbooks");
}
