//! Finds every path in a Rust file. Comments, strings and tests are skipped, groups are split into single
//! paths, and `self` and `super` are resolved from the crate's root.

/// A path and the line on which it stands.
#[derive(Debug, PartialEq)]
pub(super) struct Named {
    pub(super) segments: Vec<String>,
    /// True if the path began with `::`.
    pub(super) is_global: bool,
    pub(super) line: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Colons,
    Mark(char),
}

/// The paths in a file. `file` is relative to `src`.
pub(super) fn paths(file: &str, source: &str) -> Vec<Named> {
    let code = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let code = if code.starts_with("#[cfg(test)]") { "" } else { code };
    let mut reader = Reader { tokens: tokens(code), at: 0, found: Vec::new() };
    reader.all();
    let module = module(file);
    reader.found.into_iter().map(|named| Named { segments: rooted(&module, named.segments), ..named }).collect()
}

/// The module path of a file: `store/redb/mod.rs` is `crate::store::redb`.
fn module(file: &str) -> Vec<String> {
    let parts = file.trim_end_matches(".rs").split('/').filter(|part| !["mod", "lib", "main"].contains(part));
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

fn rooted(module: &[String], segments: Vec<String>) -> Vec<String> {
    let ups = segments.iter().take_while(|segment| ["self", "super"].contains(&segment.as_str())).count();
    if ups == 0 {
        return segments;
    }
    let above = segments[..ups].iter().filter(|segment| *segment == "super").count();
    let kept = module.len().saturating_sub(above).max(1);
    [&module[..kept], &segments[ups..]].concat()
}

fn tokens(code: &str) -> Vec<(Token, usize)> {
    let chars: Vec<char> = code.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let (token, next) = token(&chars, at);
        found.extend(token.map(|token| (token, line)));
        line += chars[at..next].iter().filter(|char| **char == '\n').count();
        at = next;
    }
    found
}

/// The token at `at`, or `None` if it is to be skipped, and the index at which the next token begins.
fn token(chars: &[char], at: usize) -> (Option<Token>, usize) {
    let ahead = |n: usize| chars.get(at + n).copied().unwrap_or_default();
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    match chars[at] {
        '/' if ahead(1) == '/' => (None, end_of(chars, at, |n| chars[n] == '\n')),
        '/' if ahead(1) == '*' => (None, after_comment(chars, at)),
        '"' => (None, after_text(chars, at + 1)),
        'r' if ahead(1) == '"' || (ahead(1) == '#' && ['#', '"'].contains(&ahead(2))) => {
            (None, after_raw(chars, at + 1))
        }
        '\'' if ahead(1) == '\\' => (None, end_of(chars, at + 3, |n| chars[n] == '\'') + 1),
        '\'' if ahead(2) == '\'' => (None, at + 3),
        ':' if ahead(1) == ':' => (Some(Token::Colons), at + 2),
        char if is_word(char) => {
            let end = end_of(chars, at, |n| !is_word(chars[n]));
            // A string or character literal with a prefix: b"…", br"…", b'…'.
            let prefixes = end - at <= 2 && matches!(chars.get(end), Some('"'));
            let word: String = chars[at..end].iter().collect();
            if prefixes && word == "br" { (None, after_raw(chars, end)) } else { (Some(Token::Word(word)), end) }
        }
        char if char.is_whitespace() => (None, at + 1),
        char => (Some(Token::Mark(char)), at + 1),
    }
}

fn end_of(chars: &[char], from: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|n| is_end(*n)).unwrap_or(chars.len()).min(chars.len())
}

fn after_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn after_text(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Returns the index after a raw string. `at` is the index of its first `#`.
fn after_raw(chars: &[char], at: usize) -> usize {
    let open = end_of(chars, at, |n| chars[n] != '#');
    let closes =
        |n: usize| chars[n] == '"' && chars[n + 1..].iter().take_while(|char| **char == '#').count() >= open - at;
    (end_of(chars, open + 1, closes) + 1 + open - at).min(chars.len())
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    found: Vec<Named>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is_mark(&self, mark: char) -> bool {
        self.peek() == Some(&Token::Mark(mark))
    }

    fn all(&mut self) {
        while let Some(token) = self.peek() {
            match token {
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    self.path(&[], false, true);
                }
                Token::Word(_) | Token::Colons => self.path(&[], false, false),
                Token::Mark(_) => self.at += 1,
            }
        }
    }

    /// Reads one path, or each path of a group. A single word outside a `use` is not a path.
    fn path(&mut self, prefix: &[String], mut is_global: bool, is_use: bool) {
        let mut segments = prefix.to_vec();
        let line = self.tokens[self.at.min(self.tokens.len() - 1)].1;
        if self.peek() == Some(&Token::Colons) {
            (is_global, self.at) = (true, self.at + 1);
        }
        loop {
            match self.peek() {
                Some(Token::Word(word)) => segments.push(word.clone()),
                Some(Token::Mark('*')) if is_use => segments.push("*".to_owned()),
                Some(Token::Mark('{')) if is_use => return self.group(&segments, is_global),
                _ => break,
            }
            self.at += 1;
            if self.peek() != Some(&Token::Colons) {
                break;
            }
            self.at += 1;
        }
        // `{self}` is the path of the group itself.
        if segments.len() > prefix.len() && segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        if is_use || segments.len() > 1 {
            self.found.push(Named { segments, is_global, line });
        }
    }

    fn group(&mut self, prefix: &[String], is_global: bool) {
        self.at += 1;
        while self.peek().is_some() && !self.is_mark('}') {
            match self.peek() {
                Some(Token::Word(word)) if word == "as" => self.at += 2,
                Some(Token::Mark(',')) => self.at += 1,
                _ => self.path(prefix, is_global, true),
            }
        }
        self.at += 1;
    }
}
