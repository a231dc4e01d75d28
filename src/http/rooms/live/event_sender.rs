//! Sends events to one subscriber, in the order of the log and without gaps.
//!
//! Two parties send. The connection's pump sends missed events. While the pump has nothing to send, the thread that
//! commits a command sends its events directly. A hold gives the connection to the pump alone.

use std::sync::Arc;

use parking_lot::Mutex;

use super::super::events::{event_text, skip_text};
use super::frames;
use crate::domain::{SeatId, Sequence};
use crate::game::hub::{Outlet, SharedEvent};
use crate::metrics::{Delivery, Direction, Metrics};
use crate::websocket::{Frame, Unsent};

/// The sending end of a connection. All clones send over the same one.
pub(super) trait FrameSink: Clone + Send + Sync + 'static {
    /// Sends what goes at once of a frame, which is taken once any of it has gone. True if that was all of it.
    fn try_send(&self, frame: &mut Option<Frame>) -> Result<bool, Unsent>;
    /// Sends the rest of the frame before, and this one if there is one. Waits for a slow client, but not for ever.
    async fn send(&self, frame: Option<Frame>) -> Result<(), Unsent>;
}

/// The event sender of one connection.
pub(super) struct EventSender<S> {
    sink: S,
    /// `None` for a backend.
    seat: Option<SeatId>,
    metrics: Arc<Metrics>,
    /// Held while a frame is handed to the kernel, so that two threads can't send out of order.
    state: Mutex<LineState>,
}

pub(super) struct LineState {
    /// The sequence number of the last event that was sent or is being sent.
    sent: Sequence,
    /// The number of holds. While there are any, only the pump may send.
    holds: usize,
}

/// A hold: until it is dropped, only the pump may send events.
pub(super) struct LineHold<'a>(&'a Mutex<LineState>);

impl Drop for LineHold<'_> {
    fn drop(&mut self) {
        self.0.lock().holds -= 1;
    }
}

impl<S: FrameSink> EventSender<S> {
    /// A sender for a client that has every event up to `sent`.
    pub(super) fn new(sink: S, seat: Option<SeatId>, sent: Sequence, metrics: Arc<Metrics>) -> Self {
        Self { sink, seat, metrics, state: Mutex::new(LineState { sent, holds: 0 }) }
    }

    /// The sequence number of the last event that was sent or is being sent.
    pub(super) fn sent(&self) -> Sequence {
        self.state.lock().sent
    }

    /// Lets only the pump send events until the hold is dropped. Holds can overlap.
    pub(super) fn hold(&self) -> LineHold<'_> {
        self.state.lock().holds += 1;
        LineHold(&self.state)
    }

    /// Notes the event that the pump has sent. The pump must have a hold.
    pub(super) fn note_sent(&self, event: &SharedEvent, way: Delivery) {
        self.state.lock().sent = event.event.sequence;
        self.count(event, way);
    }

    /// Counts an event as delivered, unless it is one of other seats.
    fn count(&self, event: &SharedEvent, way: Delivery) {
        if event.is_for(self.seat) {
            self.metrics.game.delivered(way, 1);
        }
    }

    /// The frame of an event. For an event of other seats it has only the sequence number.
    pub(super) fn frame(&self, event: &SharedEvent) -> Frame {
        if event.is_for(self.seat) {
            Frame::from_bytes(event.frame(|event| frames::event(&event_text(&event.event))))
        } else {
            Frame::text(&skip_text(event.event.sequence))
        }
    }
}

impl<S: FrameSink> Outlet for EventSender<S> {
    fn offer(&self, event: &SharedEvent) -> bool {
        let (mut state, sequence) = (self.state.lock(), event.event.sequence);
        if sequence <= state.sent {
            return true;
        }
        if state.holds > 0 || sequence.0 != state.sent.0 + 1 {
            return false;
        }
        let mut frame = Some(self.frame(event));
        let is_whole = self.sink.try_send(&mut frame).unwrap_or(false);
        if frame.is_none() {
            // The frame was taken, perhaps only in part. The pump sends the rest, so the event counts as sent.
            state.sent = sequence;
            self.metrics.game.frame(Direction::Out);
            self.count(event, Delivery::Live);
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
    use crate::websocket::{Sender, connected, large};

    fn told(n: u64, payload: &str, to: Option<Vec<SeatId>>) -> std::sync::Arc<SharedEvent> {
        let (kind, payload) = ("x".to_owned(), payload.to_owned());
        SharedEvent::new(Event { sequence: Sequence(n), at: WallTime(0), kind, payload, to })
    }

    fn bytes(event_sender: &EventSender<Sender>, event: &SharedEvent) -> Vec<u8> {
        event_sender.frame(event).into_bytes().to_vec()
    }

    #[tokio::test]
    async fn the_next_event_goes_out_and_no_other() {
        let (sender, _receiver, mut client) = connected().await;
        let event_sender = EventSender::new(sender, Some(SeatId(1)), Sequence(4), Metrics::new());
        let (next, for_another) = (told(5, "1", None), told(6, "2", Some(vec![SeatId(2)])));
        assert!(event_sender.offer(&told(4, "1", None)), "it has that one");
        assert!(!event_sender.offer(&for_another), "it comes too early");
        let held = (event_sender.hold(), event_sender.hold());
        assert!(!event_sender.offer(&next));
        drop(held.0);
        assert!(!event_sender.offer(&next), "it is held still");
        drop(held.1);
        assert!(event_sender.offer(&next) && event_sender.offer(&next) && event_sender.offer(&for_another));
        assert_eq!(event_sender.sent(), Sequence(6));
        let expected = [bytes(&event_sender, &next), bytes(&event_sender, &for_another)].concat();
        let mut heard = vec![0; expected.len()];
        client.read_exact(&mut heard).await.expect("both are there");
        assert_eq!(heard, expected);
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_take_at_once_goes_out_with_the_pump() {
        let (sender, _receiver, mut client) = connected().await;
        let event_sender = EventSender::new(sender.clone(), None, Sequence(0), Metrics::new());
        let (long, next) = (told(1, &format!("{:?}", "a".repeat(32 << 20)), None), told(2, "2", None));
        assert!(!event_sender.offer(&long), "the kernel took it all");
        assert_eq!(event_sender.sent(), Sequence(1), "it is on its way");
        assert!(!event_sender.offer(&next), "another is on its way");
        let expected = bytes(&event_sender, &long);
        let mut heard = vec![0; expected.len()];
        let (flushed, read) = tokio::join!(sender.flush(Duration::from_secs(60)), client.read_exact(&mut heard));
        assert!(flushed.is_ok() && read.is_ok() && heard == expected);
        assert!(event_sender.offer(&next));
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let (sender, _receiver, _client) = connected().await;
        let mut frame = Some(large("a"));
        assert_eq!((sender.try_send(&mut frame), frame.is_none()), (Ok(false), true));
        assert!(sender.flush(Duration::from_millis(20)).await.is_err());
    }
}
