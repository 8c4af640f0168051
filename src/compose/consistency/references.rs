//! What a service refers to must be there.

use super::Service;
use crate::compose::diagnostic::Lack;
use crate::compose::json;
use crate::compose::node::Node;
use serde_json::Value;

/// A service runs an image, builds one, or is provided.
pub(super) fn origin(service: &mut Service<'_, '_>) {
    let has = |key: &str| service.tree.get(key).is_some_and(|value| !value.is_null());
    if service.text("image").is_empty() && !has("build") && !has("provider") {
        let message = format!(
            "service {:?} has neither an image nor a build context specified: invalid compose project",
            service.name
        );
        let plain = format!("service `{}` has neither `image` nor `build`", service.name);
        let error = service.error((message, plain), &[]);
        let error = error.lacks(Lack::Key(vec!["image", "build"]));
        service.found.push(error.hint("add `image: NAME` or `build: DIRECTORY`"));
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
        let plain = "`dockerfile` and `dockerfile_inline` cannot stand together";
        let error = service
            .error((message, plain), &["build", "dockerfile_inline"])
            .also(service.span(&["build", "dockerfile"]), "the other one")
            .hint("keep one of the two");
        service.found.push(error);
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
        let plain = format!("there is no service `{target}` that is built");
        let error = service.error((message, plain), &["build", "additional_contexts", context]);
        service.found.push(error.lacks(Lack::Entry("services")).hint(hint));
    }
    let platform = service.text("platform").to_owned();
    let platforms = json::strings(build.get("platforms"));
    if !platform.is_empty() && !platforms.is_empty() && !platforms.contains(&platform.as_str()) {
        let message = format!(
            "service.build.platforms MUST include service.platform {platform:?}: invalid compose project"
        );
        let plain = format!("`platforms` lacks {platform}, the platform of the service");
        let error = service.error((message, plain), &["build", "platforms"]);
        service.found.push(error.hint(format!("add {platform} to build.platforms")));
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
        let error = service
            .error((message, "`network_mode` and `networks` cannot stand together"), &["network_mode"])
            .also(service.span(&["networks"]), "the other one")
            .hint("keep one of the two");
        service.found.push(error);
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
        let (plain, hint) = if disabled {
            let hint = "activate one of its profiles with --profile, or write `required: false`";
            (format!("service `{target}` is switched off by its profiles"), hint.to_owned())
        } else if target.is_empty() {
            ("no service is named here".to_owned(), service.scene.instead_of(target, "services"))
        } else {
            (format!("there is no service `{target}`"), service.scene.instead_of(target, "services"))
        };
        let keys = origin_of(service, target);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut error = service.error((message, plain), &keys).focus(target).hint(hint);
        if !disabled {
            error = error.lacks(Lack::Entry("services"));
        }
        if let Some(node) = service.node(&keys).filter(|node| node.as_str().is_some()) {
            error = error.span(node.span);
        }
        service.found.push(error);
    }
    let mode = service.text("network_mode").to_owned();
    if let Some(target) = mode.strip_prefix("service:")
        && service.scene.service(target).is_none()
        // Told already: it is a dependency too.
        && !target.is_empty()
    {
        let message = format!("service {target:?} not found for network_mode 'service:{target}'");
        let hint = service.scene.instead_of(target, "services");
        let plain = format!("there is no service `{target}`");
        let span = service.node(&["network_mode"]).map_or_else(Default::default, |node| node.span);
        let error = service.error((message, plain), &["network_mode"]).span(span).focus(target);
        service.found.push(error.lacks(Lack::Entry("services")).hint(hint));
    }
}

/// The keys that make a service depend on another: `depends_on`, or one that implies it.
fn origin_of(service: &Service<'_, '_>, target: &str) -> Vec<String> {
    let own = ["depends_on", target];
    let span = service.span(&own);
    let is_it =
        |keys: &[&str]| service.node(keys).is_some_and(|node| node.as_str().is_some() && node.span == span);
    for key in ["network_mode", "ipc", "pid"] {
        if is_it(&[key]) {
            return vec![key.to_owned()];
        }
    }
    for key in ["links", "volumes_from"] {
        let items = service.node(&[key]).and_then(Node::as_list).unwrap_or_default();
        for index in (0..items.len()).map(|index| format!("[{index}]")) {
            if is_it(&[key, &index]) {
                return vec![key.to_owned(), index];
            }
        }
    }
    own.map(str::to_owned).to_vec()
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

fn require(service: &mut Service<'_, '_>, (kind, section): (&str, &'static str), name: &str, keys: &[&str]) {
    if service.scene.has(section, name) {
        return;
    }
    let message =
        format!("service {:?} refers to undefined {kind} {name}: invalid compose project", service.name);
    let instead = service.scene.instead_of(name, section);
    let hint = if instead.starts_with("did you mean") {
        format!("{instead} If not, declare `{name}:` below the top-level `{section}:`")
    } else {
        format!("declare `{name}:` below the top-level `{section}:`")
    };
    let mut error = service.error((message, format!("there is no {kind} `{name}`")), keys);
    // A long form has its name in one of its lines.
    let mut long = keys.to_vec();
    long.push("source");
    if let Some(node) = service.node(&long) {
        error = error.span(node.span);
    }
    service.found.push(error.lacks(Lack::Entry(section)).focus(name).hint(hint));
}
