//! What comes before what within a stack.

use super::desired::{DesiredService, DesiredStack};
use super::service::ServiceSpec;
use std::collections::BTreeSet;

/// Services whose containers this one is bound to: it shares a namespace or volumes with them. On the engine's default
/// bridge a link binds too; on other networks it is a mere name.
pub fn parents(spec: &ServiceSpec) -> BTreeSet<&str> {
    let binds = matches!(&*spec.network_mode, "bridge" | "default");
    let linked =
        spec.links.iter().filter(|_| binds).map(|link| link.split_once(':').map_or(&**link, |(key, _)| key));
    let namespaces = [&spec.network_mode, &spec.ipc, &spec.pid];
    let shared = namespaces.into_iter().filter_map(|mode| mode.strip_prefix("service:"));
    shared.chain(linked).chain(spec.volumes_from.iter().filter_map(|from| volumes_parent(from))).collect()
}

/// The service in an entry of `volumes_from`, unless it names a container.
pub fn volumes_parent(from: &str) -> Option<&str> {
    if from.starts_with("container:") {
        return None;
    }
    Some(from.split_once(':').map_or(from, |(service, _)| service))
}

impl DesiredService {
    /// Keys of the services that it waits for or is bound to.
    pub fn needs(&self) -> BTreeSet<&str> {
        let mut all = parents(&self.spec);
        all.extend(self.depends_on.keys().map(String::as_str));
        all
    }
}

impl DesiredStack {
    /// The jobs of `pre_deploy` and all that they need, directly or not. Everything else comes after those jobs.
    pub fn needed_by_jobs(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self.pre_deploy.keys().map(String::as_str).collect();
        while let Some(key) = open.pop() {
            if let Some((key, service)) = self.services.get_key_value(key)
                && found.insert(key.as_str())
            {
                open.extend(service.needs());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::parents;
    use crate::model::service::ServiceSpec;
    use std::collections::BTreeSet;

    #[test]
    fn parents_are_services_and_not_containers() {
        let spec = ServiceSpec {
            network_mode: "service:vpn".into(),
            pid: "host".into(),
            volumes_from: vec!["data:ro".into(), "container:other".into()],
            ..ServiceSpec::default()
        };
        assert_eq!(parents(&spec), BTreeSet::from(["vpn", "data"]));
        let mut spec = ServiceSpec { links: vec!["db:database".into()], ..ServiceSpec::default() };
        assert_eq!(parents(&spec), BTreeSet::new());
        spec.network_mode = "bridge".into();
        assert_eq!(parents(&spec), BTreeSet::from(["db"]));
    }
}
