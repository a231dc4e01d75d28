//! What this build is: its version, the commit that it was built from, and the formats of stored games.

use std::sync::LazyLock;

use crate::store::redb::FILE_LAYOUT;
use crate::store::{RECORD_FORMAT, valkey};

/// The version of the release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The first twelve digits of the commit, with `-modified` if the sources differed from it. `unknown` if the sources
/// were not built from a repository and nobody said which commit they are.
pub const COMMIT: &str = env!("BUILD_COMMIT");

/// What `rejoin --version` prints after the name.
pub(crate) static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let in_valkey = valkey::RECORD_FORMAT;
    format!(
        "{VERSION}\ncommit {COMMIT}\nformats: file {FILE_LAYOUT}, record {RECORD_FORMAT}, record in Valkey {in_valkey}"
    )
});
