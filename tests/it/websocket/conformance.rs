//! The cases of the Autobahn test suite, run by kosoku.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::ALL;
use crate::support::{Server, fetched};

/// The number of cases in each section. Section 8 is empty; 11 to 13 are about extensions that the server
/// does not offer.
const SECTIONS: [(&str, usize); 9] =
    [("1", 16), ("2", 11), ("3", 7), ("4", 10), ("5", 20), ("6", 145), ("7", 37), ("9", 54), ("10", 1)];

/// The cases in which any behavior is right: data after the close frame, and close codes from 5000 on.
const UNDEFINED: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

/// The close code for a message that is not valid UTF-8.
const INVALID: u16 = 1007;

#[derive(Debug, Deserialize)]
struct Case {
    case: String,
    behavior: String,
    close: String,
    /// The code by which the server closed, if there was one.
    code: Option<u16>,
    /// The codes by which the server may close.
    codes: Vec<u16>,
    why: String,
}

impl Case {
    fn is_passed(&self) -> bool {
        let right = if UNDEFINED.contains(&&*self.case) { "INFORMATIONAL" } else { "OK" };
        let is_told = self.codes != [INVALID] || self.code == Some(INVALID);
        self.behavior == right && self.close == right && is_told
    }

    fn told(&self) -> String {
        let Self { case, behavior, close, code, codes, why } = self;
        format!("{case}: {behavior}, {close}, closed by {code:?} of {codes:?}. {why}")
    }
}

#[tokio::test]
async fn the_server_passes_every_autobahn_case_strictly() {
    let kosoku = fetched("target/kosoku");
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::process(folder.path(), &["--test-echo"]);
    let mut run = Command::new("python3");
    run.env("PYTHONPATH", &kosoku).env("PYTHONDONTWRITEBYTECODE", "1");
    run.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/autobahn.py"));
    run.arg(server.base.replace("http://", "ws://") + ALL);
    let run = tokio::task::spawn_blocking(move || run.output()).await.expect("no panic").expect("python3 is there");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{err}");
    let cases: Vec<Case> = out.lines().map(|line| serde_json::from_str(line).expect("a case")).collect();
    for (section, count) in SECTIONS {
        let is_of = |case: &&Case| case.case.split('.').next() == Some(section);
        assert_eq!(cases.iter().filter(is_of).count(), count, "cases of section {section}");
    }
    let failed: Vec<_> = cases.iter().filter(|case| !case.is_passed()).map(Case::told).collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
    assert!(cases.iter().filter(|case| case.code == Some(INVALID)).count() > 70, "bad UTF-8 was tried");
    server.stop().await;
}
