//! Question banks: the documented file format, the catalogue of playable banks, the checks, and the importers
//! for other file formats.
//!
//! Every [`Bank`] that leaves this module has passed all checks. File errors are handled in here.

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
