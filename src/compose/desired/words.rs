//! Words that the loader leaves to the engine, which refuses wrong ones only when the old container is gone already.

use super::{Scope, string};
use crate::compose::schema::nearest;
use serde_json::{Map, Value};

const RESTART: [&str; 4] = ["no", "always", "on-failure", "unless-stopped"];
const PROPAGATION: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// Checks the words of a service.
pub(super) fn check(scope: &mut Scope<'_>, key: &str, service: &Map<String, Value>) {
    restart(scope, key, string(service, "restart"));
    image(scope, key, string(service, "image"));
    let mounts = service.get("volumes").and_then(Value::as_array);
    for (index, mount) in mounts.into_iter().flatten().enumerate() {
        let bind = mount.get("bind").and_then(|bind| bind.get("propagation")).and_then(Value::as_str);
        if let Some(word) = bind.filter(|word| !word.is_empty() && !PROPAGATION.contains(word)) {
            let path = ["services", key, "volumes", &index.to_string(), "bind", "propagation"];
            refuse(scope, &path, word, &PROPAGATION);
        }
    }
}

fn restart(scope: &mut Scope<'_>, key: &str, word: &str) {
    let (policy, times) = word.split_once(':').map_or((word, None), |(policy, times)| (policy, Some(times)));
    let is_right = match times {
        None => policy.is_empty() || RESTART.contains(&policy),
        Some(times) => policy == "on-failure" && times.parse::<u32>().is_ok(),
    };
    if !is_right {
        refuse(scope, &["services", key, "restart"], word, &[&RESTART[..], &["on-failure:<times>"]].concat());
    }
}

/// Only what can be nothing else: blanks, and capital letters behind the registry's name.
fn image(scope: &mut Scope<'_>, key: &str, image: &str) {
    let name = image.split('@').next().unwrap_or(image);
    let (registry, path) = name.split_once('/').unwrap_or(("", name));
    let is_registry = registry.contains(['.', ':']) || registry == "localhost";
    let path = if is_registry { path } else { name };
    let repository = path.rsplit_once(':').map_or(path, |(repository, _)| repository);
    let (problem, hint) = if image.contains(char::is_whitespace) {
        ("holds a blank", "an image is written [REGISTRY/]NAME[:TAG]".to_owned())
    } else if repository.contains(|c: char| c.is_ascii_uppercase()) {
        let lower = repository.to_ascii_lowercase();
        (
            "has capital letters",
            format!("image names are lower case: `{}`", image.replacen(repository, &lower, 1)),
        )
    } else {
        return;
    };
    let message = format!("the image name `{image}` {problem}");
    scope.report.value(&["services", key, "image"], message).hint = Some(hint);
}

/// Says that a word is none of those that can stand here.
pub(super) fn refuse(scope: &mut Scope<'_>, path: &[&str], word: &str, words: &[&str]) {
    let name = path.last().copied().unwrap_or_default();
    let all = words.join(", ");
    let found = scope.report.value(path, format!("`{name}` cannot be `{word}`"));
    *found = found.clone().allowed(words.iter().copied()).hint(match nearest(word, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? the values are {all}"),
        None => format!("the values are {all}"),
    });
}
