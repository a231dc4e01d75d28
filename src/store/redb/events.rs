//! Event records in the file. Each event has a record of its own, and a large payload is compressed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::{Event, SeatId, Sequence, WallTime};
use crate::store::error::{StoreError, StoreResult};
use crate::store::format;
use crate::store::payload::StoredPayload;

/// An event as it is stored in the file.
#[derive(Serialize, Deserialize)]
struct EventRecord<'a> {
    sequence: Sequence,
    at: WallTime,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: StoredPayload<'a>,
    to: Option<Vec<SeatId>>,
}

/// Encodes an event as a record.
pub(super) fn encode(event: &Event) -> StoreResult<Vec<u8>> {
    let Event { sequence, at, kind, payload, to } = event;
    let (kind, payload) = (Cow::from(kind), StoredPayload::of(payload));
    format::encode(&EventRecord { sequence: *sequence, at: *at, kind, payload, to: to.clone() })
}

/// Decodes an event's record; `what` names the event in errors.
pub(super) fn decode(bytes: &[u8], what: impl Fn() -> String) -> StoreResult<Event> {
    let EventRecord { sequence, at, kind, payload, to } = format::decode_borrowed(bytes, &what)?;
    let corrupt = |met| StoreError::Corrupt { what: format!("{}: {met}", what()) };
    let payload = payload.unpack().map_err(corrupt)?;
    Ok(Event { sequence, at, kind: kind.into_owned(), payload, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::format::tests::{golden, pinned_bytes};
    use crate::store::payload::tests::{compressed, repetitive};

    fn what() -> String {
        "event 7 of a test".to_owned()
    }

    fn event(payload: String) -> Event {
        let to = Some(vec![SeatId(3), SeatId(70_000)]);
        let (sequence, at) = (Sequence(4_294_967_297), WallTime(1_767_225_600_000));
        Event { sequence, at, kind: "chat".to_owned(), payload, to }
    }

    #[test]
    fn the_bytes_of_an_event_are_pinned() {
        let event = event("{\"text\":\"¡hola!\"}".to_owned());
        let golden = pinned_bytes("event.bin", &encode(&event).expect("encoded"));
        assert_eq!(decode(&golden, what).expect("what is on disk can be read"), event);
    }

    /// Another release of zstd may compress differently, but must still read these bytes.
    #[test]
    fn a_packed_event_that_was_written_once_can_be_read() {
        let event = event(repetitive(4_096));
        let golden = golden("event-packed.bin", || encode(&event).expect("encoded"));
        assert_eq!(decode(&golden, what).expect("what is on disk can be read"), event);
    }

    #[test]
    fn a_large_payload_takes_less_space() {
        let event = event(repetitive(200 * 1024));
        let bytes = encode(&event).expect("encoded");
        assert!(bytes.len() < event.payload.len() / 5, "{} bytes", bytes.len());
        assert_eq!(decode(&bytes, what).expect("decoded"), event);
    }

    #[test]
    fn damaged_compressed_bytes_are_an_error_that_names_the_event() {
        let packed = compressed(&repetitive(4_096));
        for damaged in [Vec::new(), b"no frame".to_vec(), packed[..packed.len() / 2].to_vec()] {
            let Event { sequence, at, kind, to, .. } = event(String::new());
            // The record's checksum is right: its payload was damaged before it was written.
            let payload = StoredPayload::Zstd(damaged.into());
            let bytes = format::encode(&EventRecord { sequence, at, kind: kind.into(), payload, to }).expect("encoded");
            let Err(StoreError::Corrupt { what }) = decode(&bytes, what) else { panic!("it was read") };
            assert!(what.starts_with("event 7 of a test: its payload cannot be unpacked"), "{what}");
        }
    }
}
