//! Rate limits on creating games and rooms without an API key: their number and their size in bytes, a minute.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, InsufficientCapacity, NotUntil, Quota, RateLimiter};

use super::address::ClientAddress;
use super::limit::{Limit, Refused, wait};
use super::settings::LimitSettings;

/// Bytes per unit of the size limiters, whose counts are 32 bits wide.
const UNIT: u64 = 1024;
/// Estimated bytes of a game or room without its questions.
const OWN_SIZE: u64 = 2 * 1024;
/// Estimated bytes of each question.
const QUESTION_SIZE: u64 = 800;
/// The wait in the reply to something larger than a whole minute's share. It never fits, but the reply is the
/// same as for a share that is spent.
const MINUTE: Duration = Duration::from_secs(60);

/// What creating a game or room costs, in the units of the limits.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct CreationCost {
    is_room: bool,
    bytes: u64,
}

impl CreationCost {
    /// The cost of a game with at most `questions` questions, asked for by a body of `request` bytes.
    pub(in crate::http) fn game(request: usize, questions: u64) -> Self {
        let bytes = (request as u64).saturating_add(OWN_SIZE).saturating_add(questions.saturating_mul(QUESTION_SIZE));
        Self { is_room: false, bytes }
    }

    /// The cost of a room with at most `questions` questions, asked for by a body of `request` bytes.
    pub(in crate::http) fn room(request: usize, questions: u64) -> Self {
        Self { is_room: true, ..Self::game(request, questions) }
    }
}

type ByAddress = DefaultKeyedRateLimiter<ClientAddress>;

/// The limiters of what is created within a minute.
pub(super) struct Creates {
    per_address: ByAddress,
    in_all: DefaultDirectRateLimiter,
    rooms_per_address: ByAddress,
    size_per_address: ByAddress,
    size: DefaultDirectRateLimiter,
}

impl Creates {
    pub(super) fn new(settings: &LimitSettings) -> Self {
        Self {
            per_address: RateLimiter::keyed(Quota::per_minute(settings.creates_per_address)),
            in_all: RateLimiter::direct(Quota::per_minute(settings.creates)),
            rooms_per_address: RateLimiter::keyed(Quota::per_minute(settings.rooms_per_address)),
            size_per_address: RateLimiter::keyed(Quota::per_minute(units(settings.created_size_per_address.as_u64()))),
            size: RateLimiter::direct(Quota::per_minute(units(settings.created_size.as_u64()))),
        }
    }

    /// Takes the cost from every limiter, or refuses. The address's own limiters come first, so that an
    /// address over its limit takes nothing from the share of others. A refusal returns nothing of what
    /// earlier limiters have taken.
    pub(super) fn take(&self, address: ClientAddress, created: CreationCost) -> Result<(), Refused> {
        let (one, size) = (NonZeroU32::MIN, units(created.bytes));
        if created.is_room {
            taken(self.rooms_per_address.check_key_n(&address, one), Limit::RoomsPerAddress)?;
        }
        taken(self.per_address.check_key_n(&address, one), Limit::CreatesPerAddress)?;
        taken(self.size_per_address.check_key_n(&address, size), Limit::CreatedSizePerAddress)?;
        taken(self.in_all.check_n(one), Limit::Creates)?;
        taken(self.size.check_n(size), Limit::CreatedSize)
    }

    /// Drops the addresses whose buckets are full again.
    pub(super) fn tidy(&self) {
        for limiter in [&self.per_address, &self.rooms_per_address, &self.size_per_address] {
            limiter.retain_recent();
        }
    }
}

/// Bytes in units of [`UNIT`], rounded up, at least 1.
fn units(bytes: u64) -> NonZeroU32 {
    let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
    NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN)
}

/// The result of asking a limiter for several units at once.
type Limited = Result<Result<(), NotUntil<<DefaultClock as Clock>::Instant>>, InsufficientCapacity>;

fn taken(checked: Limited, limit: Limit) -> Result<(), Refused> {
    match checked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(until)) => Err((limit, wait(&until))),
        Err(InsufficientCapacity(_)) => Err((limit, MINUTE)),
    }
}
