//! What a service refers to must be there.

use super::Service;
use crate::compose::json;
use serde_json::Value;

/// A service runs an image, builds one, or is provided.
pub(super) fn origin(service: &mut Service<'_, '_>) {
    let has = |key: &str| service.tree.get(key).is_some_and(|value| !value.is_null());
    if service.text("image").is_empty() && !has("build") && !has("provider") {
        let message = format!(
            "service {:?} has neither an image nor a build context specified: invalid compose project",
            service.name
        );
        service.refuse(message, &[], "add `image: NAME` or `build: DIRECTORY`");
    }
}

/// A build has one Dockerfile, its contexts exist, and it covers the service's platform.
pub(super) fn build(service: &mut Service<'_, '_>) {
    let Some(build) = service.tree.get("build").filter(|build| build.is_object()) else { return };
    if !json::text(build, "dockerfile").is_empty() && !json::text(build, "dockerfile_inline").is_empty() {
        let message = format!(
            "service {:?} declares mutualy exclusive dockerfile and dockerfile_inline: invalid compose project",
            service.name
        );
        service.refuse(message, &["build"], "keep one of the two");
    }
    for (context, target) in json::fields(build.get("additional_contexts")) {
        let Some(target) = target.as_str().and_then(|target| target.strip_prefix("service:")) else {
            continue;
        };
        let kind = match service.scene.service(target) {
            None => "unknown",
            Some(other) if other.get("build").is_none_or(Value::is_null) => "non-buildable",
            Some(_) => continue,
        };
        let message = format!(
            "service {:?} declares {kind} service {target:?} as additional contexts {context}",
            service.name
        );
        let hint = service.scene.instead_of(target, "services");
        service.refuse(message, &["build", "additional_contexts", context], hint);
    }
    let platform = service.text("platform").to_owned();
    let platforms = json::strings(build.get("platforms"));
    if !platform.is_empty() && !platforms.is_empty() && !platforms.contains(&platform.as_str()) {
        let message = format!(
            "service.build.platforms MUST include service.platform {platform:?}: invalid compose project"
        );
        service.refuse(message, &["build", "platforms"], format!("add {platform} to build.platforms"));
    }
}

/// A service has networks or a network mode, and its networks exist.
pub(super) fn networks(service: &mut Service<'_, '_>) {
    let networks: Vec<&str> =
        json::fields(service.tree.get("networks")).map(|(name, _)| name.as_str()).collect();
    if !service.text("network_mode").is_empty() && !networks.is_empty() {
        let message = format!(
            "service {} declares mutually exclusive `network_mode` and `networks`: invalid compose project",
            service.name
        );
        service.refuse(message, &["network_mode"], "keep one of the two");
    }
    for network in networks {
        require(service, ("network", "networks"), network, &["networks", network]);
    }
}

/// The services that a service depends on or shares a network with exist and are switched on.
pub(super) fn services(service: &mut Service<'_, '_>) {
    for (target, dependency) in json::fields(service.tree.get("depends_on")) {
        let optional = dependency.get("required").and_then(Value::as_bool) == Some(false);
        let disabled = service.scene.disabled.contains_key(target);
        if service.scene.service(target).is_some() || (disabled && optional) {
            continue;
        }
        let message = format!(
            "service {:?} depends on undefined service {target:?}: invalid compose project",
            service.name
        );
        let hint = if disabled {
            format!("{target} is switched off by its profiles; activate one, or write required: false")
        } else {
            service.scene.instead_of(target, "services")
        };
        service.refuse(message, &["depends_on", target], hint);
    }
    let mode = service.text("network_mode").to_owned();
    if let Some(target) = mode.strip_prefix("service:")
        && service.scene.service(target).is_none()
    {
        let message = format!("service {target:?} not found for network_mode 'service:{target}'");
        let hint = service.scene.instead_of(target, "services");
        service.refuse(message, &["network_mode"], hint);
    }
}

/// The volumes, configs, models and secrets of a service exist.
pub(super) fn resources(service: &mut Service<'_, '_>) {
    for (index, volume) in json::list(service.tree.get("volumes")).iter().enumerate() {
        let source = json::text(volume, "source");
        if json::text(volume, "type") == "volume" && !source.is_empty() {
            require(service, ("volume", "volumes"), source, &["volumes", &format!("[{index}]")]);
        }
    }
    let build_secrets = service.tree.get("build").and_then(|build| build.get("secrets"));
    for secret in json::list(build_secrets) {
        require(service, ("build secret", "secrets"), json::text(secret, "source"), &["build", "secrets"]);
    }
    for (index, config) in json::list(service.tree.get("configs")).iter().enumerate() {
        let name = json::text(config, "source");
        require(service, ("config", "configs"), name, &["configs", &format!("[{index}]")]);
    }
    for (model, _) in json::fields(service.tree.get("models")) {
        require(service, ("model", "models"), model, &["models", model]);
    }
    for (index, secret) in json::list(service.tree.get("secrets")).iter().enumerate() {
        let name = json::text(secret, "source");
        require(service, ("secret", "secrets"), name, &["secrets", &format!("[{index}]")]);
    }
}

fn require(service: &mut Service<'_, '_>, (kind, section): (&str, &str), name: &str, keys: &[&str]) {
    if service.scene.has(section, name) {
        return;
    }
    let message =
        format!("service {:?} refers to undefined {kind} {name}: invalid compose project", service.name);
    let hint =
        format!("declare it below the top-level `{section}:`; {}", service.scene.instead_of(name, section));
    service.refuse(message, keys, hint);
}
