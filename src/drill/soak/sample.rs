//! A look at the server process and its files.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::server::Server;
use crate::client::{Api, Method};

/// How long a process runs before its memory counts: at first it is small.
const YOUNG: Duration = Duration::from_secs(5);

/// The size of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileSize {
    /// Its length in bytes.
    pub length: u64,
    /// The bytes that it takes on the disk.
    pub allocated: u64,
}

impl From<Metadata> for FileSize {
    fn from(data: Metadata) -> Self {
        // POSIX counts blocks of 512 bytes, whatever the file system has.
        Self { length: data.len(), allocated: data.blocks() * 512 }
    }
}

/// What a look has found.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The resident memory of the server in bytes.
    pub memory: u64,
    /// The time since the last start of the server.
    #[serde(skip)]
    pub age: Duration,
    /// The embedded file.
    pub file: FileSize,
    /// Its log.
    pub log: FileSize,
    /// Live games and rooms, as `/health` counts them; `None` if it did not answer.
    pub live: Option<u64>,
}

impl Sample {
    /// Looks at the server, which was started at `started`.
    pub(super) async fn take(server: &Server, started: Instant, api: &Api) -> Self {
        let health = api.call(Method::GET, "/health", None, None).await;
        let data = server.data();
        Self {
            memory: server.id().map(resident).unwrap_or_default(),
            age: started.elapsed(),
            file: size(&data.join("rejoin.redb")),
            log: size(&data.join("rejoin.log")),
            live: health.ok().and_then(|reply| reply.body["liveSessions"].as_u64()),
        }
    }

    /// The memory, if the process is not too young for that to mean something.
    pub(super) fn steady_memory(&self) -> Option<u64> {
        (self.age >= YOUNG && self.memory > 0).then_some(self.memory)
    }
}

fn size(path: &Path) -> FileSize {
    std::fs::metadata(path).map(FileSize::from).unwrap_or_default()
}

/// The resident memory of a process in bytes; 0 if it has ended.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_running_process_is_known() {
        assert!(resident(std::process::id()) > 100_000);
        assert_eq!(resident(u32::MAX), 0);
    }

    #[test]
    fn a_file_with_a_hole_takes_less_than_its_length() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(1 << 20).expect("it grows");
        let found = size(file.path());
        assert!(found.length == 1 << 20 && found.allocated < found.length, "{found:?}");
        assert_eq!(size(Path::new("/no/such/file")), FileSize::default());
    }
}
