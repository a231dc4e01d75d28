//! The figures of the process, from `/proc` (`proc_pid_stat(5)`), under the names that all Prometheus clients use.

use std::fs::{metadata, read_dir, read_to_string};

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::{Scrape, list};

impl Scrape {
    /// Adds the figures of this process. What the system doesn't tell is left out.
    pub fn process(&mut self) {
        if let Some(stat) = Stat::now() {
            let ticks = clock_ticks_per_second() as f64;
            self.put(list::CPU, [], stat.cpu as f64 / ticks);
            self.put(list::THREADS, [], stat.threads);
            self.put(list::VIRTUAL, [], stat.virtual_bytes);
            self.put(list::RESIDENT, [], stat.resident());
            if let Some(booted) = booted(&read_to_string("/proc/stat").unwrap_or_default()) {
                self.put(list::STARTED, [], booted as f64 + stat.started as f64 / ticks);
            }
        }
        if let Some(open) = open_files() {
            self.put(list::OPEN_FILES, [], open);
        }
        self.put(list::MOST_FILES, [], getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX));
    }
}

/// The fields of `/proc/self/stat` that are shown.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// User and kernel time, in clock ticks.
    cpu: u64,
    threads: u64,
    /// When the process started, in clock ticks since the system did.
    started: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// Those of now. `None` if the system doesn't tell.
    fn now() -> Option<Self> {
        Self::read(&read_to_string("/proc/self/stat").ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        // The name of the process may contain anything, so the fields count from its closing parenthesis.
        let fields: Vec<_> = text.rsplit_once(')')?.1.split_whitespace().collect();
        // The first field there is number 3 of the manual.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu: field(14)? + field(15)?,
            threads: field(20)?,
            started: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }

    /// In bytes.
    fn resident(&self) -> u64 {
        self.resident_pages * page_size() as u64
    }
}

/// How much memory this process has in the machine's memory now, in bytes. `None` if that can't be read.
pub fn resident_memory() -> Option<u64> {
    Stat::now().map(|stat| stat.resident())
}

/// When the system was started, in seconds since 1970.
fn booted(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn open_files() -> Option<u64> {
    // Since Linux 6.2 the size of the folder is the number of its files. To list thousands of them takes longer.
    let size = metadata("/proc/self/fd").ok()?.len();
    if size > 0 { Some(size) } else { Some(read_dir("/proc/self/fd").ok()?.count() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_count_from_the_end_of_the_name() {
        let text = "7 (a ) b) S 1 7 7 0 -1 4194560 2607 0 8 0 12 34 0 0 20 0 5 0 4242 9000 77 1 1 1";
        let expected = Stat { cpu: 46, threads: 5, started: 4242, virtual_bytes: 9000, resident_pages: 77 };
        assert_eq!(Stat::read(text), Some(expected));
        assert_eq!(Stat::read("7 (a"), None);
    }

    #[test]
    fn this_process_has_all_of_them() {
        let mut scrape = Scrape::default();
        scrape.process();
        let text = super::super::Metrics::new().text(scrape);
        for info in list::ALL.iter().filter(|info| info.name.starts_with("process_")) {
            let value = text.lines().find_map(|line| line.strip_prefix(&format!("{} ", info.name)));
            let value: f64 = value.and_then(|value| value.parse().ok()).expect(info.name);
            assert!(value > 0.0 || info == &list::CPU, "{}: {value}", info.name);
        }
    }
}
