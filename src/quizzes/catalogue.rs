//! The catalogue of playable banks: those embedded in the binary, and those in the operator's directory. A
//! bank in the directory replaces an embedded one with the same `quizId`.
//!
//! Readers always see one complete snapshot. A reload builds the next snapshot separately and swaps it in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use include_dir::{Dir, include_dir};
use parking_lot::{Mutex, RwLock};

use super::bank::{Bank, PlayMode};
use super::import::{self, Format, ImportOptions, Source};
use super::media::{self, MOST_BYTES_OF_A_BANK, Picture, Pictures};
use super::reading;
use crate::domain::QuizId;
use crate::domain::quiz::draft::DraftProblem;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/quizzes");

/// The reasons why the catalogue cannot be opened. Each message is one line that names the directory or file.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The directory of banks cannot be read.
    #[error("cannot read the quiz directory {}", directory.display())]
    Directory {
        /// The path of the directory.
        directory: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file of a bank is invalid.
    #[error("{0}")]
    File(BrokenFile),
}

/// A file that cannot be used as a bank, and the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenFile {
    /// The path of the file.
    pub file: PathBuf,
    /// The problems found in it, at least one.
    pub problems: Vec<DraftProblem>,
}

impl std::fmt::Display for BrokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(first) = self.problems.first() {
            first.fmt(f)?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            many => write!(f, " (and {} more; see `rejoin quizzes check`)", many - 1),
        }
    }
}

/// The result of a reload, for the log. A broken file has the same problems as in `rejoin quizzes check`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// The banks that were read from the directory in this reload.
    pub loaded: Vec<QuizId>,
    /// The broken files. If such a file had a valid bank before, that bank stays in the catalogue.
    pub kept: Vec<BrokenFile>,
    /// The banks whose file is gone. If there is an embedded bank of that name, it is used again.
    pub removed: Vec<QuizId>,
    /// Set if the directory itself could not be read. Then the catalogue is unchanged.
    pub unreadable: Option<String>,
}

impl ReloadReport {
    /// Writes the report to the log: one warning for each file or directory that was not read, and the counts.
    pub fn tell(&self) {
        for broken in &self.kept {
            tracing::warn!("a question bank could not be read; its previous version, if any, stays in use: {broken}");
        }
        if let Some(reason) = &self.unreadable {
            tracing::warn!("the folder of question banks could not be read; all banks stay as they are: {reason}");
        }
        tracing::info!("{}", self.counts());
    }

    /// How many banks were read, and how many were removed, if any.
    fn counts(&self) -> String {
        let of = |number: usize| {
            if number == 1 { "1 question bank was".to_owned() } else { format!("{number} question banks were") }
        };
        let read = format!("{} reloaded", of(self.loaded.len()));
        match self.removed.len() {
            0 => read,
            1 => format!("{read}; 1 was removed, because its file is gone"),
            gone => format!("{read}; {gone} were removed, because their files are gone"),
        }
    }
}

/// The banks of the directory by the path of their file.
type Files = BTreeMap<PathBuf, Arc<Bank>>;

/// One snapshot of the catalogue. It is never changed, only replaced.
#[derive(Default)]
struct CatalogueState {
    files: Files,
    banks: BTreeMap<QuizId, Arc<Bank>>,
    pictures: Pictures,
}

/// All playable banks, and the pictures that they show.
pub struct Catalogue {
    directory: Option<PathBuf>,
    embedded: Vec<Arc<Bank>>,
    snapshot: RwLock<Arc<CatalogueState>>,
    /// Held for a whole reload, so that only one runs at a time.
    reloading: Mutex<()>,
}

impl Catalogue {
    /// Opens the catalogue with the embedded banks and those of the directory.
    ///
    /// # Errors
    /// The directory cannot be read, or one of its banks is broken or has the `quizId` of another. These are errors
    /// at start because the operator is present then. A broken file in another format is only logged as a warning.
    pub fn open(directory: Option<PathBuf>) -> Result<Self, CatalogueError> {
        let catalogue =
            Self { directory, embedded: embedded(), snapshot: RwLock::default(), reloading: Mutex::default() };
        let mut found = DirectoryScan::default();
        if let Some(directory) = &catalogue.directory {
            let unreadable = |source| CatalogueError::Directory { directory: directory.clone(), source };
            found = DirectoryScan::read(directory).map_err(unreadable)?;
        }
        found.settle(&Files::new());
        for broken in found.broken {
            // A broken bank is an error. A broken file in another format must not keep the server from starting.
            if is_bank(&broken.file) {
                return Err(CatalogueError::File(broken));
            }
            tracing::warn!("a file of questions could not be imported and is ignored: {broken}");
        }
        catalogue.swap_in(found.fresh);
        Ok(catalogue)
    }

    /// The bank with this `quizId`.
    pub fn get(&self, id: &QuizId) -> Option<Arc<Bank>> {
        self.snapshot().banks.get(id).cloned()
    }

    /// The picture served under this name.
    pub fn picture(&self, name: &str) -> Option<Arc<Picture>> {
        self.snapshot().pictures.get(name).cloned()
    }

    /// All banks, sorted by `quizId`.
    pub fn list(&self) -> Vec<Arc<Bank>> {
        self.snapshot().banks.values().cloned().collect()
    }

    /// The bank with this `quizId`. Without an id: the first bank by `quizId` that allows this mode.
    pub fn asked_for(&self, id: Option<&QuizId>, play: PlayMode) -> Option<Arc<Bank>> {
        match id {
            Some(id) => self.get(id),
            None => self.snapshot().banks.values().find(|bank| bank.is_for(play)).cloned(),
        }
    }

    /// Reads the directory again. Embedded banks stay, and a broken file keeps its previous bank. Blocks on
    /// file access.
    pub fn reload(&self) -> ReloadReport {
        let Some(directory) = &self.directory else { return ReloadReport::default() };
        // The lock comes before the scan: of two reloads, the later one must also have the newer files.
        let _one_at_a_time = self.reloading.lock();
        let mut found = match DirectoryScan::read(directory) {
            Ok(found) => found,
            Err(error) => {
                let unreadable = Some(format!("{}: {error}", directory.display()));
                return ReloadReport { unreadable, ..ReloadReport::default() };
            }
        };
        // Read under the lock, so no other reload can replace this snapshot before the swap.
        let before = self.snapshot();
        found.settle(&before.files);
        let loaded = found.fresh.values().map(|bank| bank.id.clone()).collect();
        let mut files = found.kept(&before.files);
        files.extend(found.fresh);
        let ids: BTreeSet<_> = files.values().map(|bank| bank.id.clone()).collect();
        let gone = before.files.values().map(|bank| bank.id.clone()).filter(|id| !ids.contains(id));
        let removed = gone.collect();
        self.swap_in(files);
        ReloadReport { loaded, kept: found.broken, removed, unreadable: None }
    }

    fn snapshot(&self) -> Arc<CatalogueState> {
        self.snapshot.read().clone()
    }

    fn swap_in(&self, files: Files) {
        let all = self.embedded.iter().chain(files.values());
        let banks = all.map(|bank| (bank.id.clone(), bank.clone())).collect();
        let banks: BTreeMap<QuizId, Arc<Bank>> = banks;
        let mut pictures: Pictures = banks.values().flat_map(|bank| bank.pictures.clone()).collect();
        // Taken as late as possible: readers wait while the write lock is held.
        let mut snapshot = self.snapshot.write();
        keep(&mut pictures, &snapshot.pictures);
        *snapshot = Arc::new(CatalogueState { files, banks, pictures });
    }
}

/// The content of the embedded bank file with this name.
pub(super) fn embedded_file(name: &str) -> Option<&'static [u8]> {
    EMBEDDED.get_file(format!("{name}.json")).map(include_dir::File::contents)
}

fn embedded() -> Vec<Arc<Bank>> {
    let files = EMBEDDED.files().filter(|file| is_bank(file.path()));
    let parse = |file: &include_dir::File<'_>| {
        Arc::new(Bank::parse(file.contents()).expect("embedded banks are valid: a test reads them all"))
    };
    files.map(parse).collect()
}

/// Keeps the previous pictures, which running games may still show, within the limit of
/// [`MOST_BYTES_OF_A_BANK`] bytes for all pictures together.
fn keep(pictures: &mut Pictures, before: &Pictures) {
    let mut bytes: usize = pictures.values().map(|picture| picture.bytes.len()).sum();
    for (name, picture) in before {
        if !pictures.contains_key(name) && bytes + picture.bytes.len() <= MOST_BYTES_OF_A_BANK {
            bytes += picture.bytes.len();
            pictures.insert(name.clone(), picture.clone());
        }
    }
}

/// Extensions of the files that are imported from the directory when it is read.
const IMPORTED: [&str; 6] = ["csv", "tsv", "xlsx", "ods", "gift", "xml"];

fn is_bank(path: &Path) -> bool {
    has_extension(path, &["json"])
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !is_hidden(path) && extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// True for hidden files, and for the lock files of open spreadsheets, which start with `~`.
fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b".") || name.as_encoded_bytes().starts_with(b"~"))
}

/// The result of one scan of the directory.
#[derive(Default)]
struct DirectoryScan {
    fresh: Files,
    broken: Vec<BrokenFile>,
}

impl DirectoryScan {
    fn read(directory: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() || is_hidden(&path) {
                continue;
            }
            if is_bank(&path) || has_extension(&path, &IMPORTED) {
                paths.push(path);
            } else {
                tracing::info!("{} is ignored: its type is none of json, {}", path.display(), IMPORTED.join(", "));
            }
        }
        paths.sort();
        let mut found = Self::default();
        for path in paths {
            match read_bank(&path) {
                Ok(bank) => _ = found.fresh.insert(path, Arc::new(bank)),
                Err(problems) => found.broken.push(BrokenFile { file: path, problems }),
            }
        }
        Ok(found)
    }

    /// If several files have the same `quizId`, it stays with the file that had it before, if any. The other
    /// files count as broken. A broken file keeps its previous bank and may thereby claim an id that another
    /// fresh file has, so the check is repeated. The loop ends because each round leaves fewer fresh files.
    fn settle(&mut self, before: &Files) {
        while let Some((file, problem)) = self.repeat(before) {
            self.fresh.remove(&file);
            self.broken.push(BrokenFile { file, problems: vec![problem] });
        }
        self.broken.sort_by(|a, b| a.file.cmp(&b.file));
    }

    /// Finds a fresh file whose `quizId` belongs to another file.
    fn repeat(&self, before: &Files) -> Option<(PathBuf, DraftProblem)> {
        let kept = self.kept(before);
        let mut holders: BTreeMap<&QuizId, &PathBuf> = kept.iter().map(|(file, bank)| (&bank.id, file)).collect();
        for (file, bank) in &self.fresh {
            if before.get(file).is_some_and(|old| old.id == bank.id) {
                holders.insert(&bank.id, file);
            }
        }
        // A bank takes precedence over an imported file with the same `quizId`.
        let banks = self.fresh.iter().filter(|(file, _)| is_bank(file));
        let imported = self.fresh.iter().filter(|(file, _)| !is_bank(file));
        for (file, bank) in banks.chain(imported) {
            let holder = *holders.entry(&bank.id).or_insert(file);
            if holder != file {
                let message = format!("{:?} is the quizId of {} too", bank.id.as_str(), holder.display());
                return Some((file.clone(), DraftProblem::new("quizId", message)));
            }
        }
        None
    }

    /// The previous banks of the broken files.
    fn kept(&self, before: &Files) -> Files {
        let old = |broken: &BrokenFile| before.get_key_value(&broken.file);
        self.broken.iter().filter_map(old).map(|(file, bank)| (file.clone(), bank.clone())).collect()
    }
}

fn read_bank(path: &Path) -> Result<Bank, Vec<DraftProblem>> {
    let bytes = reading::file(path).map_err(|problem| vec![problem])?;
    let folder = path.parent().unwrap_or(Path::new("."));
    if !is_bank(path) {
        return import_bank(path, folder, &bytes);
    }
    Bank::parse_in(folder, &bytes).map_err(|mut problems| {
        if let Some(format) = import::format_of(None, &bytes).filter(|format| *format != Format::Bank) {
            let message = format!("it is {}, and no bank: rejoin quizzes import makes one of it", format.label());
            problems.insert(0, DraftProblem::new("file", message));
        }
        problems
    })
}

/// Imports a file in another format as a bank. Questions that can't be imported are logged.
fn import_bank(path: &Path, folder: &Path, bytes: &[u8]) -> Result<Bank, Vec<DraftProblem>> {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let options = ImportOptions::named_after(path).map_err(|problem| vec![problem])?;
    let imported = import::import(Source { name: name.as_deref(), format: None, bytes }, options);
    let Some(mut file) = imported.file else { return Err(imported.left_out) };
    let lost = media::drop_missing(folder, &mut file.questions);
    for problem in imported.left_out.iter().chain(&lost) {
        tracing::warn!("{}: left out: {problem}", path.display());
    }
    Bank::check_in(folder, file)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::super::bank::tests::bank_file;
    use super::*;

    fn write(directory: &TempDir, file: &str, text: impl ToString) {
        fs::write(directory.path().join(file), text.to_string()).expect("a temporary directory can be written");
    }

    fn open(directory: &TempDir) -> Result<Catalogue, CatalogueError> {
        Catalogue::open(Some(directory.path().to_owned()))
    }

    fn directory(files: &[(&str, &str)]) -> TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        for (file, id) in files {
            write(&directory, file, bank_file(id, 2));
        }
        directory
    }

    fn id(text: &str) -> QuizId {
        text.parse().expect("valid")
    }

    fn questions(catalogue: &Catalogue, bank: &str) -> Option<usize> {
        catalogue.get(&id(bank)).map(|bank| bank.questions.len())
    }

    #[test]
    fn every_embedded_bank_is_valid_and_can_be_played_alone() {
        for file in EMBEDDED.files().filter(|file| is_bank(file.path())) {
            let told = Bank::parse(file.contents()).map(|bank| bank.id);
            assert!(told.is_ok(), "{}: {told:?}", file.path().display());
        }
        let catalogue = Catalogue::open(None).expect("no directory, no fault");
        let banks = catalogue.list();
        assert!(banks.is_sorted_by(|a, b| a.id < b.id) && !banks.is_empty());
        assert_eq!(
            catalogue.asked_for(None, PlayMode::Solo),
            banks.iter().find(|bank| bank.is_for(PlayMode::Solo)).cloned()
        );
        assert!(catalogue.asked_for(None, PlayMode::Solo).is_some());
    }

    #[test]
    fn the_directory_adds_banks_and_replaces_embedded_ones() {
        let directory = directory(&[("a.json", "a"), ("mine.json", "space")]);
        write(&directory, "notes.txt", "no bank");
        write(&directory, ".hidden.json", "no bank");
        fs::create_dir(directory.path().join("deeper.json")).expect("a directory can be made");
        let catalogue = open(&directory).expect("nothing is wrong");
        assert_eq!(questions(&catalogue, "a"), Some(2));
        assert_eq!(questions(&catalogue, "space"), Some(2));
        assert_eq!(catalogue.asked_for(None, PlayMode::Rooms).map(|bank| bank.id.clone()), Some(id("a")));
    }

    #[test]
    fn a_file_of_another_format_that_cannot_be_read_stops_no_server() {
        let directory = directory(&[("a.json", "a")]);
        write(&directory, "empty.csv", "");
        write(&directory, "a.csv", "question,option1,option2,correct\nWhich?,x,y,1\n");
        write(&directory, "b.csv", "question,option1,option2,correct,image\nWhich?,x,y,1,gone.png\n");
        let catalogue = open(&directory).expect("banks are whole");
        assert_eq!(questions(&catalogue, "a"), Some(2), "a bank goes before a table of its name");
        let bank = catalogue.get(&id("b")).expect("imported without its picture");
        assert_eq!(bank.questions[0].image, None);
    }

    #[test]
    fn a_list_of_another_format_is_told_how_to_become_a_bank() {
        let directory = directory(&[]);
        write(&directory, "trivia.json", r#"{"response_code": 0, "results": []}"#);
        let told = open(&directory).err().expect("it is no bank").to_string();
        assert!(told.contains("it is Open Trivia DB, and no bank: rejoin quizzes import"), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_the_folder_is_told_of_and_not_waited_for() {
        let directory = directory(&[("a.json", "a")]);
        for name in ["b.csv", "b.json"] {
            let made = std::process::Command::new("mkfifo").arg(directory.path().join(name)).status();
            assert!(made.is_ok_and(|status| status.success()), "this test needs mkfifo");
        }
        let told = open(&directory).err().expect("it is no bank").to_string();
        assert!(told.ends_with("b.json: file: it is no file"), "{told}");
    }

    #[test]
    fn at_start_what_is_wrong_is_told_by_name() {
        let gone = Catalogue::open(Some(PathBuf::from("/no/such/place"))).err().expect("it is not there");
        assert_eq!(gone.to_string(), "cannot read the quiz directory /no/such/place");

        let directory = directory(&[("a.json", "a"), ("b.json", "a")]);
        let path = |file| directory.path().join(file).display().to_string();
        let twice = open(&directory).err().expect("a repeated name").to_string();
        assert_eq!(twice, format!("{}: quizId: \"a\" is the quizId of {} too", path("b.json"), path("a.json")));

        let mut file = bank_file("b", 2);
        file["title"] = json!("");
        file["questions"] = json!([]);
        write(&directory, "b.json", file);
        let broken = open(&directory).err().expect("a broken file").to_string();
        let more = "(and 1 more; see `rejoin quizzes check`)";
        assert_eq!(broken, format!("{}: title: empty {more}", path("b.json")));
    }

    #[test]
    fn a_reload_adds_changes_and_removes() {
        let directory = directory(&[("a.json", "a"), ("b.json", "b"), ("space.json", "space")]);
        let catalogue = open(&directory).expect("nothing is wrong");
        let held = catalogue.get(&id("b")).expect("is there");
        write(&directory, "a.json", bank_file("a", 5));
        write(&directory, "c.json", bank_file("c", 1));
        for gone in ["b.json", "space.json"] {
            fs::remove_file(directory.path().join(gone)).expect("it can be removed");
        }
        let report = catalogue.reload();
        assert_eq!((report.loaded, report.removed), (vec![id("a"), id("c")], vec![id("b"), id("space")]));
        assert_eq!(questions(&catalogue, "a"), Some(5));
        assert_eq!(questions(&catalogue, "b"), None);
        assert!(questions(&catalogue, "space") > Some(2), "the embedded bank is back");
        assert_eq!(held.questions.len(), 2, "a game that holds the old bank keeps it");
    }

    #[test]
    fn counts_of_a_reload_read_well() {
        let ids = |count: usize| (0..count).map(|n| format!("bank-{n}").parse().expect("an id")).collect();
        let counts = |read, gone| ReloadReport { loaded: ids(read), removed: ids(gone), ..Default::default() }.counts();
        assert_eq!(counts(0, 0), "0 question banks were reloaded");
        assert_eq!(counts(1, 1), "1 question bank was reloaded; 1 was removed, because its file is gone");
        assert_eq!(counts(2, 3), "2 question banks were reloaded; 3 were removed, because their files are gone");
    }

    #[test]
    fn on_reload_a_broken_file_keeps_its_old_bank() {
        let directory = directory(&[("a.json", "a")]);
        let catalogue = open(&directory).expect("nothing is wrong");
        write(&directory, "a.json", "{");
        write(&directory, "b.json", "{");
        let report = catalogue.reload();
        let broken: Vec<_> = report.kept.iter().filter_map(|broken| broken.file.file_name()).collect();
        assert_eq!(broken, ["a.json", "b.json"]);
        assert_eq!((report.loaded.len(), report.removed.len()), (0, 0));
        assert_eq!(questions(&catalogue, "a"), Some(2));
        write(&directory, "a.json", bank_file("a", 3));
        catalogue.reload();
        assert_eq!(questions(&catalogue, "a"), Some(3));
    }

    #[test]
    fn on_reload_a_name_stays_with_the_file_that_had_it() {
        let directory = directory(&[("b.json", "b"), ("c.json", "c")]);
        let catalogue = open(&directory).expect("nothing is wrong");
        // a.json sorts first, but b.json had the id "b" before. c.json is broken and keeps "c", so d.json
        // cannot have it.
        write(&directory, "a.json", bank_file("b", 7));
        write(&directory, "c.json", "{");
        write(&directory, "d.json", bank_file("c", 7));
        let report = catalogue.reload();
        let broken: Vec<_> = report.kept.iter().filter_map(|broken| broken.file.file_name()).collect();
        assert_eq!(broken, ["a.json", "c.json", "d.json"]);
        assert_eq!((questions(&catalogue, "b"), questions(&catalogue, "c")), (Some(2), Some(2)));
    }

    #[test]
    fn two_files_may_swap_their_names() {
        let directory = directory(&[("a.json", "a"), ("b.json", "b")]);
        let catalogue = open(&directory).expect("nothing is wrong");
        write(&directory, "a.json", bank_file("b", 3));
        write(&directory, "b.json", bank_file("a", 4));
        assert_eq!(catalogue.reload().kept, []);
        assert_eq!((questions(&catalogue, "a"), questions(&catalogue, "b")), (Some(4), Some(3)));
        // If one of the two is broken, the other must also keep its previous bank: its new id is in use again.
        write(&directory, "a.json", "{");
        write(&directory, "b.json", bank_file("b", 9));
        assert_eq!(catalogue.reload().kept.len(), 2);
        assert_eq!((questions(&catalogue, "a"), questions(&catalogue, "b")), (Some(4), Some(3)));
    }

    #[test]
    fn a_directory_that_is_gone_leaves_everything_as_it_was() {
        let directory = directory(&[("a.json", "a")]);
        let catalogue = open(&directory).expect("nothing is wrong");
        directory.close().expect("it can be removed");
        let report = catalogue.reload();
        assert!(report.unreadable.is_some_and(|why| why.contains("No such file")));
        assert_eq!(questions(&catalogue, "a"), Some(2));
        assert_eq!(Catalogue::open(None).expect("no directory").reload(), ReloadReport::default());
    }
}
