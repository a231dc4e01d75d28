//! Workbooks: .xlsx of Excel and other programs, .ods of LibreOffice.
//!
//! A workbook is a ZIP archive of XML parts. A small archive can unpack to gigabytes, and a few bytes of XML
//! can repeat a cell a million times. So unpacked bytes, rows, columns and text are all limited.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{PlaceUnit, Table, TableRow, ods, xlsx};
use crate::domain::quiz::draft::DraftProblem;

const ZIP: &[u8] = b"PK\x03\x04";
/// First bytes of .xls files, and of workbooks protected by a password.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0";
const ODS_TYPE: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";

/// Maximum number of bytes unpacked from a workbook, over all parts.
const MOST_UNPACKED: usize = 64 << 20;
/// Maximum number of rows in a sheet, and in all sheets together.
pub(super) const MOST_ROWS: usize = 25_000;
/// Maximum number of columns in a sheet.
pub(super) const MOST_COLUMNS: usize = 64;
/// Maximum bytes of text in all sheets together.
const MOST_TEXT: usize = 32 << 20;
/// Maximum bytes of text in a cell. Excel's limit is 32,767 characters.
pub(super) const MOST_CELL: usize = 128 << 10;
/// Maximum number of sheets that are read; the rest is ignored.
pub(super) const MOST_SHEETS: usize = 64;

/// Whether these bytes are a workbook, or look like a workbook of an unsupported kind.
pub(in crate::quizzes) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(OLE)
        || (bytes.starts_with(ZIP)
            && Package::open(bytes).is_some_and(|mut package| package.kind() != WorkbookKind::Other))
}

/// The sheets of a workbook that are not empty.
pub(super) fn tables(bytes: &[u8]) -> Result<Vec<Table>, DraftProblem> {
    if bytes.starts_with(OLE) {
        return Err(DraftProblem::new(
            "file",
            "this is an old Excel workbook (.xls), or one that is protected with a password; save it as .xlsx without \
             a password, or as CSV",
        ));
    }
    let damaged = || DraftProblem::new("file", "the workbook is damaged; save it again as .xlsx or as CSV");
    let mut package = Package::open(bytes).ok_or_else(damaged)?;
    match package.kind() {
        WorkbookKind::Xlsx => xlsx::tables(&mut package),
        WorkbookKind::Ods => ods::tables(&mut package),
        WorkbookKind::Xlsb => {
            Err(DraftProblem::new("file", "binary workbooks (.xlsb) can't be read; save it as .xlsx or as CSV"))
        }
        WorkbookKind::Other => {
            Err(DraftProblem::new("file", "this archive is no workbook; save the table as .xlsx or as CSV"))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkbookKind {
    Xlsx,
    Xlsb,
    Ods,
    Other,
}

/// An opened workbook, from which parts are unpacked.
pub(super) struct Package<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// How many bytes may still be unpacked. Counts over all parts.
    left: usize,
}

impl<'a> Package<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { zip: ZipArchive::new(Cursor::new(bytes)).ok()?, left: MOST_UNPACKED })
    }

    fn kind(&mut self) -> WorkbookKind {
        let mut mimetype = Vec::new();
        if let Ok(part) = self.zip.by_name("mimetype") {
            // A part that can't be read is not a mimetype.
            let _ = part.take(ODS_TYPE.len() as u64).read_to_end(&mut mimetype);
        }
        let has = |end: &[u8]| self.zip.file_names_raw().any(|name| name.ends_with(end));
        if mimetype == ODS_TYPE {
            WorkbookKind::Ods
        } else if has(b"xl/workbook.bin") {
            WorkbookKind::Xlsb
        } else if has(b"[Content_Types].xml") && self.zip.file_names_raw().any(|name| name.starts_with(b"xl/")) {
            WorkbookKind::Xlsx
        } else {
            WorkbookKind::Other
        }
    }

    /// Unpacks a part. `None` if there is no such part.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Vec<u8>>, DraftProblem> {
        let Ok(part) = self.zip.by_name(name) else { return Ok(None) };
        let mut bytes = Vec::new();
        // The size that the archive declares can be wrong, so the actual bytes are counted.
        let read = part.take(self.left as u64 + 1).read_to_end(&mut bytes);
        if bytes.len() > self.left {
            return Err(too_large(format!("the workbook unpacks to more than {} MB", MOST_UNPACKED >> 20)));
        }
        read.map_err(|_| DraftProblem::new("file", "the workbook is damaged; save it again as .xlsx or as CSV"))?;
        self.left -= bytes.len();
        Ok(Some(bytes))
    }
}

/// The content of a cell, as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether the workbook stores a number here, not a text that looks like one.
    pub(super) is_number: bool,
}

impl Cell {
    /// A cell with a text.
    pub(super) fn text(text: String) -> Self {
        Self { text, is_number: false }
    }
}

/// The texts of a row, and the columns in which it has numbers.
type Cells = (Vec<String>, BTreeSet<usize>);

/// Collects the cells of all sheets and enforces the limits.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    /// The name of each sheet, and its rows by number from 0.
    sheets: Vec<(String, BTreeMap<usize, Cells>)>,
    /// Number of rows in all sheets.
    rows: usize,
    /// Bytes of text in all sheets, including blanks.
    text: usize,
}

impl Sheets {
    /// Starts a sheet. The following cells belong to it.
    pub(super) fn begin(&mut self, name: String) {
        self.sheets.push((name, BTreeMap::new()));
    }

    /// Adds a cell to the last sheet. Rows and columns count from 0.
    pub(super) fn add(&mut self, row: usize, column: usize, cell: Cell) -> Result<(), DraftProblem> {
        let Cell { text, is_number } = cell;
        let Some((name, rows)) = self.sheets.last_mut() else { return Ok(()) };
        // Blank cells count too, because reading them takes as long.
        self.text += text.len();
        if text.len() > MOST_CELL {
            return Err(too_large(format!(
                "the sheet {name:?} has a cell that is too large: more than {} KB",
                MOST_CELL >> 10
            )));
        }
        if text.trim().is_empty() && self.text <= MOST_TEXT {
            return Ok(());
        }
        self.rows += usize::from(!rows.contains_key(&row));
        if row >= MOST_ROWS || self.rows > MOST_ROWS || column >= MOST_COLUMNS || self.text > MOST_TEXT {
            return Err(too_large(format!(
                "the sheet {name:?} is too large: at most {MOST_ROWS} rows, {MOST_COLUMNS} columns and {} MB of text",
                MOST_TEXT >> 20
            )));
        }
        let (cells, numbers) = rows.entry(row).or_default();
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
        if is_number {
            numbers.insert(column);
        }
        Ok(())
    }

    /// The sheets that have cells.
    pub(super) fn finish(self) -> Vec<Table> {
        let row =
            |(row, (cells, numbers))| TableRow { number: row + 1, row: row + 1, cells, numbers, unreadable: None };
        let table = |(name, rows): (String, BTreeMap<usize, Cells>)| Table {
            rows: rows.into_iter().map(row).collect(),
            unit: PlaceUnit::Row,
            sheet: Some(name),
            separator: ',',
        };
        self.sheets.into_iter().map(table).filter(|table| !table.rows.is_empty()).collect()
    }
}

/// The problem of a workbook that exceeds a limit.
pub(super) fn too_large(message: String) -> DraftProblem {
    DraftProblem::new("file", format!("{message}; delete what is no question, or save the table as CSV"))
}
