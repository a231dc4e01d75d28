//! Limits how many wrong join codes an address, and all addresses together, may try. An address over its
//! limit is refused before the store is asked, so the reply tells it nothing. One exception: codes that this
//! address has used with success stay open to it, so that the rest of a school class can still join its room.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::address::ClientAddress;
use super::limit::{Limit, Refused, wait};
use super::settings::LimitSettings;
use crate::domain::idempotency::hash;

/// Maximum pairs of address and correct code that are remembered.
const MOST_KNOWN: usize = 10_000;
/// How long after its last wrong code an address still counts as a guesser.
const GUESSED: Duration = Duration::from_secs(60);
/// An address with at most this many wrong codes has only mistyped, and is not refused for the guesses of others.
const MISTYPED: u32 = 5;

/// Counts wrong join codes per address and in all.
pub(super) struct UnknownCodes {
    per_address: DefaultKeyedRateLimiter<ClientAddress>,
    in_all: DefaultDirectRateLimiter,
    state: Mutex<GuessState>,
    /// Correct codes, by the hash of address and code.
    known: Cache<[u8; 16], ()>,
}

#[derive(Default)]
struct GuessState {
    by_address: HashMap<ClientAddress, Guesser>,
    /// Until when all recent guessers are refused, if the limit over all addresses was met.
    spent_until: Option<Instant>,
}

struct Guesser {
    last: Instant,
    /// Wrong codes since its last pause of [`GUESSED`].
    guesses: u32,
    spent_until: Option<Instant>,
}

impl UnknownCodes {
    pub(super) fn new(settings: &LimitSettings) -> Self {
        Self {
            per_address: RateLimiter::keyed(Quota::per_minute(settings.unknown_codes_per_address)),
            in_all: RateLimiter::direct(Quota::per_minute(settings.unknown_codes)),
            state: Mutex::default(),
            known: Cache::new(MOST_KNOWN),
        }
    }

    /// Refuses an address that has guessed too often. `code` is a room's join code. With `is_seat_code` the request
    /// also brings a seat's code: then a known join code helps nothing, because the guess is at the seat's code.
    pub(super) fn may_try(&self, address: ClientAddress, code: &str, is_seat_code: bool) -> Result<(), Refused> {
        match self.refused(address) {
            Some(_) if !is_seat_code && self.known.get(&name(address, code)).is_some() => Ok(()),
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    fn refused(&self, address: ClientAddress) -> Option<Refused> {
        let now = Instant::now();
        let state = self.state.lock();
        // An address that has not guessed within GUESSED is not refused for the guesses of others.
        let guesser = state.by_address.get(&address).filter(|guesser| now < guesser.last + GUESSED)?;
        let left = |until: Option<Instant>| until.map(|until| until.saturating_duration_since(now));
        let own = left(guesser.spent_until).map(|left| (Limit::UnknownCodesPerAddress, left));
        let all = left(state.spent_until.filter(|_| guesser.guesses > MISTYPED));
        let all = all.map(|left| (Limit::UnknownCodes, left));
        own.into_iter().chain(all).find(|(_, left)| !left.is_zero())
    }

    /// Remembers that a room has this code, for later tries from the same address.
    pub(super) fn known(&self, address: ClientAddress, code: &str) {
        self.known.insert(name(address, code), ());
    }

    /// Counts a wrong code. The guess that goes over a limit is itself refused, so it doesn't learn that the
    /// code was wrong.
    pub(super) fn unknown(&self, address: ClientAddress) -> Result<(), Refused> {
        let now = Instant::now();
        let own = self.per_address.check_key(&address).err().map(|until| wait(&until));
        let all = self.in_all.check().err().map(|until| wait(&until));
        let mut state = self.state.lock();
        let guesser = state.by_address.entry(address).or_insert(Guesser { last: now, guesses: 0, spent_until: None });
        let is_new = now >= guesser.last + GUESSED;
        guesser.guesses = if is_new { 1 } else { guesser.guesses.saturating_add(1) };
        guesser.last = now;
        let has_guessed = guesser.guesses > MISTYPED;
        if let Some(wait) = own {
            guesser.spent_until = Some(now + wait);
        }
        if let Some(wait) = all {
            state.spent_until = Some(now + wait);
        }
        match (own, all) {
            (Some(wait), _) => Err((Limit::UnknownCodesPerAddress, wait)),
            (None, Some(wait)) if has_guessed => Err((Limit::UnknownCodes, wait)),
            _ => Ok(()),
        }
    }

    /// Drops the addresses that have not guessed within [`GUESSED`].
    pub(super) fn tidy(&self) {
        let now = Instant::now();
        self.state.lock().by_address.retain(|_, guesser| now < guesser.last + GUESSED);
        self.per_address.retain_recent();
    }
}

fn name(address: ClientAddress, code: &str) -> [u8; 16] {
    hash(&[&address.to_string(), code])
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn codes(per_address: &str, in_all: &str) -> UnknownCodes {
        let words = ["rejoin", "--unknown-codes-per-address", per_address, "--unknown-codes", in_all];
        let matches = LimitSettings::augment_args(Command::new("rejoin")).get_matches_from(words);
        UnknownCodes::new(&LimitSettings::from_arg_matches(&matches).expect("good settings"))
    }

    fn address(n: u8) -> ClientAddress {
        std::net::IpAddr::from([10, 0, 0, n]).into()
    }

    fn limit(codes: &UnknownCodes, n: u8, code: &str) -> Option<Limit> {
        codes.may_try(address(n), code, false).err().map(|(limit, _)| limit)
    }

    #[test]
    fn who_has_guessed_too_often_may_only_try_what_was_right() {
        let codes = codes("3", "100");
        codes.known(address(1), "ABC234");
        for _ in 0..3 {
            assert_eq!(limit(&codes, 1, "XXXXXX"), None);
            codes.unknown(address(1)).expect("one of three");
        }
        let (refused, _) = codes.unknown(address(1)).expect_err("the fourth");
        assert_eq!(refused, Limit::UnknownCodesPerAddress);
        assert_eq!(limit(&codes, 1, "XXXXXX"), Some(Limit::UnknownCodesPerAddress));
        assert_eq!(limit(&codes, 1, "ABC234"), None);
        assert!(codes.may_try(address(1), "ABC234", true).is_err(), "a seat's code is guessed in a room that is known");
        // Another address is judged by its own guesses only.
        assert_eq!(limit(&codes, 2, "XXXXXX"), None);
    }

    #[test]
    fn guesses_of_many_addresses_stop_those_who_guess_and_nobody_else() {
        let codes = codes("100", "3");
        let guess = |n| codes.unknown(address(n)).err().map(|(limit, _)| limit);
        // An address that has only mistyped is not refused.
        assert!((1..=5).all(|_| guess(1).is_none()));
        assert_eq!((limit(&codes, 1, "XXXXXX"), guess(1)), (None, Some(Limit::UnknownCodes)));
        assert_eq!(limit(&codes, 1, "XXXXXX"), Some(Limit::UnknownCodes));
        assert_eq!((guess(2), limit(&codes, 2, "XXXXXX"), limit(&codes, 9, "XXXXXX")), (None, None, None));
    }
}
