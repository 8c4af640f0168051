//! What to write instead of a name that nothing has.

use super::files::Files;
use super::schema::nearest;
use std::path::Path;

/// How many names a hint may list.
const MAX_LISTED: usize = 12;

/// A hint for a name that is not among `known`; `what` says what those are.
pub(super) fn instead_of(wrong: &str, what: &str, known: &[&str]) -> String {
    if let Some(near) = nearest(wrong, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match known {
        [] => format!("there are no {what}"),
        _ if known.len() <= MAX_LISTED => format!("the {what} are {}", known.join(", ")),
        _ => format!("the {what} are {}, … ({} in all)", known[..MAX_LISTED].join(", "), known.len()),
    }
}

/// A hint for a file that is not there: the nearest name in its directory, or the nearest part of the path that is.
pub(crate) fn other_file(files: &dyn Files, path: &Path) -> Option<String> {
    let (directory, name) = (path.parent()?, path.file_name()?.to_str()?);
    if files.kind(directory).is_none() {
        return other_file(files, directory)
            .or_else(|| Some(format!("there is no directory {}", directory.display())));
    }
    let names = files.list(directory).ok()?;
    let near = nearest(name, names.iter().map(String::as_str).filter(|other| *other != name))?;
    Some(format!("did you mean {}?", directory.join(near).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_proposed_before_all_are_listed() {
        assert_eq!(instead_of("databse", "services", &["web", "database"]), "did you mean `database`?");
        assert_eq!(instead_of("x", "services", &["web", "database"]), "the services are web, database");
        assert_eq!(instead_of("x", "services", &[]), "there are no services");
    }
}
