//! What an ANSWER line names: `B`, `b.`, `B) Berlin`, `A, C`, or an option's text.

use super::question::{letter, single_letter};

/// The right options, in their order.
pub(super) fn rights(named: &str, options: &[&str]) -> Result<Vec<usize>, String> {
    let right = letters(named).map_or_else(|| by_text(named, options), Ok)?;
    if let Some(beyond) = right.iter().find(|right| **right >= options.len()) {
        let last = letter(options.len().saturating_sub(1));
        return Err(format!("the answer is {}, and the options end at {last}", letter(*beyond)));
    }
    Ok(right)
}

/// `B`, `b.`, `A, C`, `A and C`.
fn letters(named: &str) -> Option<Vec<usize>> {
    let parts: Vec<&str> = named.split([',', ';', '&', '/']).flat_map(|part| part.split(" and ")).collect();
    let parts = match parts[..] {
        // Only bare letters are a list without commas: in `B. A`, A can be the text of B.
        [one] if !one.contains(['.', ')']) => one.split_whitespace().collect(),
        _ => parts,
    };
    let one = |part: &&str| single_letter(part.trim().trim_end_matches(['.', ')']));
    let mut letters = parts.iter().map(one).collect::<Option<Vec<usize>>>()?;
    letters.sort_unstable();
    letters.dedup();
    (!letters.is_empty()).then_some(letters)
}

/// `B) Berlin`, where B must be Berlin, or `Berlin`.
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
