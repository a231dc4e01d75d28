//! Parses the value of an ANSWER line: `B`, `b.`, `B) Berlin`, `A, C`, or the text of an option.

use super::question::{letter, single_letter};

/// The indices of the right options, ascending.
pub(super) fn rights(named: &str, options: &[&str]) -> Result<Vec<usize>, String> {
    let right = letters(named).map_or_else(|| by_text(named, options), Ok)?;
    if let Some(beyond) = right.iter().find(|right| **right >= options.len()) {
        let last = letter(options.len().saturating_sub(1));
        return Err(format!("the answer is {}, and the options end at {last}", letter(*beyond)));
    }
    Ok(right)
}

/// Parses letters: `B`, `b.`, `A, C`, `A and C`. `None` if it is something else.
fn letters(named: &str) -> Option<Vec<usize>> {
    let parts: Vec<&str> = named.split([',', ';', '&', '/']).flat_map(|part| part.split(" and ")).collect();
    let parts = match parts[..] {
        // Without commas, only bare letters are a list: in `B. A`, A can be the text of option B.
        [one] if !one.contains(['.', ')']) => one.split_whitespace().collect(),
        _ => parts,
    };
    let one = |part: &&str| single_letter(part.trim().trim_end_matches(['.', ')']));
    let mut letters = parts.iter().map(one).collect::<Option<Vec<usize>>>()?;
    letters.sort_unstable();
    letters.dedup();
    (!letters.is_empty()).then_some(letters)
}

/// Parses `B) Berlin`, where option B must be Berlin, or the text alone, which must match exactly one option.
fn by_text(named: &str, options: &[&str]) -> Result<Vec<usize>, String> {
    if named.is_empty() {
        return Err("no letter follows ANSWER: write one like ANSWER: A".to_owned());
    }
    if let Some((start, text)) = named.split_once(['.', ')'])
        && let Some(right) = single_letter(start.trim())
    {
        return match options.get(right) {
            Some(option) if !is_same(option, text) => {
                Err(format!("the answer is “{named}”, and option {} is “{option}”", letter(right)))
            }
            _ => Ok(vec![right]),
        };
    }
    let same: Vec<usize> = (0..options.len()).filter(|&at| is_same(options[at], named)).collect();
    if same.len() == 1 {
        Ok(same)
    } else {
        Err(format!("“{named}” is no option's letter: write one like ANSWER: A"))
    }
}

fn is_same(option: &str, text: &str) -> bool {
    option.trim().to_lowercase() == text.trim().to_lowercase()
}
