//! When to speak without being asked: heartbeats and acknowledgements, lines 6 and 7 of "Coming back,
//! in ten lines". Pure: the time is passed in.

use std::time::{Duration, Instant};

/// No two acknowledgements are nearer to each other than this.
const BETWEEN_ACKS: Duration = Duration::from_secs(1);

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Send a heartbeat.
    Heartbeat,
    /// Acknowledge what is applied.
    Ack,
    /// Nothing was heard for too long after a heartbeat: the connection is dead.
    Silence,
}

/// The clockwork of one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    every: Duration,
    silence: Duration,
    heartbeat: Instant,
    dead: Option<Instant>,
    ack: Option<Instant>,
    acked: Option<Instant>,
}

impl KeepAlive {
    /// A heartbeat `every` so often, and no more than `silence` after it.
    pub(super) fn new(every: Duration, silence: Duration, now: Instant) -> Self {
        Self { every, silence, heartbeat: now + every, dead: None, ack: None, acked: None }
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Instant {
        [self.dead, self.ack].into_iter().flatten().fold(self.heartbeat, Instant::min)
    }

    /// What is due now, one at a time.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        if self.dead.is_some_and(|dead| dead <= now) {
            return Some(Due::Silence);
        }
        if self.heartbeat <= now {
            self.heartbeat = now + self.every;
            self.dead.get_or_insert(now + self.silence);
            return Some(Due::Heartbeat);
        }
        if self.ack.is_some_and(|ack| ack <= now) {
            (self.ack, self.acked) = (None, Some(now));
            return Some(Due::Ack);
        }
        None
    }

    /// The server has said something, whatever it was.
    pub(super) fn heard(&mut self) {
        self.dead = None;
    }

    /// Something was applied that is not acknowledged yet.
    pub(super) fn applied(&mut self, now: Instant) {
        let earliest = self.acked.map_or(now, |acked| now.max(acked + BETWEEN_ACKS));
        self.ack.get_or_insert(earliest);
    }

    /// This client was frozen: what it knows of the connection is old.
    pub(super) fn woke(&mut self, now: Instant) {
        (self.heartbeat, self.dead) = (now, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rhythm() -> (KeepAlive, Instant) {
        let begin = Instant::now();
        (KeepAlive::new(5 * SECOND, 3 * SECOND, begin), begin)
    }

    #[test]
    fn a_heartbeat_that_nothing_answers_ends_the_connection() {
        let (mut rhythm, begin) = rhythm();
        assert_eq!(rhythm.due(begin), None);
        assert_eq!(rhythm.next(), begin + 5 * SECOND);
        assert_eq!(rhythm.due(begin + 5 * SECOND), Some(Due::Heartbeat));
        assert_eq!(rhythm.next(), begin + 8 * SECOND);
        assert_eq!(rhythm.due(begin + 8 * SECOND), Some(Due::Silence));
    }

    #[test]
    fn whatever_is_heard_keeps_it_alive() {
        let (mut rhythm, begin) = rhythm();
        assert_eq!(rhythm.due(begin + 5 * SECOND), Some(Due::Heartbeat));
        rhythm.heard();
        assert_eq!(rhythm.due(begin + 8 * SECOND), None);
        assert_eq!(rhythm.due(begin + 10 * SECOND), Some(Due::Heartbeat));
    }

    #[test]
    fn acknowledgements_are_a_second_apart() {
        let (mut rhythm, begin) = rhythm();
        rhythm.applied(begin);
        assert_eq!(rhythm.due(begin), Some(Due::Ack));
        rhythm.applied(begin + SECOND / 4);
        rhythm.applied(begin + SECOND / 2);
        assert_eq!(rhythm.due(begin + SECOND / 2), None);
        assert_eq!(rhythm.next(), begin + SECOND);
        assert_eq!((rhythm.due(begin + SECOND), rhythm.due(begin + 2 * SECOND)), (Some(Due::Ack), None));
    }

    #[test]
    fn whoever_wakes_asks_at_once() {
        let (mut rhythm, begin) = rhythm();
        assert_eq!(rhythm.due(begin + 5 * SECOND), Some(Due::Heartbeat));
        rhythm.woke(begin + 60 * SECOND);
        assert_eq!(rhythm.due(begin + 60 * SECOND), Some(Due::Heartbeat));
        assert_eq!(rhythm.next(), begin + 63 * SECOND);
    }
}
