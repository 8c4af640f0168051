//! Jobs that run before the rest of a stack changes, and what is stopped meanwhile.

use super::Scope;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::settings::{KEY, Placed, StackSettings};
use crate::compose::suggest::instead_of;
use crate::model::desired::DesiredStack;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The jobs by service key, each with the services to stop. What does not make sense is said and left out.
pub(super) fn jobs(
    scope: &mut Scope<'_>,
    settings: &StackSettings,
    services: &Map<String, Value>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut jobs = BTreeMap::new();
    for (job, stopped) in &settings.pre_deploy {
        if !is_there(scope, services, job, &job.text) {
            continue;
        }
        let keys = stopped.iter().filter(|key| is_there(scope, services, key, &job.text));
        jobs.insert(job.text.clone(), keys.map(|key| key.text.clone()).collect());
    }
    jobs
}

/// A service that a job needs cannot be stopped for one. Told once the dependencies of all services are known.
pub(super) fn check(scope: &mut Scope<'_>, settings: &StackSettings, stack: &DesiredStack) {
    let needed = stack.needed_by_jobs();
    for (job, stopped) in &settings.pre_deploy {
        for key in stopped.iter().filter(|key| needed.contains(key.text.as_str())) {
            let (is_job, name) = (stack.pre_deploy.contains_key(&key.text), &key.text);
            let message = if *name == job.text {
                format!("`{name}` cannot be stopped while it runs")
            } else if is_job {
                format!("`{name}` is a job of `pre_deploy` itself and is not stopped for another")
            } else {
                format!("`{name}` cannot be stopped: a job of `pre_deploy` needs it")
            };
            add(scope, key, &job.text, message, "take it out of the list".to_owned());
        }
    }
}

fn is_there(scope: &mut Scope<'_>, services: &Map<String, Value>, key: &Placed, job: &str) -> bool {
    if services.contains_key(&key.text) {
        return true;
    }
    let is_disabled = scope.project.disabled_services.contains(&key.text);
    let known: Vec<&str> = services.keys().map(String::as_str).collect();
    let (message, hint) = if is_disabled {
        let hint = "name one of its profiles in `profiles`".to_owned();
        (format!("service `{}` is switched off by its profiles", key.text), hint)
    } else {
        (format!("there is no service `{}`", key.text), instead_of(&key.text, "services", &known))
    };
    add(scope, key, job, message, hint);
    false
}

fn add(scope: &mut Scope<'_>, key: &Placed, job: &str, message: String, hint: String) {
    // They stand in the compose file, or in a file of their own.
    let above = if scope.project.nodes.get(KEY).is_some() { format!("{KEY}.") } else { String::new() };
    let place = format!("{above}pre_deploy.{job}");
    let error = Diagnostic::error(message).at(place).span(key.span).hint(hint);
    scope.report.sink().push(error);
}
