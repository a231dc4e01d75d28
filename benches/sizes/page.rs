//! The tables of `docs/sizes.md`, made of measured figures.

use std::fmt::Write;
use std::path::Path;

use super::figures::Figures;
use super::plan;

/// The file of the figures from which the page is made.
pub(crate) const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sizes.json");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sizes.md");

/// Rows of a table: what it is, the part of the benchmark, and the names of its figures with a word before each.
type Rows = &'static [(&'static str, &'static str, &'static [(&'static str, &'static str)])];

const ON_A_FILE: Rows = &[
    ("a server without games", "solo", &[("memory", "solo.server.memory")]),
    (
        "a solo game of 10 questions: create it",
        "solo",
        &[
            ("CPU", "solo.create.cpu"),
            ("written", "solo.create.written"),
            ("up", "solo.create.sent"),
            ("down", "solo.create.received"),
        ],
    ),
    (
        "the same: an answer",
        "solo",
        &[
            ("CPU", "solo.answer.cpu"),
            ("written", "solo.answer.written"),
            ("up", "solo.answer.sent"),
            ("down", "solo.answer.received"),
        ],
    ),
    ("the same: its results", "solo", &[("CPU", "solo.results.cpu"), ("down", "solo.results.received")]),
    ("the same, while it lives", "solo", &[("memory", "solo.game.memory"), ("disk", "disk.game")]),
    (
        "the same, finished, with its results",
        "solo",
        &[("memory", "solo.finished.memory"), ("disk", "disk.finished_game")],
    ),
    (
        "a room of 30 questions without players",
        "rooms",
        &[("CPU to open", "rooms.room.cpu"), ("memory", "rooms.room.memory"), ("disk", "disk.room")],
    ),
    (
        "a seat of a room, not connected",
        "rooms",
        &[("CPU to join", "rooms.seat.cpu"), ("memory", "rooms.seat.memory"), ("disk", "disk.seat")],
    ),
    (
        "a connection of a seat, idle",
        "idle",
        &[
            ("CPU to connect", "idle.connect.cpu"),
            ("memory", "idle.connection.memory"),
            ("memory of the kernel", "idle.connection.kernel_memory"),
            ("CPU a second", "idle.connection.cpu_a_second"),
            ("up a second", "idle.connection.sent_a_second"),
            ("down a second", "idle.connection.received_a_second"),
        ],
    ),
    (
        "an answer in a room of 30, with all that follows",
        "rooms",
        &[
            ("CPU", "rooms.answer.cpu"),
            ("written", "rooms.answer.written"),
            ("frames to all players", "rooms.answer.frames"),
            ("of these presence", "rooms.answer.presence"),
            ("reply p99", "rooms.answer.p99"),
        ],
    ),
    (
        "a player in a room of 30, playing",
        "rooms",
        &[
            ("answers a second", "rooms.played_seat.answers_a_second"),
            ("CPU a second", "rooms.played_seat.cpu_a_second"),
            ("up a second", "rooms.played_seat.sent_a_second"),
            ("down a second", "rooms.played_seat.received_a_second"),
        ],
    ),
    (
        "a delivery to one of 20 seats, at 10,000/s",
        "deliveries",
        &[("CPU", "deliveries.at_10000.cpu"), ("down", "deliveries.at_10000.received")],
    ),
    (
        "the same, at 40,000/s",
        "deliveries",
        &[("CPU", "deliveries.at_40000.cpu"), ("down", "deliveries.at_40000.received")],
    ),
    (
        "the first load of a player's page",
        "pages",
        &[
            ("files", "pages.player.files"),
            ("down", "pages.player.bytes"),
            ("uncompressed", "pages.player.uncompressed"),
            ("CPU", "pages.player.cpu"),
        ],
    ),
    (
        "the same of a host's page",
        "pages",
        &[
            ("files", "pages.host.files"),
            ("down", "pages.host.bytes"),
            ("uncompressed", "pages.host.uncompressed"),
            ("CPU", "pages.host.cpu"),
        ],
    ),
];

const ON_VALKEY: Rows = &[
    (
        "a solo game of 10 questions, while it lives",
        "valkey",
        &[
            ("Valkey's memory", "valkey.game.memory"),
            ("its CPU to create it", "valkey.create.cpu"),
            ("CPU of the instance", "valkey.create.instance_cpu"),
        ],
    ),
    (
        "the same: an answer",
        "valkey",
        &[
            ("Valkey's CPU", "valkey.solo_answer.cpu"),
            ("CPU of the instance", "valkey.solo_answer.instance_cpu"),
            ("to Valkey", "valkey.solo_answer.to_valkey"),
            ("from Valkey", "valkey.solo_answer.from_valkey"),
        ],
    ),
    (
        "the same, finished: all of it",
        "valkey",
        &[("Valkey's memory", "valkey.finished.memory"), ("its CPU", "valkey.game.cpu")],
    ),
    ("a room of 30 questions without players", "valkey", &[("Valkey's memory", "valkey.room.memory")]),
    ("a seat of a room", "valkey", &[("Valkey's memory", "valkey.seat.memory")]),
    (
        "an answer in a room of 30, with all that follows",
        "valkey",
        &[
            ("Valkey's CPU", "valkey.answer.valkey_cpu"),
            ("CPU of the instance", "valkey.answer.cpu"),
            ("Valkey's commands", "valkey.answer.commands"),
            ("to Valkey", "valkey.answer.to_valkey"),
            ("from Valkey", "valkey.answer.from_valkey"),
            ("reply p99", "valkey.answer.p99"),
        ],
    ),
    (
        "a player in a room of 30, playing",
        "valkey",
        &[
            ("CPU of the instance a second", "valkey.played_seat.cpu_a_second"),
            ("up a second", "valkey.played_seat.sent_a_second"),
            ("down a second", "valkey.played_seat.received_a_second"),
        ],
    ),
];

const SOLO_ON_A_SMALL_HOST: Rows = &[
    (
        "live games of 10 questions on the host",
        "host",
        &[("count", "host.games.count"), ("memory", "host.games.memory"), ("each", "host.games.memory_each")],
    ),
    (
        "200 players in a closed loop beside them",
        "host",
        &[("requests", "host.games.requests"), ("reply p99", "host.games.p99")],
    ),
];

/// The parts of the page that are made, by name.
pub(crate) fn tables(figures: &Figures) -> Vec<(&'static str, String)> {
    vec![
        ("about", about(figures)),
        ("file", costs(figures, ON_A_FILE)),
        ("valkey", costs(figures, ON_VALKEY)),
        ("host", host(figures)),
        ("solo-host", costs(figures, SOLO_ON_A_SMALL_HOST)),
        ("growth", growth(figures)),
        ("plan", plan::table(figures)),
    ]
}

fn about(figures: &Figures) -> String {
    let get = |name: &str| figures.about.get(name).cloned().unwrap_or_default();
    let [date, commit, machine, kernel] = ["date", "commit", "machine", "kernel"].map(get);
    format!("Measured on {date}, commit `{commit}`, on {machine}, Linux {kernel}.\n")
}

fn costs(figures: &Figures, rows: Rows) -> String {
    let mut out = String::from("| what | costs | part |\n| --- | --- | --- |\n");
    for (what, part, names) in rows {
        let text = |(word, name): &(&str, &str)| Some(format!("{word} {}", figures.figures.get(*name)?.text()));
        let texts: Vec<_> = names.iter().filter_map(text).collect();
        writeln!(out, "| {what} | {} | `{part}` |", texts.join("; ")).expect("a text grows");
    }
    out
}

fn host(figures: &Figures) -> String {
    let mut out = String::from(
        "| rooms of 30 | players | answers a second | load of the core | reply p50, p99 | memory, of the kernel |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let steps = figures.figures.keys().filter_map(|name| name.strip_prefix("host.rooms_")?.strip_suffix(".players"));
    for step in steps {
        let get = |what: &str| figures.figures[&format!("host.rooms_{step}.{what}")].text();
        let number = |what: &str| super::figures::short(figures.median(&format!("host.rooms_{step}.{what}")));
        let rooms = step.trim_start_matches('0');
        writeln!(
            out,
            "| {rooms} | {} | {} | {} % | {}, {} | {}, {} |",
            number("players"),
            number("answers"),
            number("core"),
            get("p50"),
            get("p99"),
            get("memory"),
            get("kernel_memory")
        )
        .expect("a text grows");
    }
    out
}

fn growth(figures: &Figures) -> String {
    let mut out = String::from(
        "| what | 1 instance, 1 shard | 3 instances, 3 shards | ratio | least and most busy shard |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    let rows = [
        ("a solo game: Valkey's CPU", "solo", "solo", "valkey_cpu", "solo"),
        ("a solo game: CPU of the instances", "solo", "solo", "instance_cpu", "solo"),
        ("an answer in a room, all seats at one instance: Valkey's CPU", "by_room", "by_room", "valkey_cpu", "by_room"),
        ("the same: CPU of the instances", "by_room", "by_room", "instance_cpu", "by_room"),
        ("the same: Valkey's commands", "by_room", "by_room", "commands", "by_room"),
        ("the same: bytes from Valkey", "by_room", "by_room", "from_valkey", "by_room"),
        ("an answer in a room, seats at all instances: Valkey's CPU", "by_room", "by_seat", "valkey_cpu", "by_seat"),
        ("the same: CPU of the instances", "by_room", "by_seat", "instance_cpu", "by_seat"),
        ("the same: Valkey's commands", "by_room", "by_seat", "commands", "by_seat"),
        ("the same: bytes from Valkey", "by_room", "by_seat", "from_valkey", "by_seat"),
    ];
    for (what, one, three, figure, shares) in rows {
        let names = [format!("growth.one.{one}.{figure}"), format!("growth.three.{three}.{figure}")];
        let ratio = figures.median(&names[1]) / figures.median(&names[0]);
        let [one, three] = names.map(|name| figures.figures[&name].text());
        let share =
            |which: &str| super::figures::short(figures.median(&format!("growth.three.{shares}.{which}_shard")));
        let shares =
            if figure == "valkey_cpu" { format!("{} %, {} %", share("least"), share("most")) } else { String::new() };
        writeln!(out, "| {what} | {one} | {three} | {ratio:.2} | {shares} |").expect("a text grows");
    }
    let watched =
        figures.figures.iter().filter_map(|(name, figure)| Some((name.strip_prefix("growth.slots.")?, figure)));
    let (all, others): (Vec<_>, Vec<_>) = watched.partition(|(name, _)| *name == "commands");
    for (_, figure) in all {
        write!(out, "\nOf {}, none touched two slots.", figure.text()).expect("a text grows");
    }
    for (key, figure) in others {
        write!(out, "\n`{key}`: {}.", figure.text()).expect("a text grows");
    }
    out.push('\n');
    out
}

/// The page with the tables of these figures in place of its own.
pub(crate) fn made(page: &str, figures: &Figures) -> String {
    let mut page = page.to_owned();
    for (name, table) in tables(figures) {
        let [begin, end] = ["begin", "end"].map(|word| format!("<!-- {word} {name} -->\n"));
        let from = page.find(&begin).unwrap_or_else(|| panic!("the page has no {begin}")) + begin.len();
        let to = page.find(&end).unwrap_or_else(|| panic!("the page has no {end}"));
        page.replace_range(from..to, &format!("\n{table}\n"));
    }
    page
}

/// Writes the figures and the tables into the docs.
pub(crate) fn write(figures: &Figures) {
    figures.write(Path::new(FIGURES));
    let page = std::fs::read_to_string(PAGE).expect("the page is there");
    std::fs::write(PAGE, made(&page, figures)).expect("the page can be written");
}
