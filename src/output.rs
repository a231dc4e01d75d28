//! What the commands print: [`Output`], and `println!`, `print!` and `eprintln!` of this crate.
//!
//! Those of the standard library panic if they can't print. Here a reader that has gone, such as `head` after its
//! lines, is no failure: the command does its work to the end, and its exit code says what it always says. Any other
//! failure to write to standard output is kept, and [`check`] returns it.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::sync::OnceLock;

use anyhow::bail;

/// The first failure of this process to print.
static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Standard output. Writing to it never fails.
#[derive(Debug)]
pub struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        keep(stdout().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        keep(stdout().flush());
        Ok(())
    }
}

fn keep(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // If there is one already, that is the one to tell.
        let _ = FAILURE.set(error);
    }
}

/// Prints a line to standard output.
macro_rules! println {
    ($($text:tt)+) => { $crate::output::print(format_args!("{}\n", format_args!($($text)+))) };
}

/// Prints a text to standard output.
macro_rules! print {
    ($($text:tt)+) => { $crate::output::print(format_args!($($text)+)) };
}

/// Prints a line to standard error. If that fails, there is nobody to tell.
macro_rules! eprintln {
    ($($text:tt)+) => { $crate::output::tell(format_args!($($text)+)) };
}

/// Prints a text to standard output in one piece, and sends it on at once.
pub(crate) fn print(text: Arguments<'_>) {
    let mut out = stdout().lock();
    keep(out.write_fmt(text).and_then(|()| out.flush()));
}

/// Prints a line to standard error.
pub fn tell(line: Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}

/// Checks that everything was printed, as far as anyone has read it.
///
/// # Errors
/// Standard output could not be written, such as to a full disk.
pub fn check() -> anyhow::Result<()> {
    keep(stdout().flush());
    if let Some(error) = FAILURE.get() {
        bail!("standard output can't be written: {error}");
    }
    Ok(())
}
