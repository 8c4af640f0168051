//! The patterns of `.dockerignore`: Go's path patterns plus `**`, a later line overrides an earlier one.

use super::contents::clean;
use std::path::Path;

/// The lines of an ignore file.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    keeps: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// One character.
    Literal(char),
    /// `?`: one character but `/`.
    One,
    /// `*`: any number of characters but `/`.
    Some,
    /// `**/`: nothing, or anything that ends in `/`.
    Directories,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a]`.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Ignore {
    /// Reads an ignore file. A malformed pattern matches what its characters say.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim();
            let (keeps, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            if line.is_empty() {
                continue;
            }
            let cleaned = clean(Path::new(line));
            let text = cleaned.to_string_lossy();
            let text = text.strip_prefix('/').unwrap_or(&text);
            if !text.is_empty() {
                patterns.push(Pattern { keeps, tokens: tokens(text) });
            }
        }
        Self { patterns }
    }

    /// Whether some line takes files back in: then ignored directories have to be looked into.
    pub(super) fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.keeps)
    }

    /// Whether a path in the context is left out. A pattern that matches a directory matches what is in it.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let mut ends: Vec<usize> = (0..path.len()).filter(|at| path[*at] == '/').collect();
        ends.push(path.len());
        let hit = |pattern: &Pattern| ends.iter().any(|end| matches(&pattern.tokens, &path[..*end]));
        self.patterns.iter().rev().find(|pattern| hit(pattern)).is_some_and(|pattern| !pattern.keeps)
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '*' if chars.get(at + 1) == Some(&'*') => {
                at += 2;
                if chars.get(at) == Some(&'/') {
                    at += 1;
                }
                tokens.push(if at == chars.len() { Token::Rest } else { Token::Directories });
                continue;
            }
            '*' => tokens.push(Token::Some),
            '?' => tokens.push(Token::One),
            '\\' if at + 1 < chars.len() => {
                at += 1;
                tokens.push(Token::Literal(chars[at]));
            }
            '[' => {
                if let Some((class, end)) = class(&chars, at) {
                    tokens.push(class);
                    at = end;
                } else {
                    tokens.push(Token::Literal('['));
                }
            }
            other => tokens.push(Token::Literal(other)),
        }
        at += 1;
    }
    tokens
}

/// A character class that begins at `start`, and where its `]` is.
fn class(chars: &[char], start: usize) -> Option<(Token, usize)> {
    let negated = chars.get(start + 1) == Some(&'^');
    let first = start + 1 + usize::from(negated);
    let end = (first + 1..chars.len()).find(|at| chars[*at] == ']')?;
    let mut ranges = Vec::new();
    let mut at = first;
    while at < end {
        if chars[at] == '\\' && at + 1 < end {
            at += 1;
        }
        let low = chars[at];
        if at + 2 < end && chars[at + 1] == '-' {
            ranges.push((low, chars[at + 2]));
            at += 3;
        } else {
            ranges.push((low, low));
            at += 1;
        }
    }
    Some((Token::Class { negated, ranges }, end))
}

/// Whether the tokens match the whole path. Dynamic over positions, so that no pattern takes exponential time.
fn matches(tokens: &[Token], path: &[char]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for token in tokens {
        let mut next = vec![false; path.len() + 1];
        let mut open = false;
        for at in 0..=path.len() {
            let before = at.checked_sub(1).map(|at| path[at]);
            match token {
                Token::Some => {
                    open = reached[at] || (open && before != Some('/'));
                    next[at] = open;
                }
                Token::Rest => {
                    open |= reached[at];
                    next[at] = open;
                }
                Token::Directories => {
                    next[at] = reached[at] || (open && before == Some('/'));
                    open |= reached[at];
                }
                Token::Literal(_) | Token::One | Token::Class { .. } => {
                    next[at] = before.is_some_and(|char| one(token, char)) && reached[at - 1];
                }
            }
        }
        reached = next;
    }
    reached[path.len()]
}

fn one(token: &Token, char: char) -> bool {
    match token {
        Token::Literal(wanted) => *wanted == char,
        Token::One => char != '/',
        Token::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
        }
        Token::Some | Token::Directories | Token::Rest => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    fn ignores(lines: &str, path: &str) -> bool {
        Ignore::parse(lines).ignores(path)
    }

    #[test]
    fn patterns_are_rooted_and_stars_stay_in_one_directory() {
        assert!(ignores("*.md", "README.md"));
        assert!(!ignores("*.md", "docs/README.md"));
        assert!(ignores("*/*.md", "docs/README.md"));
        assert!(ignores("/temp?", "temp1"));
        assert!(!ignores("temp?", "temp"));
        assert!(ignores("./a/../b", "b"));
    }

    #[test]
    fn double_stars_cross_directories() {
        assert!(ignores("**/*.go", "a.go"));
        assert!(ignores("**/*.go", "x/y/a.go"));
        assert!(ignores("**", "x/y"));
        assert!(ignores("a/**", "a/b/c"));
        assert!(!ignores("a/**/z", "a/z2"));
        assert!(ignores("a/**/z", "a/z"));
        assert!(ignores("a/**/z", "a/b/c/z"));
    }

    #[test]
    fn what_is_in_an_ignored_directory_is_ignored() {
        assert!(ignores("node_modules", "node_modules/a/b.js"));
        assert!(!ignores("node_modules", "src/node_modules/a.js"));
    }

    #[test]
    fn the_last_match_wins() {
        assert!(!ignores("*.md\n!README.md", "README.md"));
        assert!(ignores("*.md\n!README*.md\nREADME-secret.md", "README-secret.md"));
        assert!(!ignores("*\n!src", "src/main.rs"));
        assert!(ignores("*\n!src", "other"));
    }

    #[test]
    fn comments_blanks_and_classes_are_read() {
        assert!(!ignores("# a\n\n  \n!\n", "a"));
        assert!(ignores("[a-c].txt", "b.txt"));
        assert!(!ignores("[^a-c].txt", "b.txt"));
        assert!(ignores(r"\#a", "#a"));
        assert!(ignores("[a", "[a"));
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = "*a".repeat(40);
        assert!(!ignores(&pattern, &"a".repeat(39)));
        assert!(!ignores(&pattern, &format!("{}b", "a".repeat(2000))));
    }
}
