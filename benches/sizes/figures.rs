//! Measured figures by name, each with its unit and the value of every run, and the file that keeps them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The file of the figures that were measured last.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sizes.json")
}

/// A figure: its unit, and the value of each run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) unit: String,
    pub(crate) values: Vec<f64>,
}

impl Figure {
    fn sorted(&self) -> Vec<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values
    }

    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        self.sorted()[self.values.len() / 2]
    }

    /// The median, and the lowest and the highest value if they differ from it.
    pub(crate) fn text(&self) -> String {
        let values = self.sorted();
        let [low, middle, high] = [values[0], self.median(), values[values.len() - 1]].map(short);
        let spread = if low == high { String::new() } else { format!(" ({low} to {high})") };
        format!("{middle} {}{spread}", self.unit)
    }
}

/// A number with about three digits.
pub(crate) fn short(value: f64) -> String {
    let places = match value.abs() {
        0.0 => 0,
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let plain = format!("{value:.places$}");
    if places > 0 {
        return plain.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

/// All figures of a machine, by `<part>.<what>`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// When, where and of which commit they were measured.
    pub(crate) about: BTreeMap<String, String>,
    pub(crate) figures: BTreeMap<String, Figure>,
}

impl Figures {
    /// The figures in a file; `None` if there are none.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
    }

    /// Writes the figures into a file.
    pub(crate) fn write(&self, path: &Path) {
        std::fs::write(path, self.to_json() + "\n").expect("the figures can be written");
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain values")
    }

    /// Adds the value of one run, and prints it.
    pub(crate) fn note(&mut self, name: &str, unit: &str, value: f64) {
        eprintln!("  {name:<44} {} {unit}", short(value));
        let unit = unit.to_owned();
        let figure = self.figures.entry(name.to_owned()).or_insert(Figure { unit, values: Vec::new() });
        figure.values.push(value);
    }

    /// Removes what an earlier measurement of this part has left.
    pub(crate) fn forget(&mut self, part: &str) {
        self.figures.retain(|name, _| name.split('.').next() != Some(part));
    }

    /// The median of a figure.
    pub(crate) fn median(&self, name: &str) -> f64 {
        self.figures.get(name).unwrap_or_else(|| panic!("{name} was not measured")).median()
    }

    /// Notes the commit, the date and the machine.
    pub(crate) fn describe_machine(&mut self) {
        let commit = output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]));
        let is_clean = output(Command::new("git").args(["status", "--porcelain", "src", "Cargo.lock"])).is_empty();
        let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let names: Vec<_> = cpu.lines().filter_map(|line| line.strip_prefix("model name")).collect();
        let (cores, name) = (names.len(), names.first().copied().unwrap_or_default());
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let changed = if is_clean { "" } else { ", changed" };
        let about = [
            ("commit", format!("{commit}{changed}")),
            ("date", date[..10].to_owned()),
            ("machine", format!("{cores} cores of {}", name.trim_start_matches([' ', '\t', ':']))),
            ("kernel", kernel.trim().to_owned()),
        ];
        self.about.extend(about.map(|(name, text)| (name.to_owned(), text)));
    }

    /// One line for each figure.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        for (name, text) in &self.about {
            writeln!(out, "{name:<44} {text}").expect("a text grows");
        }
        for (name, figure) in &self.figures {
            writeln!(out, "{name:<44} {}", figure.text()).expect("a text grows");
        }
        out
    }
}

fn output(command: &mut Command) -> String {
    let ran = command.current_dir(env!("CARGO_MANIFEST_DIR")).output();
    ran.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
