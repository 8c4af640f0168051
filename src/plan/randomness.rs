//! Whether a text holds a word that is as random as only keys and tokens are.

/// Shorter words are rather names.
const SHORTEST: usize = 20;
/// Shorter hexadecimal words are rather short ids.
const SHORTEST_HEX: usize = 32;
/// Names of values that are random and no secrets.
const OPEN: [&str; 9] =
    ["commit", "revision", "sha", "digest", "checksum", "hash", "image", "version", "fingerprint"];

/// Whether it does. `key` is the name of the value: of some nobody is surprised that they are random.
pub(super) fn looks_random(key: &str, text: &str) -> bool {
    if text.len() < SHORTEST {
        return false;
    }
    let key = key.to_ascii_lowercase();
    if OPEN.iter().any(|open| key.contains(open)) {
        return false;
    }
    // Base64 has slashes, and so have paths, which end in no `=`.
    let mut long = text.split(|c: char| !is_of_word(c) && c != '/');
    if long.any(|word| word.contains('/') && word.ends_with('=') && is_random(word)) {
        return true;
    }
    let mut before = "";
    text.split_inclusive(|c: char| !is_of_word(c)).any(|part| {
        let word = part.trim_end_matches(|c: char| !is_of_word(c));
        let is_digest = ["sha256:", "sha512:", "sha1:", "md5:"].iter().any(|name| before.ends_with(name));
        before = part;
        !is_digest && is_random(word)
    })
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '=' | '-')
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Lower,
    Upper,
    Digit,
}

fn is_random(word: &str) -> bool {
    if word.len() < SHORTEST || is_uuid(word) {
        return false;
    }
    let classes: Vec<Class> = word
        .bytes()
        .filter_map(|byte| match byte {
            b'a'..=b'z' => Some(Class::Lower),
            b'A'..=b'Z' => Some(Class::Upper),
            b'0'..=b'9' => Some(Class::Digit),
            _ => None,
        })
        .collect();
    let has = |class| classes.contains(&class);
    let has_letters = has(Class::Lower) || has(Class::Upper);
    if !has(Class::Digit) || !has_letters || bits(word) < 3.0 {
        return false;
    }
    if word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return word.len() >= SHORTEST_HEX;
    }
    // Words that people make up change between small letters, capitals and digits where parts of them meet, and seldom else.
    let changes = classes.windows(2).filter(|two| two[0] != two[1]).count();
    let percent = changes * 100 / classes.len();
    percent >= if has(Class::Lower) && has(Class::Upper) { 40 } else { 30 }
}

fn is_uuid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

/// Shannon's entropy of the word's characters, in bits for each.
#[expect(clippy::cast_precision_loss, reason = "words are short")]
fn bits(word: &str) -> f64 {
    let mut counts = [0_usize; 256];
    word.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = word.len() as f64;
    let share = |count: &usize| *count as f64 / total;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::looks_random;

    #[test]
    fn keys_and_tokens_look_random() {
        for text in [
            "ghp_x7Kd92LmQ0vTz4RbN8sYw1PcE6uHjA3fGoIt",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "run --with LYiKQF5ZdQ9WMH2Pkkfj0T66TFaD1rZSFxU3eYGo now",
            "kQ3/Zx8+Rt2/Lm9vB/7yWc1Q==",
            "k3j9x2m7q8w1z5v4n6b0a2s8d7",
        ] {
            assert!(looks_random("SETTING", text), "{text}");
        }
    }

    #[test]
    fn what_people_write_does_not() {
        for text in [
            "/usr/local/lib/python3.11/site-packages/module",
            "node-exporter-v1-7-0-linux-amd64",
            "OpenJdk17LongTermSupportRelease",
            "123e4567-e89b-12d3-a456-426614174000",
            "registry.example.org/team/app@sha256:5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b5aa765d61d8327deb882cf99",
            "the quick brown fox jumps over 13 lazy dogs",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA11",
            "172.30.0.0/16,192.168.178.0/24",
            "2026-11-21T15:50:03.123456Z",
            "com.example.app.SomethingServiceImpl2Factory",
        ] {
            assert!(!looks_random("SETTING", text), "{text}");
        }
        assert!(!looks_random("GIT_COMMIT", "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
        assert!(looks_random("SETTING", "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    }
}
