//! Panics that are caught on purpose: whoever catches one gets its message, and tells the log in its
//! own words. The hook that logs all others asks here first, and is silent about these.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

thread_local! {
    /// How many `catch`es this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What the hook noted of the panic that is on its way to one of them.
    static NOTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `act`. Its panic harms nobody else and is no line in the log; its message and place are
/// given instead.
pub(crate) fn catch<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    DEPTH.set(DEPTH.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(act));
    DEPTH.set(DEPTH.get() - 1);
    // Without the hook, as in tests, the message comes without its place.
    done.map_err(|panic| NOTED.take().unwrap_or_else(|| message(panic.as_ref()).to_owned()))
}

/// For the panic hook: whether the panic will be caught on purpose.
pub(crate) fn is_caught(panic: &PanicHookInfo<'_>) -> bool {
    let is_caught = DEPTH.get() > 0;
    if is_caught {
        let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
        NOTED.set(Some(message(panic.payload()).to_owned() + &place));
    }
    is_caught
}

/// What a panic says.
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
