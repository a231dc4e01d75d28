//! The limits, each named by its setting.

use std::time::Duration;

use governor::NotUntil;
use governor::clock::{Clock, DefaultClock};

use super::super::problem::Problem;

/// The limit that refused, and how long to wait before the next try.
pub(super) type Refused = (Limit, Duration);

/// How long until a rate limiter would allow the call.
pub(super) fn wait(until: &NotUntil<<DefaultClock as Clock>::Instant>) -> Duration {
    until.wait_time_from(DefaultClock::default().now())
}

/// A limit of the server. Its number is its index in [`Limit::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Limit {
    Connections,
    ConnectionsPerAddress,
    ConnectionsPerSeat,
    Calls,
    Creates,
    CreatesPerAddress,
    RoomsPerAddress,
    CreatedSize,
    CreatedSizePerAddress,
    Sessions,
    SessionsPerAddress,
    SessionsPerKey,
    UnknownCodes,
    UnknownCodesPerAddress,
    Joins,
    Requests,
    Bodies,
    BodiesPerAddress,
    AdminConnections,
}

impl Limit {
    /// All limits, each at the index of its number.
    pub(super) const ALL: [Self; 19] = [
        Self::Connections,
        Self::ConnectionsPerAddress,
        Self::ConnectionsPerSeat,
        Self::Calls,
        Self::Creates,
        Self::CreatesPerAddress,
        Self::RoomsPerAddress,
        Self::CreatedSize,
        Self::CreatedSizePerAddress,
        Self::Sessions,
        Self::SessionsPerAddress,
        Self::SessionsPerKey,
        Self::UnknownCodes,
        Self::UnknownCodesPerAddress,
        Self::Joins,
        Self::Requests,
        Self::Bodies,
        Self::BodiesPerAddress,
        Self::AdminConnections,
    ];

    /// The setting's name in the environment.
    pub(in crate::http) fn setting(self) -> &'static str {
        match self {
            Self::Connections => "REJOIN_MAX_CONNECTIONS",
            Self::ConnectionsPerAddress => "REJOIN_MAX_CONNECTIONS_PER_ADDRESS",
            Self::ConnectionsPerSeat => "REJOIN_MAX_CONNECTIONS_PER_SEAT",
            Self::Calls => "REJOIN_FRAMES_PER_SECOND",
            Self::Creates => "REJOIN_CREATES",
            Self::CreatesPerAddress => "REJOIN_CREATES_PER_ADDRESS",
            Self::RoomsPerAddress => "REJOIN_ROOMS_PER_ADDRESS",
            Self::CreatedSize => "REJOIN_CREATED_SIZE",
            Self::CreatedSizePerAddress => "REJOIN_CREATED_SIZE_PER_ADDRESS",
            Self::Sessions => "REJOIN_MAX_SESSIONS",
            Self::SessionsPerAddress => "REJOIN_MAX_SESSIONS_PER_ADDRESS",
            Self::SessionsPerKey => "REJOIN_MAX_SESSIONS_PER_KEY",
            Self::UnknownCodes => "REJOIN_UNKNOWN_CODES",
            Self::UnknownCodesPerAddress => "REJOIN_UNKNOWN_CODES_PER_ADDRESS",
            Self::Joins => "REJOIN_JOINS_PER_ROOM",
            Self::Requests => "REJOIN_REQUESTS_PER_ADDRESS",
            Self::Bodies => "REJOIN_BODIES_SIZE",
            Self::BodiesPerAddress => "REJOIN_BODIES_SIZE_PER_ADDRESS",
            Self::AdminConnections => "REJOIN_ADMIN_LISTEN",
        }
    }

    /// The error reply to a client that may try again after `wait`.
    pub(super) fn problem(self, wait: Duration) -> Problem {
        Problem::over_limit(self.setting(), self.sentence(), wait)
    }

    /// What is over the limit, in words for the client.
    fn sentence(self) -> &'static str {
        match self {
            Self::Connections => "the server has as many connections as it may have",
            Self::ConnectionsPerAddress => "your address has as many connections as it may have",
            Self::ConnectionsPerSeat => "this seat has as many connections as it may have",
            Self::Calls => "this seat calls too often",
            Self::Creates => "too many games and rooms are being created",
            Self::CreatesPerAddress => "your address creates too many games and rooms",
            Self::RoomsPerAddress => "your address opens too many rooms",
            Self::CreatedSize => "the games and rooms that are being created hold too much",
            Self::CreatedSizePerAddress => "the games and rooms that your address creates hold too much",
            Self::Sessions => "the server has as many games and rooms as it may have",
            Self::SessionsPerAddress => "your address has created as many games and rooms as may live at once",
            Self::SessionsPerKey => "this API key has created as many games and rooms as may live at once",
            Self::UnknownCodes => "too many join codes are tried that no room has",
            Self::UnknownCodesPerAddress => "your address tries too many join codes that no room has",
            Self::Joins => "too many players join this room at once",
            Self::Requests => "your address makes too many requests",
            Self::Bodies => "the requests that are under way hold too much",
            Self::BodiesPerAddress => "the requests of your address that are under way hold too much",
            Self::AdminConnections => "the admin listener has as many connections as it may have",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_the_place_of_its_number() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{}", limit.setting());
        }
    }
}
