//! What Valkey servers have used, by their own `INFO`, and a check of the slots of every command by `MONITOR`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::support::valkey::{Resp, ValkeyServer};

/// What one server has used since its start.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Microseconds of CPU time, of all its threads.
    pub(crate) cpu: f64,
    /// Microseconds of the thread that runs all commands.
    pub(crate) main_thread: f64,
    /// Bytes of its data.
    pub(crate) memory: f64,
    /// Bytes received from clients and sent to them.
    pub(crate) traffic: [f64; 2],
    pub(crate) commands: f64,
}

impl Usage {
    pub(crate) fn of(server: &ValkeyServer) -> Self {
        let info = server.command(&["INFO", "everything"]).text();
        let field = |name: &str| {
            let found = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            found.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or_else(|| panic!("no {name}"))
        };
        Self {
            cpu: (field("used_cpu_user") + field("used_cpu_sys")) * 1e6,
            main_thread: (field("used_cpu_user_main_thread") + field("used_cpu_sys_main_thread")) * 1e6,
            memory: field("used_memory"),
            traffic: [field("total_net_input_bytes"), field("total_net_output_bytes")],
            commands: field("total_commands_processed"),
        }
    }

    /// What was used after an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let net = |n: usize| self.traffic[n] - earlier.traffic[n];
        Self {
            cpu: self.cpu - earlier.cpu,
            main_thread: self.main_thread - earlier.main_thread,
            memory: self.memory - earlier.memory,
            traffic: [net(0), net(1)],
            commands: self.commands - earlier.commands,
        }
    }

    /// The sum over all servers.
    pub(crate) fn sum(all: &[Self]) -> Self {
        all.iter().fold(Self::default(), |sum, one| Self {
            cpu: sum.cpu + one.cpu,
            main_thread: sum.main_thread + one.main_thread,
            memory: sum.memory + one.memory,
            traffic: [sum.traffic[0] + one.traffic[0], sum.traffic[1] + one.traffic[1]],
            commands: sum.commands + one.commands,
        })
    }
}

/// The usage of each server.
pub(crate) fn usage(servers: &[ValkeyServer]) -> Vec<Usage> {
    servers.iter().map(Usage::of).collect()
}

/// What each server has used after an earlier look.
pub(crate) fn since(servers: &[ValkeyServer], earlier: &[Usage]) -> Vec<Usage> {
    usage(servers).into_iter().zip(earlier).map(|(now, earlier)| now.since(*earlier)).collect()
}

/// What a watch of all commands has found.
#[derive(Default)]
pub(crate) struct Slots {
    /// Commands with at least one key.
    pub(crate) commands: usize,
    /// Commands whose keys are in more than one slot.
    pub(crate) crossing: Vec<String>,
    /// The keys that are no session's, with how often they were used, and on how many servers.
    pub(crate) others: BTreeMap<String, (usize, BTreeSet<usize>)>,
}

/// Reads every command that these servers run for a while, and checks the slots of its keys.
pub(crate) fn watch_slots(servers: &[ValkeyServer], time: Duration) -> Slots {
    let mut slots = Slots::default();
    let mut known = HashMap::new();
    std::thread::scope(|scope| {
        let watching: Vec<_> = servers.iter().map(|server| scope.spawn(|| commands(server, time))).collect();
        for (place, watching) in watching.into_iter().enumerate() {
            for words in watching.join().expect("it reads") {
                let keys = keys(&words);
                if keys.is_empty() {
                    continue;
                }
                slots.commands += 1;
                let mut slot = |key: &str| {
                    let ask = || servers[0].command(&["CLUSTER", "KEYSLOT", key]).integer();
                    *known.entry(key.to_owned()).or_insert_with(ask)
                };
                let all: BTreeSet<_> = keys.iter().map(|key| slot(key)).collect();
                if all.len() > 1 {
                    slots.crossing.push(words.join(" "));
                }
                for key in keys.iter().filter(|key| !key.trim_start_matches('{').starts_with("session:")) {
                    let other = slots.others.entry(kind(key)).or_default();
                    other.0 += 1;
                    other.1.insert(place);
                }
            }
        }
    });
    slots
}

/// The name of a key without what differs from key to key.
fn kind(key: &str) -> String {
    match key.split_once(':') {
        Some(("rejoin", _)) if key.matches(':').count() == 1 => key.to_owned(),
        Some(("rejoin", rest)) => format!("rejoin:{}:…", rest.split(':').next().unwrap_or_default()),
        Some((first, _)) => format!("{first}:…"),
        None => key.to_owned(),
    }
}

/// The words of every command that a server runs for a while, also of those within scripts.
fn commands(server: &ValkeyServer, time: Duration) -> Vec<Vec<String>> {
    let mut connection = server.connection_within(Duration::from_secs(2)).expect("it listens");
    assert!(connection.command(&["MONITOR"]).expect("it answers").is("OK"));
    let (end, mut all) = (Instant::now() + time, Vec::new());
    while Instant::now() < end {
        let Ok(Resp::Text(line)) = connection.reply() else { break };
        all.push(words(&line));
    }
    all
}

/// The quoted words of a line of `MONITOR`. Escapes stay as they are: keys have none.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_escaped) = (Vec::new(), None::<String>, false);
    for letter in line.chars() {
        match (&mut word, letter) {
            (None, '"') => word = Some(String::new()),
            (None, _) => {}
            (Some(_), '"') if !is_escaped => words.extend(word.take()),
            (Some(text), letter) => {
                is_escaped = letter == '\\' && !is_escaped;
                text.push(letter);
            }
        }
    }
    words
}

/// The keys of a command, and the channel of one that publishes or subscribes.
fn keys(words: &[String]) -> Vec<&str> {
    let Some((name, rest)) = words.split_first() else { return Vec::new() };
    let all = || rest.iter().map(String::as_str).collect();
    let first = || rest.iter().take(1).map(String::as_str).collect();
    match name.to_ascii_uppercase().as_str() {
        "EVALSHA" | "EVAL" | "EVALSHA_RO" | "EVAL_RO" => {
            let count = rest.get(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            rest.iter().skip(2).take(count).map(String::as_str).collect()
        }
        "DEL" | "UNLINK" | "EXISTS" | "MGET" | "SSUBSCRIBE" | "SUNSUBSCRIBE" => all(),
        "GET" | "SET" | "GETEX" | "PEXPIRE" | "PTTL" | "XADD" | "XTRIM" | "XRANGE" | "XREVRANGE" | "XLEN" | "ZADD"
        | "ZREM" | "ZCARD" | "ZCOUNT" | "ZRANGE" | "ZRANGEBYSCORE" | "ZRANGEBYLEX" | "SPUBLISH" => first(),
        "INFO" | "TIME" | "CLUSTER" | "PING" | "CONFIG" | "HELLO" | "CLIENT" | "SCRIPT" | "MONITOR" | "READONLY"
        | "SELECT" | "COMMAND" | "AUTH" | "ASKING" | "EVICT" => Vec::new(),
        other => panic!("the keys of {other} are not known here"),
    }
}
