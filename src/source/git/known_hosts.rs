//! Host keys that are believed, in the form of OpenSSH's `known_hosts`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What a list says of a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one that is listed.
    Known,
    /// Nothing is listed for the host.
    Unknown,
    /// Another one is listed for the host: its fingerprint.
    Changed(String),
    /// It is listed as not to be believed any more.
    Revoked,
}

/// Judges a key that a host showed. `kind` is the word before a key, such as `ssh-ed25519`.
pub(super) fn judge(text: &str, (host, port): (&str, u16), kind: &str, key: &[u8]) -> Verdict {
    let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
    let mut verdict = Verdict::Unknown;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        let (Some(hosts), Some(listed), Some(encoded)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if !names(hosts, &name) {
            continue;
        }
        let found = STANDARD.decode(encoded).unwrap_or_default();
        match marker {
            Some("@revoked") if found == key => return Verdict::Revoked,
            None if found == key => verdict = Verdict::Known,
            // A key of another kind says nothing once there is one of this kind.
            None if verdict == Verdict::Unknown || (listed == kind && verdict != Verdict::Known) => {
                verdict = Verdict::Changed(fingerprint(&found));
            }
            // Certificates of authorities are no keys of hosts.
            Some(_) | None => {}
        }
    }
    verdict
}

/// Whether a list of patterns names a host.
fn names(patterns: &str, name: &str) -> bool {
    if let Some(hashed) = patterns.strip_prefix("|1|") {
        let Some((salt, digest)) = hashed.split_once('|') else { return false };
        let (Ok(salt), Ok(digest)) = (STANDARD.decode(salt), STANDARD.decode(digest)) else { return false };
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&salt) else { return false };
        mac.update(name.as_bytes());
        return mac.verify_slice(&digest).is_ok();
    }
    let fits = |pattern: &str| matches(pattern.as_bytes(), name.as_bytes());
    let excluded = patterns.split(',').filter_map(|pattern| pattern.strip_prefix('!')).any(fits);
    !excluded && patterns.split(',').filter(|pattern| !pattern.starts_with('!')).any(fits)
}

/// `*` is any text, `?` any letter; upper and lower case are alike.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|at| matches(rest, &name[at..])),
        ([b'?', rest @ ..], [_, name @ ..]) => matches(rest, name),
        ([one, rest @ ..], [other, name @ ..]) => one.eq_ignore_ascii_case(other) && matches(rest, name),
        _ => false,
    }
}

/// A key as `ssh-keygen -l` shows it.
pub(super) fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

#[cfg(test)]
mod tests {
    use super::{Verdict, fingerprint, judge};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hmac::{Hmac, Mac as _};
    use sha1::Sha1;

    fn line(hosts: &str, key: &[u8]) -> String {
        format!("{hosts} ssh-ed25519 {} comment\n", STANDARD.encode(key))
    }

    fn told(text: &str, host: &str, port: u16, key: &[u8]) -> Verdict {
        judge(text, (host, port), "ssh-ed25519", key)
    }

    #[test]
    fn a_key_is_known_unknown_or_changed() {
        let text = line("a.org,*.b.org,!c.b.org", b"one") + &line("[a.org]:2222", b"two");
        assert_eq!(told(&text, "A.org", 22, b"one"), Verdict::Known);
        assert_eq!(told(&text, "x.b.org", 22, b"one"), Verdict::Known);
        assert_eq!(told(&text, "c.b.org", 22, b"one"), Verdict::Unknown);
        assert_eq!(told(&text, "a.org", 2222, b"two"), Verdict::Known);
        assert_eq!(told(&text, "a.org", 2222, b"one"), Verdict::Changed(fingerprint(b"two")));
        assert_eq!(told(&text, "a.org", 2200, b"one"), Verdict::Unknown);
        assert_eq!(told(&("@revoked ".to_owned() + &text), "a.org", 22, b"one"), Verdict::Revoked);
        assert_eq!(told("", "a.org", 22, b"one"), Verdict::Unknown);
        assert_eq!(told("a.org ssh-ed25519\n", "a.org", 22, b"one"), Verdict::Unknown, "half a line");
    }

    #[test]
    fn names_may_be_hashed() {
        let mut mac = Hmac::<Sha1>::new_from_slice(b"salt").expect("any length");
        mac.update(b"[a.org]:2222");
        let hosts =
            format!("|1|{}|{}", STANDARD.encode("salt"), STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(told(&line(&hosts, b"one"), "a.org", 2222, b"one"), Verdict::Known);
        assert_eq!(told(&line(&hosts, b"one"), "b.org", 2222, b"one"), Verdict::Unknown);
    }
}
