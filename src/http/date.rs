//! Dates as clients read them.

use crate::domain::WallTime;

/// A date as clients read it: RFC 3339, UTC, milliseconds.
pub(super) fn date(time: WallTime) -> String {
    let since_1970 = std::time::Duration::from_millis(time.0);
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + since_1970).to_string()
}
