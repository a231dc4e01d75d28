//! Scores how much a text reads like text in Latin script. With a wrong encoding there are symbols and
//! capitals inside words, and control characters.

/// The sum of the scores of all characters outside ASCII. Each is scored together with its two neighbours; a
/// positive score means plausible.
pub(super) fn score(text: &str) -> i64 {
    let mut previous = ' ';
    let mut chars = text.chars().peekable();
    let mut sum = 0;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        if !c.is_ascii() {
            sum += value(previous, c, next);
        }
        previous = c;
    }
    sum
}

fn value(previous: char, c: char, next: char) -> i64 {
    let is_inside = previous.is_alphabetic() && next.is_alphabetic();
    let [after_gap, before_gap] = [previous, next].map(is_gap);
    match c {
        char::REPLACEMENT_CHARACTER => -6,
        _ if is_c1(c) => -4,
        _ if is_latin_letter(c) => letter(previous, c, next),
        '’' if is_inside => 4,
        '¿' | '¡' if !previous.is_alphabetic() && next.is_uppercase() => 4,
        '·' if (previous, next) == ('l', 'l') => 3,
        '–' | '—' if previous.is_ascii_digit() && next.is_ascii_digit() => 2,
        '\u{a0}' => i64::from(!is_inside),
        '„' if after_gap && !before_gap => 2,
        '‚' if after_gap && !before_gap => 1,
        '“' | '”' | '‘' | '’' | '«' | '»' | '‹' | '›' if after_gap != before_gap => 3,
        '«' | '»' | '“' if after_gap => 1,
        '–' | '—' | '•' if after_gap && before_gap => 2,
        '…' if after_gap || before_gap => 1,
        '€' | '£' | '°' | '²' | '³' if !next.is_alphabetic() && (previous.is_ascii_digit() || after_gap) => 2,
        '§' | '©' | '®' | '™' | '½' | '×' | '¿' | '¡' if !is_inside => 1,
        _ if c.is_alphabetic() && !is_symbol(c) => other_script(previous, next),
        _ if is_inside => -3,
        _ => -1,
    }
}

/// True for white space and punctuation, which separate words.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || ".,;:!?()[]\"'-/|".contains(c)
}

fn letter(previous: char, c: char, next: char) -> i64 {
    let [is_after, is_before] = [previous, next].map(char::is_alphabetic);
    let is_capital_inside = c.is_uppercase() && is_after && (previous.is_lowercase() || next.is_lowercase());
    let lower = c.to_lowercase().next().unwrap_or(c);
    match lower {
        _ if is_capital_inside => -2,
        _ if !is_after && !is_before => alone(previous, c, next),
        // Inside a word in capitals.
        _ if c.is_uppercase() && !next.is_lowercase() => 1,
        'ä' | 'ö' | 'ü' | 'ß' | 'é' | 'è' | 'à' | 'ç' | 'ñ' | 'á' | 'í' | 'ó' | 'ú' | 'å' | 'ø' | 'æ' => {
            3
        }
        '\u{df}'..='\u{ff}' | 'œ' => 2,
        _ if c.is_uppercase() && !is_after => 2,
        _ => 1,
    }
}

/// Scores a letter without letters beside it. A few are words in some language.
fn alone(previous: char, c: char, next: char) -> i64 {
    let is_word = is_gap(previous) && is_gap(next);
    match c {
        'à' | 'á' | 'é' | 'è' | 'í' | 'ò' | 'ó' | 'å' | 'ö' | 'ø' | 'æ' if is_word => 2,
        'À' | 'È' | 'É' if is_word => 1,
        _ => -1,
    }
}

/// Scores a letter of a non-Latin script: such letters stand next to each other, not inside Latin words.
fn other_script(previous: char, next: char) -> i64 {
    let is_one = |is: fn(&char) -> bool| is(&previous) || is(&next);
    if is_one(char::is_ascii_alphabetic) {
        -3
    } else if is_one(|c| c.is_alphabetic()) {
        2
    } else {
        0
    }
}

fn is_latin_letter(c: char) -> bool {
    matches!(c, 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && c != 'ƒ'
}

/// True for symbols that Unicode classifies as letters.
fn is_symbol(c: char) -> bool {
    matches!(c, 'ª' | 'º' | 'µ' | 'π' | 'Ω' | 'ﬁ' | 'ﬂ' | 'ˆ' | 'ƒ' | 'ˇ')
}

/// True for a C1 control character. They appear where a wrong encoding has no character.
pub(super) fn is_c1(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}')
}
