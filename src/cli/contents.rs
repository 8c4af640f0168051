//! What changes in files that containers mount, as far as what they hold now is known: those of a repository lie where
//! containers see them until they are applied. What is mounted from a directory has changed already.

use crate::model::change::{CauseKind, Change};
use crate::model::desired::DesiredState;
use crate::model::step::Plan;
use crate::plan::{shown_line, unified};
use crate::source::mounted::{Difference, Mounts, mounted};
use std::collections::{BTreeMap, BTreeSet};

/// Larger files are not compared, in bytes.
const LARGEST: usize = 64 * 1024;
/// More files of one service are only counted.
const MOST: usize = 20;

/// Adds the differences of contents to every service that changes because of them.
pub fn explain(plan: &mut Plan, desired: &DesiredState, mounts: Option<&Mounts>) {
    let Some(mounts) = mounts else { return };
    for (stack, changes) in &mut plan.changes {
        for (key, change) in &mut changes.services {
            if !change.causes.iter().any(|cause| cause.kind == CauseKind::MountedFileContent) {
                continue;
            }
            let service = (stack.clone(), key.clone());
            let all = mounted(desired, &BTreeSet::from([service.clone()]));
            let paths = all.get(&service).map_or(&[][..], Vec::as_slice);
            // Whoever cannot read them will be told when they are to be written.
            let differences = mounts.differences(&service, paths).unwrap_or_default();
            add(change, &differences);
        }
    }
}

fn add(change: &mut Change, differences: &[Difference]) {
    let named = |one: &Difference| (one.path.to_string_lossy().into_owned(), told(one));
    let mut contents: BTreeMap<String, String> = differences.iter().take(MOST).map(named).collect();
    if differences.len() > MOST {
        contents.insert(format!("… and {} more files", differences.len() - MOST), String::new());
    }
    change.contents = contents;
}

/// The difference of one file.
fn told(one: &Difference) -> String {
    let size = |bytes: &Option<Vec<u8>>| {
        bytes.as_ref().map_or_else(|| "(none)".to_owned(), |bytes| format!("{} bytes", bytes.len()))
    };
    let text = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.as_deref().unwrap_or_default();
        (bytes.len() <= LARGEST && !bytes.contains(&0))
            .then(|| String::from_utf8(bytes.to_vec()).ok())
            .flatten()
    };
    let (Some(old), Some(new)) = (text(&one.old), text(&one.new)) else {
        return format!("(not shown: {} -> {})\n", size(&one.old), size(&one.new));
    };
    let diff = unified(&old, &new);
    let mut masked = String::with_capacity(diff.len());
    for line in diff.lines() {
        match line.get(..1) {
            Some(sign @ ("+" | "-" | " ")) => {
                masked.push_str(sign);
                masked.push_str(&shown_line(&line[1..]));
            }
            _ => masked.push_str(line),
        }
        masked.push('\n');
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::told;
    use crate::source::mounted::Difference;

    fn difference(old: Option<&[u8]>, new: Option<&[u8]>) -> Difference {
        let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Difference { path: "app.conf".into(), old: own(old), new: own(new) }
    }

    #[test]
    fn a_changed_file_is_a_diff_without_its_secrets() {
        let told =
            told(&difference(Some(b"level = info\npassword = a\n"), Some(b"level = debug\npassword = b\n")));
        assert_eq!(
            told,
            "@@ -1,2 +1,2 @@\n-level = info\n-password = ***\n+level = debug\n+password = ***\n"
        );
    }

    #[test]
    fn what_is_no_text_is_measured() {
        assert_eq!(told(&difference(Some(b"a\0b"), None)), "(not shown: 3 bytes -> (none))\n");
    }
}
