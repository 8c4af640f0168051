//! Commands written as one string, split into words the way the reference does without running a shell.

/// Stretches whose text stays as it is, blanks too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Between backticks.
    Backtick,
    /// Between `$(` and `)`.
    Substitution,
}

/// Splits a command into words.
///
/// Reference: a backslash takes the next character outside single quotes; an unquoted `; & | < >` silently
/// ends the command (and drops a word that begins with a digit right before `>`); backticks and `$(…)` stay
/// text. What stays open at the end, and any other parenthesis, makes the whole command invalid.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let mut splitter = Splitter::default();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && splitter.quote != Some('\'') {
            splitter.push(chars.next().ok_or_else(invalid)?);
        } else if splitter.is_bare() && matches!(c, ';' | '&' | '|' | '<' | '>') {
            if c == '>' && splitter.word.starts_with(|c: char| c.is_ascii_digit()) {
                splitter.pending = false;
            }
            break;
        } else {
            splitter.take(c)?;
        }
    }
    splitter.finish()
}

fn invalid() -> String {
    "invalid command line string".to_owned()
}

#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
    /// The quote character that is open; it may open inside backticks, but not inside `$(…)`.
    quote: Option<char>,
    frame: Option<Frame>,
    /// Whether `word` counts, even if it is empty (`""` is a word).
    pending: bool,
}

impl Splitter {
    fn is_bare(&self) -> bool {
        self.quote.is_none() && self.frame.is_none()
    }

    fn push(&mut self, c: char) {
        self.word.push(c);
        self.pending = true;
    }

    fn take(&mut self, c: char) -> Result<(), String> {
        match c {
            ' ' | '\t' | '\r' | '\n' if self.is_bare() => self.end_word(),
            ' ' | '\t' | '\r' | '\n' => self.word.push(c),
            '"' | '\''
                if self.frame != Some(Frame::Substitution) && self.quote.is_none_or(|open| open == c) =>
            {
                if self.quote.take().is_some() {
                    self.pending = true;
                } else {
                    self.quote = Some(c);
                }
            }
            '`' if self.quote.is_none() && self.frame != Some(Frame::Substitution) => {
                self.toggle(Frame::Backtick);
                self.push(c);
            }
            '(' if self.is_bare() && self.word.ends_with('$') => {
                self.frame = Some(Frame::Substitution);
                self.word.push(c);
            }
            '(' if self.quote.is_none() && self.frame != Some(Frame::Backtick) => return Err(invalid()),
            ')' if self.quote.is_none() && self.frame != Some(Frame::Backtick) => {
                self.toggle(Frame::Substitution);
                self.push(c);
            }
            _ => self.push(c),
        }
        Ok(())
    }

    fn toggle(&mut self, frame: Frame) {
        self.frame = if self.frame.is_none() { Some(frame) } else { None };
    }

    fn end_word(&mut self) {
        if std::mem::take(&mut self.pending) {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Result<Vec<String>, String> {
        self.end_word();
        if self.is_bare() { Ok(self.words) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_at_blanks_and_quotes_keep_them() {
        for (line, expected) in [
            ("sh -c 'echo \"hi\"'", vec!["sh", "-c", "echo \"hi\""]),
            ("a\\nb \"c\\\"d\"", vec!["anb", "c\"d"]),
            ("a '' \"\"", vec!["a", "", ""]),
            ("echo `a b` $(c d)", vec!["echo", "`a b`", "$(c d)"]),
            ("", vec![]),
            ("  a   b\t", vec!["a", "b"]),
            ("a'b c'd", vec!["ab cd"]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn an_unquoted_operator_ends_the_command() {
        assert_eq!(words("a && b").unwrap(), ["a"]);
        assert_eq!(words("a 2>x").unwrap(), ["a"]);
        assert_eq!(words("a b>x").unwrap(), ["a", "b"]);
        assert_eq!(words("a ';' b").unwrap(), ["a", ";", "b"]);
    }

    #[test]
    fn what_stays_open_is_invalid() {
        for line in ["a 'b", "a \"b", "a \\", "a (b)", "a)", "$(a", "`a"] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
