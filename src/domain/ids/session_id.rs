//! A session's id: a UUID, and the name of the instance that owns the session if it is not in the shared
//! store.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{InstanceName, InvalidId};

/// The length of a UUID in bytes.
const UUID: usize = 16;
/// The length of a UUID's text in characters.
const UUID_TEXT: usize = uuid::fmt::Hyphenated::LENGTH;

/// A session's id: a UUID. It is a solo player's only credential, so `Debug` shows a short hash. The id of a
/// session that an instance created in its own store, while the shared store was down, also names that
/// [`InstanceName`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId {
    /// The UUID and the characters of the instance's name. The rest is zeros, which sort before any
    /// character.
    bytes: [u8; UUID + InstanceName::MOST],
    /// How many of the bytes are in use.
    length: u8,
}

impl TryFrom<String> for SessionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

impl SessionId {
    /// A new id: a version 7 UUID of 48 bits of `millis` (since 1970) and 74 bits of `chance`. Ids sort by
    /// age, and have more than the 64 random bits that nobody can guess.
    pub fn generate(millis: u64, chance: &[u8; 10]) -> Self {
        Self::new(uuid::Builder::from_unix_timestamp_millis(millis, chance).into_uuid(), "")
    }

    /// An id that sorts before every other.
    pub(crate) fn first() -> Self {
        Self::new(Uuid::nil(), "")
    }

    fn new(uuid: Uuid, home: &str) -> Self {
        let mut bytes = [0; UUID + InstanceName::MOST];
        let length = UUID + home.len();
        bytes[..UUID].copy_from_slice(uuid.as_bytes());
        bytes[UUID..length].copy_from_slice(home.as_bytes());
        Self { bytes, length: length as u8 }
    }

    /// The same UUID, owned by this instance.
    #[must_use]
    pub fn at_instance(&self, home: &InstanceName) -> Self {
        Self::new(self.uuid(), home.as_str())
    }

    /// The instance that owns the session. `None` for a session of the shared store.
    pub fn instance(&self) -> Option<InstanceName> {
        let (_, home) = self.as_bytes().split_at(UUID);
        (!home.is_empty()).then(|| home_of(home).expect("it was a home when the id was made"))
    }

    fn uuid(&self) -> Uuid {
        let (uuid, _) = self.bytes.split_first_chunk().expect("an id begins with a UUID");
        Uuid::from_bytes(*uuid)
    }

    /// The id's bytes: those of the UUID, then those of the instance's name. They sort as the ids do.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The id that has these bytes. `None` if no id has them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (uuid, home) = bytes.split_at_checked(UUID)?;
        let uuid = Uuid::from_slice(uuid).ok()?;
        if home.is_empty() { Some(Self::new(uuid, "")) } else { Some(Self::new(uuid, home_of(home)?.as_str())) }
    }

    /// The length of [`SessionId::short_hash`] in characters.
    pub const SHORT_HASH: usize = 8;

    /// What logs and operators see instead of the id: eight hex digits of its hash.
    pub fn short_hash(&self) -> String {
        self.full_hash()[..Self::SHORT_HASH].to_owned()
    }

    /// All hex digits of the id's hash.
    pub fn full_hash(&self) -> String {
        blake3::hash(self.as_bytes()).to_string()
    }

    /// The id under which the progression of this session is awarded. It is stable, and it doesn't reveal the
    /// session's id.
    pub fn award_id(&self) -> Uuid {
        let hash = blake3::keyed_hash(b"rejoin: one award to one session", self.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.as_bytes()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

fn home_of(bytes: &[u8]) -> Option<InstanceName> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = InvalidId("must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057");
        let (uuid, rest) = text.split_at_checked(UUID_TEXT).ok_or(invalid.clone())?;
        let uuid = Uuid::try_parse(uuid).map_err(|_| invalid.clone())?;
        if rest.is_empty() {
            return Ok(Self::new(uuid, ""));
        }
        let home: InstanceName = rest.strip_prefix('-').ok_or(invalid)?.parse()?;
        Ok(Self::new(uuid, home.as_str()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid().hyphenated().fmt(f)?;
        self.instance().map_or(Ok(()), |home| write!(f, "-{home}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId(#{})", self.short_hash())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(name: &str) -> InstanceName {
        name.parse().expect("it is a home")
    }

    #[test]
    fn session_ids_sort_by_age_and_show_their_time() {
        let older = SessionId::generate(1_000, &[0xff; 10]);
        let newer = SessionId::generate(1_001, &[0; 10]);
        assert!(older < newer);
        assert!(older.as_bytes() < newer.as_bytes());
        assert_eq!(older.to_string().parse(), Ok(older.clone()));
        assert_eq!(SessionId::from_bytes(newer.as_bytes()), Some(newer));
    }

    #[test]
    fn an_id_with_a_home_is_its_uuid_and_the_home() {
        let plain = SessionId::generate(1_000, &[7; 10]);
        for name in ["a", "7", "eu-west_2", &"z".repeat(32)] {
            let id = plain.at_instance(&home(name));
            assert_eq!(id.to_string(), format!("{plain}-{name}"));
            assert_eq!(id.to_string().parse(), Ok(id.clone()));
            assert_eq!(SessionId::from_bytes(id.as_bytes()), Some(id.clone()));
            assert_eq!(id.as_bytes(), [plain.as_bytes(), name.as_bytes()].concat());
            assert_eq!((id.instance(), plain.instance()), (Some(home(name)), None));
            assert_eq!(id.at_instance(&home("b")), plain.at_instance(&home("b")));
        }
    }

    #[test]
    fn ids_of_all_homes_sort_as_their_bytes_do() {
        let plain = [1, 2].map(|millis| SessionId::generate(millis, &[0; 10]));
        let router = ["0", "a", "a-", "a0", "aa", "b"].map(home);
        let mut ids: Vec<_> = plain.iter().flat_map(|id| router.iter().map(|home| id.at_instance(home))).collect();
        ids.extend(plain);
        ids.sort();
        assert!(ids.is_sorted_by(|one, next| one.as_bytes() < next.as_bytes()), "{ids:?}");
    }

    #[test]
    fn each_home_has_an_award_of_its_own_and_no_home_the_award_it_had() {
        let id = SessionId::generate(1_000, &[7; 10]);
        let awards = [&id, &id.at_instance(&home("a")), &id.at_instance(&home("b"))].map(SessionId::award_id);
        assert_eq!(awards[0].to_string(), "ff9c6920-ff32-833f-bc17-f318a1d99f4f");
        assert!(awards[0] != awards[1] && awards[1] != awards[2] && awards[0] != awards[2]);
    }

    #[test]
    fn a_session_id_never_shows_itself_in_debug() {
        let id = SessionId::generate(1_000, &[7; 10]);
        assert!(!format!("{id:?}").contains(&id.to_string()[..8]));
        let there = id.at_instance(&home("somewhere"));
        assert!(!format!("{there:?}").contains("somewhere") && !format!("{there:?}").contains(&id.to_string()[..8]));
    }

    #[test]
    fn what_is_no_session_id_is_refused() {
        const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
        for text in ["", "x", "01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}"] {
            assert!(text.parse::<SessionId>().is_err(), "{text}");
        }
        let long = "x".repeat(33);
        for rest in ["-", "a", "_a", "--a", "-A", "-{a}", "-a b", "-ü", "ü", "-a\0", long.as_str()] {
            assert!(format!("{ID}{rest}").parse::<SessionId>().is_err(), "{rest}");
        }
        assert!(format!("{}ü", &ID[..35]).parse::<SessionId>().is_err());
        let uuid = SessionId::generate(1, &[0; 10]);
        for rest in [&b"-a"[..], b"A", b"\0", b"\xff", long.as_bytes()] {
            assert_eq!(SessionId::from_bytes(&[uuid.as_bytes(), rest].concat()), None, "{rest:?}");
        }
        assert_eq!(SessionId::from_bytes(&uuid.as_bytes()[..15]), None);
    }
}
