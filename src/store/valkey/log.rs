//! The stored form of events: entries of the session's stream, with named fields. The field `to` exists only
//! if the event is for certain seats.

use crate::domain::{Event, SeatId, Sequence, SessionId, WallTime};
use crate::store::error::{StoreError, StoreResult};
use crate::store::payload::StoredPayload;

const AT: &str = "at";
const KIND: &str = "kind";
const PAYLOAD: &str = "payload";
/// Replaces the field `payload` if the payload is large: a zstd frame of it.
const ZSTD: &str = "zstd";
/// Comma-separated seat numbers.
const TO: &str = "to";

/// A stream entry: its id, and its field names and values alternately.
pub(super) type StreamEntry = (String, Vec<Vec<u8>>);

/// The arguments for an event in the commit script: sequence number, number of words that follow, field names
/// and values.
pub(super) fn arguments(event: &Event) -> Vec<Vec<u8>> {
    let (name, payload) = match StoredPayload::of(&event.payload) {
        StoredPayload::Plain(payload) => (PAYLOAD, payload.into_owned().into_bytes()),
        StoredPayload::Zstd(payload) => (ZSTD, payload.into_owned()),
    };
    let at = event.at.0.to_string().into_bytes();
    let mut fields = vec![(AT, at), (KIND, event.kind.clone().into_bytes()), (name, payload)];
    if let Some(to) = &event.to {
        let numbers: Vec<_> = to.iter().map(|seat| seat.0.to_string()).collect();
        fields.push((TO, numbers.join(",").into_bytes()));
    }
    let head = [event.sequence.0, 2 * fields.len() as u64].map(|number| number.to_string().into_bytes());
    let words = fields.into_iter().flat_map(|(name, value)| [name.into(), value]);
    head.into_iter().chain(words).collect()
}

/// Decodes an event from a stream entry.
pub(super) fn event(id: &SessionId, (number, fields): StreamEntry) -> StoreResult<Event> {
    let corrupt =
        |met: String| StoreError::Corrupt { what: format!("event {number} of session #{}: {met}", id.short_hash()) };
    let (event, packed) = read(&number, fields).ok_or_else(|| corrupt("it is none of this program's".to_owned()))?;
    Ok(Event { payload: packed.unpack().map_err(corrupt)?, ..event })
}

/// Parses an entry into an event with an empty payload, and its stored payload. `None` if the entry was not
/// written by this program.
fn read(number: &str, fields: Vec<Vec<u8>>) -> Option<(Event, StoredPayload<'static>)> {
    let sequence = Sequence(number.strip_suffix("-0")?.parse().ok()?);
    let mut words = fields.into_iter();
    let mut field = || Some((words.next()?, words.next()?));
    let at = field().filter(|(name, _)| name == AT.as_bytes()).and_then(|(_, at)| text(at)?.parse().ok())?;
    let kind = field().filter(|(name, _)| name == KIND.as_bytes()).and_then(|(_, kind)| text(kind))?;
    let packed = match field()? {
        (name, payload) if name == PAYLOAD.as_bytes() => StoredPayload::Plain(text(payload)?.into()),
        (name, payload) if name == ZSTD.as_bytes() => StoredPayload::Zstd(payload.into()),
        _ => return None,
    };
    let to = match field() {
        Some((name, numbers)) if name == TO.as_bytes() => Some(seats(&text(numbers)?)?),
        Some(_) => return None,
        None => None,
    };
    Some((Event { sequence, at: WallTime(at), kind, payload: String::new(), to }, packed))
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

fn seats(numbers: &str) -> Option<Vec<SeatId>> {
    let numbers = numbers.split(',').filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().ok().map(SeatId)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::payload::tests::repetitive;

    fn event_for(to: Option<&[u32]>) -> Event {
        let (kind, payload) = ("chat".to_owned(), "{\"text\":\"¡hola!\"}".to_owned());
        let to = to.map(|seats| seats.iter().copied().map(SeatId).collect());
        Event { sequence: Sequence(7), at: WallTime(12), kind, payload, to }
    }

    fn entry(event: &Event) -> StreamEntry {
        let words = arguments(event);
        assert_eq!(words[1], (words.len() - 2).to_string().as_bytes());
        (format!("{}-0", String::from_utf8_lossy(&words[0])), words[2..].to_vec())
    }

    #[test]
    fn an_event_comes_back_exactly_whomever_it_is_for() {
        let id = SessionId::generate(1, &[1; 10]);
        for to in [None, Some(&[][..]), Some(&[3]), Some(&[1, 70_000, 2])] {
            let event = event_for(to);
            assert_eq!(super::event(&id, entry(&event)).expect("read"), event);
        }
        assert_eq!(entry(&event_for(None)).1.len(), 6, "no field says that it is for everybody");
        assert_eq!(entry(&event_for(Some(&[3, 4]))).1[6..], [&b"to"[..], b"3,4"]);
    }

    #[test]
    fn an_entry_of_somebody_else_is_named() {
        let id = SessionId::generate(1, &[1; 10]);
        let (number, fields) = entry(&event_for(Some(&[3])));
        let with = |place: usize, word: &str| {
            let mut fields = fields.clone();
            fields[place] = word.into();
            (number.clone(), fields)
        };
        for entry in
            [("7-1".to_owned(), fields.clone()), with(0, "when"), with(1, "noon"), with(6, "from"), with(7, "x")]
        {
            let Err(StoreError::Corrupt { what }) = super::event(&id, entry) else { panic!("it was read") };
            assert!(what.starts_with("event 7-"), "{what}");
        }
    }

    #[test]
    fn a_large_payload_is_kept_compressed_and_damage_is_named() {
        let id = SessionId::generate(1, &[1; 10]);
        let event = Event { payload: repetitive(200 * 1024), ..event_for(None) };
        let (number, mut fields) = entry(&event);
        assert_eq!(fields[4], b"zstd");
        assert!(fields[5].len() < event.payload.len() / 5, "{} bytes", fields[5].len());
        assert_eq!(super::event(&id, (number.clone(), fields.clone())).expect("read"), event);
        fields[5].truncate(20);
        let Err(StoreError::Corrupt { what }) = super::event(&id, (number, fields)) else { panic!("it was read") };
        assert!(what.starts_with("event 7-0 of session #") && what.contains("cannot be unpacked"), "{what}");
    }
}
