//! Webhooks: whether a request comes from who shares the secret. What it says is not looked at: it is only a hint to look.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Headers that carry the HMAC-SHA256 of the body in hex, by forge, each with what stands before it.
const SIGNATURES: [(&str, &str); 5] = [
    // GitHub (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>); Gitea and Forgejo send it too.
    ("x-hub-signature-256", "sha256="),
    // Bitbucket (<https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/>)
    ("x-hub-signature", "sha256="),
    ("x-forgejo-signature", ""),
    ("x-gitea-signature", ""),
    ("x-gogs-signature", ""),
];
/// GitLab sends the secret itself (<https://docs.gitlab.com/user/project/integrations/webhooks/>).
const GITLAB: &str = "x-gitlab-token";

/// Whether a request with this body knows the secret. `header` gives the value of a header by its name in lower case.
/// Whichever way it shows that is enough; all are compared in constant time.
pub fn is_genuine<'a>(secret: &[u8], header: impl Fn(&str) -> Option<&'a [u8]>, body: &[u8]) -> bool {
    if secret.is_empty() {
        return false;
    }
    let is_secret = |given: &[u8]| bool::from(given.ct_eq(secret));
    if header(GITLAB).is_some_and(is_secret) {
        return true;
    }
    let bearer = header("authorization").and_then(|value| value.strip_prefix(b"Bearer "));
    if bearer.is_some_and(is_secret) {
        return true;
    }
    SIGNATURES.iter().any(|(name, prefix)| {
        let signature = header(name).and_then(|value| value.strip_prefix(prefix.as_bytes()));
        signature.and_then(|signature| hex::decode(signature).ok()).is_some_and(|signature| {
            Hmac::<Sha256>::new_from_slice(secret)
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_genuine;

    /// As each forge sends it; the signature of the first is GitHub's own example.
    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HMAC: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn check(secret: &[u8], headers: &[(&str, &str)], body: &[u8]) -> bool {
        let header =
            |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_bytes());
        is_genuine(secret, header, body)
    }

    #[test]
    fn every_forge_is_believed_if_it_knows_the_secret() {
        let prefixed = format!("sha256={HMAC}");
        let secret = std::str::from_utf8(SECRET).expect("text");
        let bearer = format!("Bearer {secret}");
        for header in [
            ("x-hub-signature-256", prefixed.as_str()),
            ("x-hub-signature", &prefixed),
            ("x-gitea-signature", HMAC),
            ("x-forgejo-signature", HMAC),
            ("x-gogs-signature", HMAC),
            ("x-gitlab-token", secret),
            ("authorization", &bearer),
        ] {
            assert!(check(SECRET, &[header], BODY), "{header:?}");
            assert!(!check(b"another", &[header], BODY), "{header:?}");
        }
    }

    #[test]
    fn nobody_else_is() {
        let prefixed = format!("sha256={HMAC}");
        assert!(!check(SECRET, &[], BODY));
        assert!(!check(SECRET, &[("x-hub-signature-256", &prefixed)], b"Hello, World?"), "another body");
        assert!(!check(SECRET, &[("x-hub-signature-256", HMAC)], BODY), "no prefix");
        assert!(!check(SECRET, &[("x-hub-signature", "sha1=00")], BODY), "a weaker kind");
        assert!(!check(SECRET, &[("x-gitea-signature", &HMAC[..62])], BODY), "cut off");
        assert!(!check(SECRET, &[("x-gitea-signature", "")], BODY));
        assert!(!check(b"", &[("x-gitlab-token", "")], BODY), "no secret is no way in");
    }
}
