//! Fuzz targets: any bytes give an error, or a value that is written and read again as the same value.

use super::tests::{event, quiz_of_kinds, sealed, sessions, what};
use super::*;
use crate::domain::{Event, Life, Quiz, SessionState, Timestamp};
use crate::fuzzing::{Accepted, ByteEdits, edited};

/// Decodes the bytes. If they are a value, it must come back from its own record. True if they are.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(value) = decode::<T>(bytes, what) else { return false };
    let again = encode(&value).expect("what was read can be written");
    assert_eq!(decode::<T>(&again, what).expect("what was written can be read"), value);
    true
}

/// True if the bytes are a record of any type.
fn any_type(bytes: &[u8]) -> bool {
    let _ = decode_prefix::<(Timestamp, Life)>(bytes, what);
    let types = [comes_back::<SessionState>(bytes), comes_back::<Quiz>(bytes), comes_back::<Event>(bytes)];
    let is_record = types.contains(&true);
    assert!(!is_record || check(bytes, what).is_ok());
    is_record
}

#[test]
fn any_bytes_are_a_record_or_refused() {
    bolero::check!().for_each(|bytes: &[u8]| {
        any_type(bytes);
        any_type(&sealed(bytes));
    });
}

/// Samples of all kinds of records, without version and checksum.
fn bodies() -> Vec<Vec<u8>> {
    let sessions = sessions().map(|(_, session)| encode(&session.state).expect("encoded"));
    let others = [encode(&quiz_of_kinds()).expect("encoded"), encode(&event()).expect("encoded")];
    sessions.into_iter().chain(others).map(|record| record[1..record.len() - CRC].to_vec()).collect()
}

#[test]
fn a_changed_record_with_a_good_checksum_is_a_record_or_refused() {
    let (bodies, accepted) = (bodies(), Accepted::default());
    bolero::check!().with_type::<(u8, ByteEdits)>().for_each(|(sample, edits)| {
        accepted.count(any_type(&sealed(&edited(&bodies[usize::from(*sample) % bodies.len()], edits))));
    });
    accepted.some("records");
}
