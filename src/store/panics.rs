//! Panics that are caught on purpose.
//!
//! [`catch`] returns the panic's message, and its caller logs it in its own words. The panic hook logs all
//! other panics; it calls [`hook`] first and does not log the caught ones.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// Number of nested `catch` calls on this thread.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Message and place of the panic that is unwinding to one of them, as the hook saw it.
    static NOTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `act`. If it panics, returns the panic's message and place. Nothing is logged.
pub(crate) fn catch<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    NOTED.take();
    DEPTH.set(DEPTH.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(act));
    DEPTH.set(DEPTH.get() - 1);
    // Without the hook, as in tests, the message has no place.
    done.map_err(|panic| NOTED.take().unwrap_or_else(|| message(panic.as_ref()).to_owned()))
}

/// Tells the panic hook what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hooked {
    /// Log nothing: the panic will be caught, and the catcher logs it.
    Silent,
    /// Log the panic, and also the silent one before it, if any. A second panic during unwinding aborts the
    /// process, so nothing else would log the first.
    Log { after: Option<String> },
}

/// Decides for the panic hook whether to log this panic.
pub(crate) fn hook(panic: &PanicHookInfo<'_>) -> Hooked {
    if DEPTH.get() == 0 {
        return Hooked::Log { after: None };
    }
    let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
    match NOTED.replace(Some(message(panic.payload()).to_owned() + &place)) {
        None => Hooked::Silent,
        after => Hooked::Log { after },
    }
}

/// The panic's message, or `no message` if its payload is not a string.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caught_panic_is_given_with_its_message() {
        assert_eq!(catch(|| 7), Ok(7));
        let number = 8;
        assert!(catch(|| panic!("{number} is too many")).is_err_and(|what: String| what.starts_with("8 is too many")));
        assert!(catch(|| std::panic::panic_any(8)).is_err_and(|what: String| what.starts_with("no message")));
    }

    #[test]
    fn one_within_another_is_the_inner_ones() {
        let outer = catch(|| {
            assert!(catch(|| panic!("inside")).is_err_and(|what: String| what.starts_with("inside")));
            panic!("outside")
        });
        assert!(outer.is_err_and(|what: String| what.starts_with("outside")));
        assert_eq!(DEPTH.get(), 0);
    }
}
