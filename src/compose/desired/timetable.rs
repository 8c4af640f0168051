//! What contradicts a service that runs at times. Told once the dependencies of all services are known.

use super::Scope;
use crate::compose::settings::{KEY, StackSettings};
use crate::model::dependencies::parents;
use crate::model::desired::{DesiredService, DesiredStack};

/// Says what cannot be.
pub(super) fn check(scope: &mut Scope<'_>, settings: &StackSettings, stack: &DesiredStack) {
    for (key, service) in &stack.services {
        let Some(timetable) = &service.timetable else { continue };
        if timetable.keep == 0 {
            let path = ["services", key, KEY, "job", "keep"];
            let message = "`keep` is 0, but must be at least 1: the last run tells which times are done";
            scope.report.value(&path, message).hint = Some("write 1 or more".to_owned());
        }
        alone(scope, key, service);
        for (other, needs) in &stack.services {
            needed(scope, key, (other, needs));
        }
        let named = settings.pre_deploy.iter().flat_map(|(job, stopped)| stopped.iter().chain([job]));
        for _ in named.filter(|name| name.text == *key) {
            let message = format!("`{key}` runs at times, and cannot be part of `pre_deploy`");
            let hint = "take it out of `pre_deploy`, or give the migration a service of its own";
            scope.report.error(&["services", key, KEY, "job"], message).hint = Some(hint.to_owned());
        }
    }
}

/// What the service itself must not ask for.
fn alone(scope: &mut Scope<'_>, key: &str, service: &DesiredService) {
    let spec = &service.spec;
    if service.replicas > 1 {
        let message =
            format!("`{key}` runs at times, one container each, but {} are asked for", service.replicas);
        let hint = "leave out `scale` and `deploy.replicas`; 0 switches the job off";
        scope.report.error(&["services", key, KEY, "job"], message).hint = Some(hint.to_owned());
    }
    let (path, policy): (&[&str], &str) =
        match spec.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) {
            Some(policy) => (&["services", key, "deploy", "restart_policy"], &policy.condition),
            None => (&["services", key, "restart"], &spec.restart),
        };
    let endless = ["always", "unless-stopped", "any"];
    if endless.contains(&policy) || policy.is_empty() && path.len() > 3 {
        let policy = if policy.is_empty() { "any" } else { policy };
        let message = format!("the restart policy is `{policy}`, but a job that runs at times has to end");
        let hint = "leave it out, or write `on-failure:3` to have a run try three times more";
        scope.report.error(path, message).hint = Some(hint.to_owned());
    }
    for (hooks, name) in [(&spec.post_start, "post_start"), (&spec.pre_stop, "pre_stop")] {
        if !hooks.is_empty() {
            let message = format!("`{name}` is not carried out for a job that runs at times");
            scope.report.error(&["services", key, name], message).hint =
                Some("make it part of the job's command".to_owned());
        }
    }
}

/// What another service must not want of it: most of the time it does not run.
fn needed(scope: &mut Scope<'_>, key: &str, (other, service): (&str, &DesiredService)) {
    let hint = "most of the time it does not run; a job that others wait for says `job: true`";
    if service.depends_on.contains_key(key) {
        let message = format!("`{other}` depends on `{key}`, which runs at times");
        scope.report.error(&["services", other, "depends_on", key], message).hint = Some(hint.to_owned());
    } else if parents(&service.spec).contains(key) {
        let message = format!("`{other}` shares namespaces or volumes of `{key}`, which runs at times");
        scope.report.error(&["services", other], message).hint = Some(hint.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{errors, stack};
    use crate::model::desired::JobMode;
    use crate::model::job::Overlap;

    #[test]
    fn a_timetable_makes_a_job() {
        let stack = stack(&[(
            "compose.yaml",
            "services:\n  a:\n    image: x\n    restart: on-failure:3\n    x-reconcile:\n      job: {schedule: 0 3 * * *, \
             timezone: Europe/Berlin, overlap: replace, timeout: 1h, keep: 2}\n  b: {image: x}",
        )]);
        let service = &stack.services["a"];
        let table = service.timetable.as_ref().expect("a timetable");
        assert_eq!((service.job, table.overlap, table.keep), (JobMode::Job, Overlap::Replace, 2));
        assert!(service.hash() != stack.services["b"].hash());
    }

    #[test]
    fn what_contradicts_a_timetable_is_refused() {
        let job = "x-reconcile: {job: {schedule: 0 3 * * *}}";
        for (text, told) in [
            (
                format!("a: {{image: x, scale: 2, {job}}}"),
                "`a` runs at times, one container each, but 2 are asked for",
            ),
            (
                format!("a: {{image: x, restart: always, {job}}}"),
                "the restart policy is `always`, but a job that runs at times has to end",
            ),
            (
                format!("a: {{image: x, {job}}}\n  b: {{image: x, depends_on: [a]}}"),
                "`b` depends on `a`, which runs at times",
            ),
            (
                format!("a: {{image: x, {job}}}\n  b: {{image: x, volumes_from: [a]}}"),
                "`b` depends on `a`, which runs at times",
            ),
            (
                format!("a: {{image: x, post_start: [{{command: [b]}}], {job}}}"),
                "`post_start` is not carried out for a job that runs at times",
            ),
            (
                "a: {image: x, x-reconcile: {job: {schedule: '@daily', keep: 0}}}".to_owned(),
                "`keep` is 0, but must be at least 1: the last run tells which times are done",
            ),
            (
                "a: {image: x, x-reconcile: {job: {timezone: UTC}}}".to_owned(),
                "`schedule` is missing in `job`",
            ),
            (
                "a: {image: x, x-reconcile: {job: nightly}}".to_owned(),
                "`job` is `nightly`, but must be true, false or a mapping",
            ),
        ] {
            let messages = errors(&[("compose.yaml", &format!("services:\n  {text}"))]);
            assert!(messages.iter().any(|message| message.ends_with(told)), "{text}: {messages:?}");
        }
    }
}
