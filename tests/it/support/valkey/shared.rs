//! One server for all tests that need no more than an empty store.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::ValkeyServer;

/// How many tests can have a database of their own.
const DATABASES: u16 = 4_096;

// Nobody drops a static: the server ends with this process (see `process`).
static SHARED: LazyLock<ValkeyServer> = LazyLock::new(|| ValkeyServer::start(&["--databases", &DATABASES.to_string()]));

/// The server that tests share: nobody may stop it, or change what concerns the whole of it.
pub(crate) fn shared() -> &'static ValkeyServer {
    &SHARED
}

/// The URL of an empty database of the shared server, handed out once.
pub(crate) fn fresh_database() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(number < DATABASES, "there are no more databases: raise the number");
    format!("{}/{number}", shared().url())
}
