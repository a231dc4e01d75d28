//! What has gone out to a listener, in the order of the log. Its pump sends what the listener has missed;
//! while the pump has nothing to send, whoever tells of a commit sends the events there and then.

use parking_lot::Mutex;

use super::super::events::{event_text, skip_text};
use super::frames;
use crate::domain::{SeatId, Sequence};
use crate::game::hub::{Outlet, SharedEvent};
use crate::websocket::{Frame, Sender};

/// The line to one listener.
pub(super) struct EventSender {
    sender: Sender,
    seat: Option<SeatId>,
    state: Mutex<LineState>,
}

struct LineState {
    /// The last sequence that went out.
    sent: Sequence,
    /// How many reasons there are to send nothing but what the pump sends.
    holds: usize,
}

/// Keeps a line for the pump.
pub(super) struct LineHold<'a>(&'a EventSender);

impl Drop for LineHold<'_> {
    fn drop(&mut self) {
        self.0.state.lock().holds -= 1;
    }
}

impl EventSender {
    /// A line to a listener that has everything up to `sent`.
    pub(super) fn new(sender: Sender, seat: Option<SeatId>, sent: Sequence) -> Self {
        Self { sender, seat, state: Mutex::new(LineState { sent, holds: 0 }) }
    }

    /// The last sequence that went out.
    pub(super) fn sent(&self) -> Sequence {
        self.state.lock().sent
    }

    /// Leaves the line to the pump until this is dropped.
    pub(super) fn hold(&self) -> LineHold<'_> {
        self.state.lock().holds += 1;
        LineHold(self)
    }

    /// The pump, which holds the line, has sent this.
    pub(super) fn note_sent(&self, sequence: Sequence) {
        self.state.lock().sent = sequence;
    }

    /// The frame that tells of an event.
    pub(super) fn frame(&self, told: &SharedEvent) -> Frame {
        if told.is_for(self.seat) {
            Frame::from_bytes(told.frame(|told| frames::event(&event_text(&told.event))))
        } else {
            Frame::text(&skip_text(told.event.sequence))
        }
    }
}

impl Outlet for EventSender {
    fn offer(&self, told: &SharedEvent) -> bool {
        let (mut state, sequence) = (self.state.lock(), told.event.sequence);
        if sequence <= state.sent {
            return true;
        }
        if state.holds > 0 || sequence.0 != state.sent.0 + 1 {
            return false;
        }
        let mut frame = Some(self.frame(told));
        let is_whole = self.sender.try_send(&mut frame).unwrap_or(false);
        if frame.is_none() {
            // It is on its way; what the kernel did not take the pump sends.
            state.sent = sequence;
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::domain::{Event, WallTime};
    use crate::websocket::{connected, large};

    fn told(n: u64, payload: &str, to: Option<Vec<SeatId>>) -> std::sync::Arc<SharedEvent> {
        let (kind, payload) = ("x".to_owned(), payload.to_owned());
        SharedEvent::new(Event { sequence: Sequence(n), at: WallTime(0), kind, payload, to })
    }

    fn bytes(line: &EventSender, told: &SharedEvent) -> Vec<u8> {
        line.frame(told).into_bytes().to_vec()
    }

    #[tokio::test]
    async fn the_next_event_goes_out_and_no_other() {
        let (sender, _receiver, mut client) = connected().await;
        let line = EventSender::new(sender, Some(SeatId(1)), Sequence(4));
        let (next, for_another) = (told(5, "1", None), told(6, "2", Some(vec![SeatId(2)])));
        assert!(line.offer(&told(4, "1", None)), "it has that one");
        assert!(!line.offer(&for_another), "it comes too early");
        let held = (line.hold(), line.hold());
        assert!(!line.offer(&next));
        drop(held.0);
        assert!(!line.offer(&next), "it is held still");
        drop(held.1);
        assert!(line.offer(&next) && line.offer(&next) && line.offer(&for_another));
        assert_eq!(line.sent(), Sequence(6));
        let expected = [bytes(&line, &next), bytes(&line, &for_another)].concat();
        let mut heard = vec![0; expected.len()];
        client.read_exact(&mut heard).await.expect("both are there");
        assert_eq!(heard, expected);
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_take_at_once_goes_out_with_the_pump() {
        let (sender, _receiver, mut client) = connected().await;
        let line = EventSender::new(sender.clone(), None, Sequence(0));
        let (long, next) = (told(1, &format!("{:?}", "a".repeat(32 << 20)), None), told(2, "2", None));
        assert!(!line.offer(&long), "the kernel took it all");
        assert_eq!(line.sent(), Sequence(1), "it is on its way");
        assert!(!line.offer(&next), "another is on its way");
        let expected = bytes(&line, &long);
        let mut heard = vec![0; expected.len()];
        let (flushed, read) = tokio::join!(sender.flush(Duration::from_secs(60)), client.read_exact(&mut heard));
        assert!(flushed.is_ok() && read.is_ok() && heard == expected);
        assert!(line.offer(&next));
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (sender, _receiver, _client) = connected().await;
        let mut frame = Some(large("a"));
        assert_eq!((sender.try_send(&mut frame), frame.is_none()), (Ok(false), true));
        assert!(sender.flush(Duration::from_millis(20)).await.is_err());
    }
}
