//! Where we differ on purpose.

/// A case (`*` is any), a part of the path, and why.
const KNOWN: [(&str, &str, &str); 15] = [
    (
        "*",
        "/Consistency",
        "it has no effect on Linux, and a change of it is no reason to replace a container",
    ),
    (
        "restart_policy",
        "not_said-1/HostConfig/RestartPolicy/Name",
        "a `restart_policy` without condition is `any` by the specification; the reference makes it none",
    ),
    (
        "file_configs_with_owner",
        "/Mounts/",
        "uid, gid and mode of a file are honoured by writing it into the container; the reference mounts it and ignores them",
    ),
    (
        "namespaces_of_services",
        "compose.config-hash",
        "it covers the id of the other container, which each run makes anew",
    ),
    ("mac_address", "bridge-1/", "an address on the default bridge; the reference drops it on newer engines"),
    (
        "bind_options",
        "/HostConfig/Binds/",
        "as a text the engine makes a missing host path and takes propagation and selinux together",
    ),
    ("bind_options", "/HostConfig/Mounts/", "the same, the other side of it"),
    ("bind_options", "/Mode", "the same, as it is shown: propagation and access are equal"),
    ("volumes_from", "compose.config-hash", "the same"),
    ("volumes_from", "writes-1/HostConfig/VolumesFrom", "the container's name in place of its id"),
    ("volumes_from", "reads-1/HostConfig/VolumesFrom", "`:ro` stays; the reference drops it"),
    ("volumes_from", "reads-1/Mounts/", "the same: its mounts are read-only"),
    ("volumes_from", "also-1/HostConfig/VolumesFrom", "`:rw` stays, and means what is the default"),
    ("volumes_from_container", "reads-1/HostConfig/VolumesFrom", "as with services"),
    ("volumes_from_container", "reads-1/Mounts/", "as with services"),
];

/// Why a difference is meant to be.
pub fn reason(case: &str, path: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(of, part, _)| (*of == "*" || *of == case) && path.contains(part));
    known.map(|(_, _, reason)| *reason)
}
