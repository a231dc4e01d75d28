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
    NOTED.take();
    DEPTH.set(DEPTH.get() + 1);
    let done = catch_unwind(AssertUnwindSafe(act));
    DEPTH.set(DEPTH.get() - 1);
    // Without the hook, as in tests, the message comes without its place.
    done.map_err(|panic| NOTED.take().unwrap_or_else(|| message(panic.as_ref()).to_owned()))
}

/// What the panic hook is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hooked {
    /// The panic will be caught, and told of by whoever catches it.
    Silent,
    /// It is to be logged, with the one before it that was silent: a second panic while the first is
    /// on its way ends the process, and nobody else would tell.
    Log { after: Option<String> },
}

/// For the panic hook.
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
