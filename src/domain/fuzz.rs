//! Fuzz targets: any text is a name, an id, a code or a number that is written as it is read, or is refused.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use super::ids::code_as_meant;
use super::{InstanceName, JoinCode, Number, Owner, PlayerName, QuestionId, QuizId, SessionId, UserId};
use crate::fuzzing::Accepted;

/// Signs that names, ids and codes treat in a way of their own, separated by `¦`.
const SIGNS: &str = "A¦b¦0¦9¦-¦_¦ ¦  ¦\t¦\n¦\0¦.¦e¦+¦é¦e\u{301}¦\u{302}¦ß¦İ¦龍¦Ａ¦\u{200c}¦\u{200d}¦\u{202e}¦\u{fe0f}¦\
    👩¦🚀¦\u{1f3f4}¦\u{e0067}¦\u{e007f}¦ع¦ل¦क¦\u{94d}¦ﷺ¦\u{1d173}¦\u{2011}¦Раура1¦ABC234¦01890a5d-ac96-774b-bcce-b302099a8057";

/// If the text can be read, what was read is written and read again as the same value.
fn comes_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string().parse::<T>().ok().as_ref(), Some(&value), "{text:?}");
    }
}

fn is_read_well(text: &str) {
    comes_back::<PlayerName>(text);
    comes_back::<SessionId>(text);
    comes_back::<QuestionId>(text);
    comes_back::<QuizId>(text);
    comes_back::<UserId>(text);
    comes_back::<Owner>(text);
    comes_back::<InstanceName>(text);
    comes_back::<JoinCode>(text);
    comes_back::<Number>(text);
    if let Ok(name) = text.parse::<PlayerName>() {
        assert!(name.as_str().chars().count() <= 32 && name.as_str().len() <= 96, "{text:?}");
        let skeleton = name.skeleton();
        assert_eq!(name.to_string().parse::<PlayerName>().expect("a name").skeleton(), skeleton, "{text:?}");
    }
    // However it is typed, a code that is one stays the same.
    let code = code_as_meant(text);
    if code.parse::<JoinCode>().is_ok() {
        assert_eq!(code_as_meant(&code), code, "{text:?}");
    }
}

#[test]
fn any_text_is_read_well_or_refused() {
    bolero::check!().with_type::<Vec<char>>().for_each(|text| is_read_well(&text.iter().collect::<String>()));
}

#[test]
fn any_signs_are_read_well_or_refused() {
    let (all_signs, accepted) = (SIGNS.split('¦').collect::<Vec<_>>(), Accepted::default());
    bolero::check!().with_type::<Vec<u8>>().for_each(|signs| {
        let text: String = signs.iter().take(12).map(|sign| all_signs[usize::from(*sign) % all_signs.len()]).collect();
        is_read_well(&text);
        accepted.count(text.parse::<PlayerName>().is_ok());
    });
    accepted.some("names");
}

#[test]
fn any_bytes_are_a_session_id_or_refused() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Some(id) = SessionId::from_bytes(bytes) {
            assert_eq!(id.as_bytes(), bytes);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    });
}
