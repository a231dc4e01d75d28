//! The list of all metrics: what each is called, what it counts, and by which labels. `docs/metrics.md` has the same
//! table, and `tests/it/metrics/` holds both against what a server really exposes.

use prometheus_client::metrics::MetricType;

/// What a metric is, as `/metrics` and `docs/metrics.md` show it.
#[derive(Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its full name. Names of counters end with `_total`.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// The unit of its values: `seconds`, `bytes`, or what is counted.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence without a full stop.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the list reads as the text format does")]
pub enum MetricKind {
    /// A number that only rises while the process lives.
    counter,
    /// A number that rises and falls.
    gauge,
    /// Counts by buckets, with their sum.
    histogram,
}

impl MetricKind {
    /// Its name in the text format.
    pub fn name(self) -> &'static str {
        match self {
            Self::counter => "counter",
            Self::gauge => "gauge",
            Self::histogram => "histogram",
        }
    }

    pub(super) fn encoded(self) -> MetricType {
        match self {
            Self::counter => MetricType::Counter,
            Self::gauge => MetricType::Gauge,
            Self::histogram => MetricType::Histogram,
        }
    }
}

impl MetricInfo {
    /// The name as the encoder takes it, which adds the end of a counter's name.
    pub(super) fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").filter(|_| self.kind == MetricKind::counter).unwrap_or(self.name)
    }
}

macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal $unit:literal [$($label:literal)*] $help:literal)*) => {
        $(
            #[doc = $help]
            pub const $id: &MetricInfo = &MetricInfo {
                name: $name,
                kind: MetricKind::$kind,
                unit: $unit,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// All metrics, in the order of the docs.
        pub const ALL: &[&MetricInfo] = &[$($id),*];
    };
}

// `store` is `main`, or `fallback` for an instance's own store while Valkey is away. `engine` is `redb`, `valkey` or
// `memory`. Values of a label are bounded: none comes from a client.
metrics! {
    STORE_CALLS: histogram "rejoin_store_call_duration_seconds" "seconds" ["engine" "store" "operation"]
        "How long calls to a store took, whether they succeeded or not"
    STORE_ERRORS: counter "rejoin_store_errors_total" "calls" ["engine" "store" "operation" "error"]
        "Calls to a store that failed. A taken id or join code is no failure"
    STORE_COMMITS: counter "rejoin_store_commits_total" "commits" ["engine" "store"]
        "Commits that changed sessions. Commands that are committed together count once"
    STORE_BATCHES: histogram "rejoin_store_batch_commands" "commands" ["engine" "store"]
        "Commands in one batch"
    STORE_QUEUED: gauge "rejoin_store_queued_commands" "commands" ["engine" "store"]
        "Commands that wait for their batch"
    STORE_REACHABLE: gauge "rejoin_store_reachable" "0 or 1" ["engine" "store"]
        "1 while commands are committed, so that running games go on"
    STORE_TROUBLE: gauge "rejoin_store_trouble" "0 or 1" ["engine" "store" "cause"]
        "1 while no new game can begin in the store, by the cause that /readyz shows"
    SESSIONS: gauge "rejoin_sessions" "sessions" ["engine" "store" "state"]
        "Stored games and rooms: live ones, and expired ones that the reaper has not deleted yet"
    DAMAGED: gauge "rejoin_store_damaged_sessions" "sessions" ["engine" "store"]
        "Sessions that were read and found unreadable"
    STORE_FILE: gauge "rejoin_store_file_bytes" "bytes" ["engine" "store" "file"]
        "Size of the database and of the log before it"
    STORE_RESERVE: gauge "rejoin_store_reserve_bytes" "bytes" ["engine" "store"]
        "Space in the file that is kept for running games. 0 if it was used"
    DISK_FREE: gauge "rejoin_disk_free_bytes" "bytes" ["engine" "store"]
        "Space on the disk of the file that this process may still take"
    DISK_SIZE: gauge "rejoin_disk_size_bytes" "bytes" ["engine" "store"]
        "Size of the disk of the file"
    REAPER_LAG: gauge "rejoin_reaper_lag_seconds" "seconds" ["engine" "store"]
        "Time since the reaper last left no expired session behind"
    REAPER_INTERVAL: gauge "rejoin_reaper_interval_seconds" "seconds" []
        "The pause between two steps of the reaper (REJOIN_REAP_EVERY)"
    REAPED: counter "rejoin_reaped_sessions_total" "sessions" ["engine" "store"]
        "Expired sessions that the reaper has deleted"
    DEGRADED: gauge "rejoin_degraded" "0 or 1" []
        "1 while new games begin in this instance's fallback, because the main store refuses them"
    VALKEY_BREAKER: gauge "rejoin_valkey_breaker" "0 or 1" ["state"]
        "The circuit breaker in front of Valkey: 1 for its state"
    VALKEY_EVICTS: gauge "rejoin_valkey_evicts" "0 or 1" []
        "1 if Valkey may evict live games: its maxmemory-policy is not noeviction"
    VALKEY_CALLS: histogram "rejoin_valkey_call_duration_seconds" "seconds" []
        "How long Valkey took to answer one command or script"
    ROOMS: gauge "rejoin_connected_rooms" "rooms" []
        "Rooms with a connection or a waiting long poll at this instance"
    SEATS: gauge "rejoin_connected_seats" "seats" []
        "Seats of rooms with a connection or a waiting long poll at this instance"
    CONNECTIONS: gauge "rejoin_connections" "connections" ["listener"]
        "Open TCP connections"
    WEBSOCKETS: gauge "rejoin_websockets" "connections" []
        "Open WebSockets"
    FRAMES: counter "rejoin_websocket_frames_total" "frames" ["direction"]
        "Frames of rooms' WebSockets: requests that came in, and all that went out"
    CLOSES: counter "rejoin_websocket_closes_total" "connections" ["code"]
        "Room connections that ended, by the close code that the server sent. none: the client closed or was lost"
    EVENTS_RECORDED: counter "rejoin_events_recorded_total" "events" []
        "Events that rooms have recorded in their logs"
    EVENTS_DELIVERED: counter "rejoin_events_delivered_total" "events" ["way"]
        "Events that were sent to a seat or a backend: as they happened, as replay after a reconnect, or over HTTP"
    EVENTS_PRUNED: counter "rejoin_events_pruned_total" "events" []
        "Events that left the logs of rooms, because all readers have them or the log was full"
    RESUMES: counter "rejoin_resumes_total" "resumes" ["game" "outcome"]
        "Players who came, by what they got: a first look, what they missed, a snapshot instead, or a refusal"
    ANSWERS: counter "rejoin_answers_total" "answers" ["game" "outcome"]
        "Answers to questions. Rooms tell right and wrong only at the reveal, so theirs are accepted"
    REFUSALS: counter "rejoin_refusals_total" "requests" ["code"]
        "Error replies over HTTP and WebSocket, by the code in their body"
    LIMIT_HITS: counter "rejoin_limit_hits_total" "refusals" ["limit"]
        "Refusals by a limit, by the name of its setting"
    HTTP_REQUESTS: counter "rejoin_http_requests_total" "requests" ["listener" "route" "status"]
        "HTTP replies. The route (not routed) is a URL that does not exist, or a refusal before the URL counted"
    HTTP_SECONDS: histogram "rejoin_http_request_duration_seconds" "seconds" ["group"]
        "Time from a request's head to its reply's head, by group of routes. The group events may wait on purpose"
    SCRAPE_SECONDS: gauge "rejoin_scrape_duration_seconds" "seconds" []
        "How long it took to read the values of this scrape"
    BACKUPS: counter "rejoin_backups_total" "backups" ["outcome"]
        "Backups that this process has made, and that have failed"
    BACKUP_INTERVAL: gauge "rejoin_backup_interval_seconds" "seconds" []
        "The interval of scheduled backups (REJOIN_BACKUP_EVERY). Missing without a schedule"
    BACKUP_LAST: gauge "rejoin_backup_last_success_timestamp_seconds" "seconds" []
        "When the last backup was complete, since 1970. After a start that of the newest one in the folder of backups. \
         Missing if there is none"
    BACKUP_SECONDS: gauge "rejoin_backup_duration_seconds" "seconds" []
        "How long the last backup of this process took"
    BACKUP_BYTES: gauge "rejoin_backup_size_bytes" "bytes" []
        "Size of the last backup of this process"
    BACKUP_LEFT_OUT: gauge "rejoin_backup_left_out_games" "games" []
        "Games that the last backup of this process left out, because they are damaged"
    BUILD: gauge "rejoin_build_info" "1" ["version" "commit"]
        "The running build"
    CPU: counter "process_cpu_seconds_total" "seconds" []
        "Processor time of the process, the kernel's part included"
    RESIDENT: gauge "process_resident_memory_bytes" "bytes" []
        "Memory of the process"
    VIRTUAL: gauge "process_virtual_memory_bytes" "bytes" []
        "Address space of the process"
    OPEN_FILES: gauge "process_open_fds" "files" []
        "Open files, connections included"
    MOST_FILES: gauge "process_max_fds" "files" []
        "The limit of open files"
    THREADS: gauge "process_threads" "threads" []
        "Threads of the process"
    STARTED: gauge "process_start_time_seconds" "seconds" []
        "When the process started, in seconds since 1970"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        let names: BTreeSet<_> = ALL.iter().map(|info| info.name).collect();
        assert_eq!(names.len(), ALL.len(), "two have the same name");
        for MetricInfo { name, kind, unit, help, .. } in ALL {
            assert!(name.starts_with("rejoin_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == MetricKind::counter, "{name}");
            let has_unit = name.trim_end_matches("_total").ends_with(unit);
            assert!(has_unit || !matches!(*unit, "seconds" | "bytes"), "{name} is in {unit}");
            assert!(!help.ends_with('.'), "{name}: the encoder adds the full stop");
        }
    }
}
