//! Events as entries of a session's stream: named fields, of which one is there only where the event
//! is for some seats.

use crate::domain::{Event, SeatId, Sequence, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};

const AT: &str = "at";
const KIND: &str = "kind";
const PAYLOAD: &str = "payload";
/// Seats' numbers with commas between them.
const TO: &str = "to";

/// A stream's entry: its id, and names and values in turn.
pub(super) type Entry = (String, Vec<String>);

/// An event as the step's script wants it: its number, how many words follow, names and values.
pub(super) fn arguments(event: &Event) -> Vec<Vec<u8>> {
    let mut fields =
        vec![(AT, event.at.as_millis().to_string()), (KIND, event.kind.clone()), (PAYLOAD, event.payload.clone())];
    if let Some(to) = &event.to {
        fields.push((TO, to.iter().map(|seat| seat.0.to_string()).collect::<Vec<_>>().join(",")));
    }
    let head = [event.sequence.0, 2 * fields.len() as u64].map(|number| number.to_string().into_bytes());
    let words = fields.into_iter().flat_map(|(name, value)| [name.into(), value.into_bytes()]);
    head.into_iter().chain(words).collect()
}

/// The event that an entry of a session's stream holds.
pub(super) fn event(id: &SessionId, entry: Entry) -> StoreResult<Event> {
    let number = entry.0.clone();
    let what = || format!("event {number} of session #{} is none of this program's", id.short_hash());
    read(entry).ok_or_else(|| StoreError::Corrupt { what: what() })
}

fn read((id, fields): Entry) -> Option<Event> {
    let sequence = Sequence(id.strip_suffix("-0")?.parse().ok()?);
    let mut fields = fields.into_iter();
    let mut field = |name: &str| (fields.next()? == name).then(|| fields.next()).flatten();
    let at = Timestamp::from_millis(field(AT)?.parse().ok()?);
    let (kind, payload) = (field(KIND)?, field(PAYLOAD)?);
    let to = match fields.next() {
        Some(name) if name == TO => Some(seats(&fields.next()?)?),
        Some(_) => return None,
        None => None,
    };
    Some(Event { sequence, at, kind, payload, to })
}

fn seats(numbers: &str) -> Option<Vec<SeatId>> {
    let numbers = numbers.split(',').filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().ok().map(SeatId)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_for(to: Option<&[u32]>) -> Event {
        let (kind, payload) = ("chat".to_owned(), "{\"text\":\"¡hola!\"}".to_owned());
        let to = to.map(|seats| seats.iter().copied().map(SeatId).collect());
        Event { sequence: Sequence(7), at: Timestamp::from_millis(12), kind, payload, to }
    }

    fn entry(event: &Event) -> Entry {
        let words: Vec<_> = arguments(event).into_iter().map(|word| String::from_utf8(word).expect("text")).collect();
        assert_eq!(words[1], (words.len() - 2).to_string());
        (format!("{}-0", words[0]), words[2..].to_vec())
    }

    #[test]
    fn an_event_comes_back_exactly_whomever_it_is_for() {
        let id = SessionId::generate(1, &[1; 10]);
        for to in [None, Some(&[][..]), Some(&[3]), Some(&[1, 70_000, 2])] {
            let event = event_for(to);
            assert_eq!(super::event(&id, entry(&event)).expect("read"), event);
        }
        assert_eq!(entry(&event_for(None)).1.len(), 6, "no field says that it is for everybody");
        assert_eq!(entry(&event_for(Some(&[3, 4]))).1[6..], ["to", "3,4"]);
    }

    #[test]
    fn an_entry_of_somebody_else_is_named() {
        let id = SessionId::generate(1, &[1; 10]);
        let (number, fields) = entry(&event_for(Some(&[3])));
        let with = |place: usize, word: &str| {
            let mut fields = fields.clone();
            fields[place] = word.to_owned();
            (number.clone(), fields)
        };
        for entry in
            [("7-1".to_owned(), fields.clone()), with(0, "when"), with(1, "noon"), with(6, "from"), with(7, "x")]
        {
            let Err(StoreError::Corrupt { what }) = super::event(&id, entry) else { panic!("it was read") };
            assert!(what.starts_with("event 7-"), "{what}");
        }
    }
}
