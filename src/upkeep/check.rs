//! `rejoin check`: reads a whole file and names what is damaged, and with `--repair` writes what can be read to a
//! new one.

use std::process::ExitCode;

use indicatif::HumanCount;

use super::{LOG, bytes, command, date, led, led_open, now};
use crate::config::CheckArgs;
use crate::store::backup::CopyControl;
use crate::store::redb::{FileReport, Repaired, check_file, repair_file};
use crate::telemetry::{self, LogFormat};

/// How many damaged games, pages and notes of each kind are printed.
const MOST_LISTED: usize = 1_000;

/// Checks a file, and repairs it if it is to. The exit code is a failure if anything is damaged and stays so, or is
/// lost.
///
/// # Errors
/// The file can't be opened, or a server has it open.
pub fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::start(LOG, LogFormat::Human)?;
    let path = args.path();
    if !args.repair {
        let report = check_file(&path, || {}).map_err(led_open)?;
        lines(&report).iter().for_each(|line| println!("{line}"));
        if report.is_whole() {
            return Ok(ExitCode::SUCCESS);
        }
        println!("to write what can be read to a new file: {} --repair", command("check", &path));
        return Ok(ExitCode::FAILURE);
    }
    match repair_file(&path, &now(), &CopyControl::default()).map_err(led)? {
        None => println!("{}: everything is whole; nothing was changed", path.display()),
        Some(Repaired { report, kept, aside }) => {
            lines(&report).iter().for_each(|line| println!("{line}"));
            let (whole, lost) = (HumanCount(report.whole), HumanCount(report.damaged.len() as u64));
            println!("{}: {whole} games are in the repaired file, {lost} could not be saved", path.display());
            if let Some(aside) = aside {
                println!("what is damaged is in {}, which holds players' credentials", aside.display());
            }
            println!("the old file is kept as {}; remove both when you no longer need them", kept.display());
            if report.has_losses() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The report for people. Everything that is damaged has a line of its own.
fn lines(report: &FileReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(mark) = &report.mark {
        lines.push(format!("a backup of {}, written by rejoin {}", date(mark.taken_at), mark.version));
    }
    lines.push(format!(
        "{} in {} games with {} events: {} whole, {} damaged",
        bytes(report.length),
        HumanCount(report.whole + report.damaged.len() as u64),
        HumanCount(report.events),
        HumanCount(report.whole),
        HumanCount(report.damaged.len() as u64)
    ));
    let games = report.damaged.iter().map(|game| format!("game {}: {}", game.name, game.why));
    let corrected = report.corrected.iter().map(|name| format!("game {name}: one flipped bit, which can be corrected"));
    let pages = report.pages.iter().map(|page| {
        let how = if page.is_one_bit { "one flipped bit, which can be corrected" } else { "cannot be corrected" };
        format!("page at byte {}, {}: {how}", page.offset, page.table)
    });
    limited(&mut lines, games);
    limited(&mut lines, corrected);
    limited(&mut lines, pages);
    lines.extend(report.remarks.harmless.iter().chain(&report.remarks.losses).cloned());
    if report.is_whole() {
        lines.push("everything is whole".to_owned());
    }
    lines
}

fn limited(lines: &mut Vec<String>, kind: impl ExactSizeIterator<Item = String>) {
    let more = kind.len().saturating_sub(MOST_LISTED);
    lines.extend(kind.take(MOST_LISTED));
    if more > 0 {
        lines.push(format!("and {} more", HumanCount(more as u64)));
    }
}
