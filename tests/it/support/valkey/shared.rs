//! One server for all tests that need only an empty store.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::ValkeyServer;

/// The number of tests that can have their own database.
const DATABASES: u16 = 4_096;

// Rust does not drop a static, so the server ends with this process (see `process`).
static SHARED: LazyLock<ValkeyServer> = LazyLock::new(|| ValkeyServer::start(&["--databases", &DATABASES.to_string()]));

/// The server that tests share. No test may stop it or change a setting that affects all of it.
pub(crate) fn shared() -> &'static ValkeyServer {
    &SHARED
}

/// The URL of an empty database of the shared server. Each is handed out once.
pub(crate) fn fresh_database() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(number < DATABASES, "there are no more databases: raise the number");
    format!("{}/{number}", shared().url())
}
