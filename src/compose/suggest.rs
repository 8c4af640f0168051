//! What to write instead of a name that nothing has.

use super::schema::nearest;

/// How many names a hint may list.
const MAX_LISTED: usize = 12;

/// A hint for a name that is not among `known`; `what` says what those are.
pub(super) fn instead_of(wrong: &str, what: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(wrong, known.iter().copied()) {
        return format!("did you mean {near}?");
    }
    match known {
        [] => format!("there are no {what}"),
        _ if known.len() <= MAX_LISTED => format!("{what}: {}", known.join(", ")),
        _ => format!("{what}: {}, … ({} in all)", known[..MAX_LISTED].join(", "), known.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_proposed_before_all_are_listed() {
        assert_eq!(instead_of("databse", "services", &["web", "database"]), "did you mean database?");
        assert_eq!(instead_of("x", "services", &["web", "database"]), "services: web, database");
        assert_eq!(instead_of("x", "services", &[]), "there are no services");
    }
}
