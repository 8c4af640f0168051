//! Submodules: repositories in a repository.

use super::address::Address;
use super::protocol::Failure;
use super::store::{self, GITLINK};
use git2::{Oid, Repository, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeMap;

/// Repositories inside one another at most.
const DEEPEST: usize = 8;

/// Gets one commit of a repository into the store.
pub(super) type Get<'a> = dyn Fn(&Address, Oid) -> Result<(), Failure> + 'a;

/// Gets the submodules of a commit, and theirs.
pub(super) fn fetch(
    store: &Repository,
    commit: Oid,
    address: &Address,
    get: &Get<'_>,
) -> Result<(), Failure> {
    below(store, commit, address, get, 0)
}

fn below(
    store: &Repository,
    commit: Oid,
    address: &Address,
    get: &Get<'_>,
    depth: usize,
) -> Result<(), Failure> {
    let read = || {
        let tree = store.find_commit(commit)?.tree()?;
        let mut links = Vec::new();
        tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            if entry.filemode() == GITLINK {
                links.push((format!("{folder}{}", entry.name().unwrap_or_default()), entry.id()));
            }
            TreeWalkResult::Ok
        })?;
        let list = match tree.get_name(".gitmodules") {
            Some(entry) => String::from_utf8_lossy(store.find_blob(entry.id())?.content()).into_owned(),
            None => String::new(),
        };
        Ok((links, list))
    };
    let (links, list) = read().map_err(|error: git2::Error| store::broken(&error))?;
    let addresses = addresses(&list);
    for (path, id) in links {
        let place = format!("submodule {path} of {}", address.identity);
        if depth == DEEPEST {
            return Err(Failure::new(format!(
                "{place}: there are more than {DEEPEST} repositories inside one another"
            )));
        }
        let Some(written) = addresses.get(&path) else {
            return Err(Failure::new(format!("{place}: .gitmodules names no address for it")));
        };
        let of = |failure: Failure| Failure { message: format!("{place}: {failure}"), ..failure };
        let found = address.of_submodule(written).map_err(|error| of(Failure::new(error)))?;
        if !store::is_whole(store, id) {
            get(&found, id).map_err(of)?;
        }
        below(store, id, &found, get, depth + 1)?;
    }
    Ok(())
}

/// Addresses by path, as a `.gitmodules` has them.
fn addresses(text: &str) -> BTreeMap<String, String> {
    let mut found: Vec<(Option<String>, Option<String>)> = Vec::new();
    for row in text.lines().map(str::trim) {
        if row.starts_with('[') {
            found.push((None, None));
            continue;
        }
        let (Some((key, value)), Some(entry)) = (row.split_once('='), found.last_mut()) else { continue };
        let value = value.trim().trim_matches('"').to_owned();
        match key.trim() {
            "path" => entry.0 = Some(value),
            "url" => entry.1 = Some(value),
            _ => {}
        }
    }
    found.into_iter().filter_map(|(path, address)| Some((path?, address?))).collect()
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn a_list_names_paths_and_addresses_in_any_order() {
        let list = "[submodule \"a\"]\n\tpath = libs/a\n\turl = ../a.git\n# url = x\n[submodule \"b\"]\n  url=https://b/b\n  path = b\n[submodule \"c\"]\n path = c\n";
        let found = addresses(list);
        assert_eq!(found.len(), 2);
        assert_eq!(found["libs/a"], "../a.git");
        assert_eq!(found["b"], "https://b/b");
    }
}
