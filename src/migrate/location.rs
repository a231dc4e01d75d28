//! The location of a store, as the operator writes it on the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::config::ValkeySettings;
use crate::server::FILE;
use crate::store::valkey::ValkeyTarget;

/// The hint for an invalid location.
const USUAL: &str = "write it as redb:data, redb:path/to/rejoin.redb or valkey://host:6379";

/// The location of a store. Neither `Display` nor `Debug` shows a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    File(PathBuf),
    Valkey(Box<ValkeyTarget>),
}

impl Location {
    /// Parses `redb:<path>`, or a Valkey URL, which is completed by the settings.
    pub(super) fn parse(url: &str, valkey: &ValkeySettings) -> anyhow::Result<Self> {
        match url.split_once(':') {
            Some(("redb", path)) => match path.strip_prefix("//").unwrap_or(path) {
                "" => bail!(USUAL),
                path => Ok(Self::File(file_of(Path::new(path)))),
            },
            Some(("valkey" | "redis" | "valkeys" | "rediss", _)) => {
                valkey.target(url).map(|target| Self::Valkey(Box::new(target)))
            }
            Some(("memory", _)) => bail!("what a server has in memory ends with it and cannot be moved; {USUAL}"),
            _ => bail!(USUAL),
        }
    }

    /// True for a file: no other process can change it while this one has it open.
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// True if both are the same store, as far as this can be known without a connection.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => {
                let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
                real(one) == real(other)
            }
            (Self::Valkey(one), Self::Valkey(other)) => {
                one.nodes.iter().any(|node| other.nodes.contains(node)) && one.database == other.database
            }
            _ => false,
        }
    }
}

/// The path of the file. For a folder it is the data file in it. A path that does not exist is a folder,
/// unless it ends in `.redb`.
fn file_of(path: &Path) -> PathBuf {
    let is_file = path.is_file() || (!path.is_dir() && path.extension().is_some_and(|extension| extension == "redb"));
    if is_file { path.to_owned() } else { path.join(FILE) }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "redb at {}", path.display()),
            Self::Valkey(target) => write!(f, "valkey at {}", target.hosts()),
        }
    }
}

/// Parses both locations and refuses a move within one store.
pub(super) fn places(from: &str, to: &str, valkey: &ValkeySettings) -> anyhow::Result<(Location, Location)> {
    let (from, to) = (Location::parse(from, valkey).context("--from")?, Location::parse(to, valkey).context("--to")?);
    if from.is_same(&to) {
        bail!("--from and --to are the same: {from}");
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Settings {
        #[command(flatten)]
        valkey: ValkeySettings,
    }

    fn parsed(url: &str) -> anyhow::Result<Location> {
        Location::parse(url, &Settings::parse_from(["rejoin"]).valkey)
    }

    #[test]
    fn a_file_is_named_by_itself_or_by_its_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let within = folder.path().join(FILE);
        let named = |url: String| parsed(&url).expect("it is good").to_string();
        let shown = format!("redb at {}", within.display());
        assert_eq!(named(format!("redb:{}", folder.path().display())), shown);
        assert_eq!(named(format!("redb://{}", within.display())), shown);
        assert_eq!(named("redb:not/there/yet".to_owned()), "redb at not/there/yet/rejoin.redb");
        assert_eq!(named("redb:not/there/yet.redb".to_owned()), "redb at not/there/yet.redb");
    }

    #[test]
    fn a_place_shows_no_password() {
        let place = parsed("valkey://me:secret@a:7/2").expect("it is good");
        assert_eq!(place.to_string(), "valkey at a:7");
        assert!(!format!("{place:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_place_is_refused_with_an_example() {
        for url in ["", "redb:", "redb://", "data", "memory:", "postgres://a", "data/rejoin.redb"] {
            let refused = parsed(url).expect_err("it is refused").to_string();
            assert!(refused.contains("redb:data"), "{url}: {refused}");
        }
    }

    #[test]
    fn one_place_is_no_two_however_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "").expect("written");
        let path = folder.path().display();
        let same = |one: &str, other: &str| parsed(one).expect("good").is_same(&parsed(other).expect("good"));
        assert!(same(&format!("redb:{path}"), &format!("redb:{path}/../{}/{FILE}", name(folder.path()))));
        assert!(same("valkey://a", "redis://:x@a:6379"));
        assert!(!same("valkey://a", "valkey://a/1"));
        assert!(!same("valkey://a", "redb:a"));
    }

    fn name(folder: &Path) -> String {
        folder.file_name().expect("a name").to_string_lossy().into_owned()
    }
}
