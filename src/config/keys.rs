//! Reads secrets: API keys and tokens from a setting, or from a file with one per line. No error quotes a secret.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::http::ApiKey;

/// Maximum bytes of a file of secrets.
const MOST_BYTES: u64 = 1024 * 1024;

/// A key, and the text that its holder shows: without its name.
pub(super) type KeyAndText = (ApiKey, String);

/// Where keys come from: a setting, or the file that another setting names.
pub(super) struct KeySource<'a> {
    pub(super) setting: &'static str,
    pub(super) keys: &'a [String],
    pub(super) file_setting: &'static str,
    pub(super) file: Option<&'a Path>,
}

impl KeySource<'_> {
    /// Refuses a setting and a file that are both set.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Self { setting, file_setting, .. } = self;
        ensure!(self.keys.is_empty() || self.file.is_none(), "{setting} and {file_setting} are both set: use one");
        Ok(())
    }

    /// Reads the keys, in their order. None if neither the setting nor the file is set.
    ///
    /// # Errors
    /// Both are set, the file can't be read or has no key, a key is too short or invalid, or stands there twice.
    pub(super) fn read(&self) -> anyhow::Result<Vec<KeyAndText>> {
        self.check()?;
        let Some(file) = self.file else {
            let keys = self.keys.iter().map(String::as_str).enumerate();
            return parse(keys, (self.keys.len() > 1).then_some("key")).context(self.setting);
        };
        let text = read_file(self.file_setting, file)?;
        let is_key = |(_, line): &(usize, &str)| !line.is_empty() && !line.starts_with('#');
        let lines = text.lines().map(str::trim).enumerate().filter(is_key);
        let name = || format!("{}: {}", self.file_setting, file.display());
        let keys = parse(lines, Some("line")).with_context(name)?;
        ensure!(!keys.is_empty(), "{}: holds no key", name());
        Ok(keys)
    }
}

/// Parses keys with their places, counted from 0. `unit` is the word for a place, `None` if there is only one.
fn parse<'a>(texts: impl Iterator<Item = (usize, &'a str)>, unit: Option<&str>) -> anyhow::Result<Vec<KeyAndText>> {
    let place = |n: usize| unit.map(|unit| format!("{unit} {}", n + 1)).unwrap_or_default();
    let mut keys: Vec<(usize, KeyAndText)> = Vec::new();
    for (n, text) in texts {
        let (key, shown) = match ApiKey::read(text) {
            Ok(read) => read,
            Err(reason) if unit.is_none() => bail!("{reason}"),
            Err(reason) => bail!("{}: {reason}", place(n)),
        };
        if let Some((other, _)) = keys.iter().find(|(_, (other, _))| other.is_same_key(&key)) {
            bail!("{}: the same key as {}", place(n), place(*other));
        }
        keys.push((n, (key, shown.to_owned())));
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// Opens a file, which `setting` names. Anything but a regular file is refused before it is opened: opening a pipe
/// would block until somebody writes to it.
pub(super) fn open_regular(setting: &str, file: &Path) -> anyhow::Result<File> {
    let name = || format!("{setting}: {}", file.display());
    ensure!(std::fs::metadata(file).with_context(name)?.is_file(), "{}: is no regular file", name());
    File::open(file).with_context(name)
}

/// The text of a file of secrets, which `setting` names.
pub(super) fn read_file(setting: &str, file: &Path) -> anyhow::Result<String> {
    let name = || format!("{setting}: {}", file.display());
    let mut text = String::new();
    let opened = open_regular(setting, file)?;
    opened.take(MOST_BYTES + 1).read_to_string(&mut text).with_context(name)?;
    ensure!(text.len() as u64 <= MOST_BYTES, "{}: has more than 1 MiB", name());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const ONE: &str = "0123456789abcdef";
    const OTHER: &str = "fedcba9876543210";

    fn of_setting(keys: &[&str]) -> Result<Vec<String>, String> {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        shown(&KeySource { setting: "KEYS", keys: &keys, file_setting: "KEYS_FILE", file: None })
    }

    fn of_path(file: PathBuf) -> Result<Vec<String>, String> {
        shown(&KeySource { setting: "KEYS", keys: &[], file_setting: "KEYS_FILE", file: Some(&file) })
    }

    fn of_file(text: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        of_path(file.path().to_owned())
    }

    fn shown(source: &KeySource<'_>) -> Result<Vec<String>, String> {
        let read = source.read().map_err(|error| format!("{error:#}"))?;
        Ok(read.into_iter().map(|(_, text)| text).collect())
    }

    #[test]
    fn a_file_has_a_key_a_line_and_may_have_names_comments_and_empty_lines() {
        let text = format!("# of the shop\r\n\n  shop:{ONE}  \r\n #{OTHER}\n{OTHER}\n");
        assert_eq!(of_file(text), Ok(vec![ONE.to_owned(), OTHER.to_owned()]));
        assert_eq!(of_setting(&[&format!("shop:{ONE}"), OTHER]), Ok(vec![ONE.to_owned(), OTHER.to_owned()]));
        assert_eq!(of_setting(&[]), Ok(Vec::new()));
    }

    #[test]
    fn an_error_names_the_line_and_tells_no_secret() {
        let wrong = [
            (format!("# first\n{ONE}\n\nsecret\n"), "line 4: must have at least 16"),
            (format!("{ONE}\nsecret with many spaces\n"), "line 2: must have at least 16"),
            (format!("\u{feff}secret-{ONE}\n"), "line 1: must have at least 16"),
            (format!("{ONE}-secret\n#\nsecret:{ONE}-secret\n"), "line 3: the same key as line 1"),
        ];
        for (text, expected) in wrong {
            let error = of_file(&text).expect_err("it is refused");
            assert!(error.starts_with("KEYS_FILE: /") && error.contains(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        for empty in ["", "\n \n", "# only a comment, which is no key"] {
            assert!(of_file(empty).is_err_and(|error| error.ends_with("holds no key")), "{empty:?}");
        }
        let error = of_setting(&[ONE, "secret"]).expect_err("too short");
        assert!(error.starts_with("KEYS: key 2: must have") && !error.contains("secret"), "{error}");
        assert!(of_setting(&["secret"]).is_err_and(|error| error.starts_with("KEYS: must have")));
        assert!(of_setting(&[ONE, ONE]).is_err_and(|error| error.ends_with("key 2: the same key as key 1")));
        assert!(of_setting(&[ONE, ""]).is_err_and(|error| error.starts_with("KEYS: key 2: must have")));
    }

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
        std::os::unix::fs::symlink(&pipe, &link).expect("linked");
        for file in [pipe, link] {
            let (tell, told) = std::sync::mpsc::channel();
            std::thread::spawn(move || tell.send(of_path(file)));
            let refused = told.recv_timeout(std::time::Duration::from_secs(10)).expect("nobody writes, and it returns");
            assert!(refused.is_err_and(|error| error.ends_with(": is no regular file")));
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused_by_name() {
        for file in ["/nowhere/keys", "/", "/dev/zero"] {
            let error = of_path(file.into()).expect_err("it is refused");
            assert!(error.starts_with(&format!("KEYS_FILE: {file}: ")), "{error}");
        }
        assert!(of_file([0xff, 0xfe]).is_err_and(|error| error.contains("UTF-8")));
        let both = [ONE.to_owned()];
        let both = KeySource { setting: "KEYS", keys: &both, file_setting: "KEYS_FILE", file: Some(Path::new("x")) };
        assert_eq!(shown(&both), Err("KEYS and KEYS_FILE are both set: use one".to_owned()));
    }
}
