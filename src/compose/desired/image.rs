//! Where a service's image comes from.

use super::{Scope, build, section, string};
use crate::model::desired::{ImageSource, PullPolicy};
use crate::model::units::Nanos;
use serde_json::{Map, Value};
use std::sync::Arc;

const DEFAULT_PLATFORM: &str = "DOCKER_DEFAULT_PLATFORM";
const DAY: i64 = 86_400_000_000_000;

/// The image of a service. Reference: docker compose 2.40, which names a built image `<project>-<service>` and takes
/// the platform of the service, else `DOCKER_DEFAULT_PLATFORM`.
pub(super) fn source(scope: &mut Scope<'_>, key: &str, service: &Map<String, Value>) -> ImageSource {
    let reference = match string(service, "image") {
        "" => format!("{}-{key}", scope.project.name),
        image => image.to_owned(),
    };
    let builds = service.get("build").is_some_and(Value::is_object);
    let written = string(service, "pull_policy");
    let pull = policy(written, builds).unwrap_or_else(|| {
        let known = "always, never, missing, build, daily, weekly, every_<time> such as every_12h";
        scope
            .report
            .value(&["services", key, "pull_policy"], format!("`pull_policy` cannot be `{written}`"))
            .hint = Some(format!("the policies are {known}"));
        PullPolicy::Missing
    });
    let mut image = ImageSource { reference, pull, platform: platform(scope, service), build: None };
    if builds {
        image.build = build::spec(scope, key, service, &image).map(Arc::new);
    }
    image
}

fn platform(scope: &Scope<'_>, service: &Map<String, Value>) -> String {
    let platforms = section(service, "build").get("platforms").and_then(Value::as_array);
    let first = platforms.and_then(|list| list.first()).and_then(Value::as_str);
    let written = Some(string(service, "platform")).filter(|platform| !platform.is_empty());
    let default = scope.project.environment.get(DEFAULT_PLATFORM).map(String::as_str);
    written.or(first).or(default).unwrap_or_default().to_owned()
}

/// Reads a pull policy. `build` without a build means that nothing is ever pulled, as with the reference.
fn policy(text: &str, builds: bool) -> Option<PullPolicy> {
    Some(match text {
        "" | "missing" | "if_not_present" | "refresh" => PullPolicy::Missing,
        "always" => PullPolicy::Always,
        "build" if builds => PullPolicy::Build,
        "never" | "build" => PullPolicy::Never,
        "daily" => PullPolicy::Every(Nanos(DAY)),
        "weekly" => PullPolicy::Every(Nanos(7 * DAY)),
        _ => PullPolicy::Every(Nanos::parse(text.strip_prefix("every_")?).ok().filter(|time| time.0 > 0)?),
    })
}

#[cfg(test)]
mod tests {
    use super::{DAY, policy};
    use crate::model::desired::PullPolicy;
    use crate::model::units::Nanos;

    #[test]
    fn periods_are_spelled_out() {
        assert_eq!(policy("weekly", false), Some(PullPolicy::Every(Nanos(7 * DAY))));
        assert_eq!(policy("every_1d12h", false), Some(PullPolicy::Every(Nanos(DAY + DAY / 2))));
        assert_eq!(policy("every_", false), None);
        assert_eq!(policy("sometimes", false), None);
    }

    #[test]
    fn build_without_a_build_never_pulls() {
        assert_eq!(policy("build", false), Some(PullPolicy::Never));
        assert_eq!(policy("build", true), Some(PullPolicy::Build));
    }
}
