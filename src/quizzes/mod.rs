//! Question banks: the documented file format, the catalogue of what may be played, the checks,
//! and the importers of other people's formats.
//!
//! Whatever leaves here as a [`Bank`] was checked from end to end; the files' faults stop here.

pub mod bank;
pub mod catalogue;
pub mod check;
pub mod cli;
pub mod import;
pub mod media;
mod preview;
mod reading;
pub mod select;

pub use bank::{Bank, BankFile, Hosting, PlayMode};
pub use catalogue::Catalogue;
pub use select::{Defaults, NoSelection, Order, QuestionCount, Selection, draw, select, with_options_in};
