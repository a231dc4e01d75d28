//! When to send heartbeats and acknowledgements: lines 6 and 7 of "Coming back, in ten lines". Pure: the time
//! is passed in.

use std::time::{Duration, Instant};

/// The shortest time between two acknowledgements.
const BETWEEN_ACKS: Duration = Duration::from_secs(1);

/// What a connection must do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Send a heartbeat.
    Heartbeat,
    /// Acknowledge the events applied so far.
    Ack,
    /// Give the connection up: nothing was received for too long after a heartbeat.
    Silence,
}

/// The timers of one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    every: Duration,
    silence: Duration,
    /// When the next heartbeat is due.
    heartbeat: Instant,
    /// When the connection counts as dead; `None` unless a heartbeat is unanswered.
    dead: Option<Instant>,
    /// When the next acknowledgement is due; `None` if everything is acknowledged.
    ack: Option<Instant>,
    /// When the last acknowledgement was sent.
    acked: Option<Instant>,
}

impl KeepAlive {
    /// A heartbeat every `every`. The connection is dead if nothing is received within `silence` after one.
    pub(super) fn new(every: Duration, silence: Duration, now: Instant) -> Self {
        Self { every, silence, heartbeat: now + every, dead: None, ack: None, acked: None }
    }

    /// When to call [`KeepAlive::due`] next.
    pub(super) fn next(&self) -> Instant {
        [self.dead, self.ack].into_iter().flatten().fold(self.heartbeat, Instant::min)
    }

    /// What is due at `now`, one item per call.
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

    /// A frame of any kind was received.
    pub(super) fn heard(&mut self) {
        self.dead = None;
    }

    /// An event was applied and must be acknowledged.
    pub(super) fn applied(&mut self, now: Instant) {
        let earliest = self.acked.map_or(now, |acked| now.max(acked + BETWEEN_ACKS));
        // One acknowledgement covers all events applied before it is sent.
        self.ack.get_or_insert(earliest);
    }

    /// The client was frozen: send a heartbeat at once, and don't count the silence of that time.
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
