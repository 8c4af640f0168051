//! The volumes of a service.

use super::canon::Type::{Bool, Bytes, Int, One, Pairs, Text};
use super::canon::Width;
use super::shape::{BS, KEY_VALUES, NS, S, Shape, object, one_of};
use super::{Object, open, row};
use crate::compose::interpolate::Cast;
use crate::compose::merge::Rule;
use crate::compose::support::Status;

pub(super) static MOUNT: Object = open![
    row("type", Shape::Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]), Text)
        .required()
        .full()
        .narrowed(&[
            ("=npipe", Status::Refused("named pipes exist on Windows engines only; remove the mount")),
            ("=cluster", Status::Refused("cluster volumes need a Swarm"))
        ]),
    row("source", S, Text).full(),
    row("target", S, Text).full(),
    row("read_only", BS, Bool).cast(Cast::Bool).full(),
    row("consistency", S, Text).ignored("it has no effect on Linux"),
    row("bind", object(&MOUNT_BIND), One(&MOUNT_BIND)).set(),
    row("volume", object(&MOUNT_VOLUME), One(&MOUNT_VOLUME)).set(),
    row("tmpfs", object(&MOUNT_TMPFS), One(&MOUNT_TMPFS)).set(),
    row("image", object(&MOUNT_IMAGE), One(&MOUNT_IMAGE)).set(),
];

static MOUNT_BIND: Object = open![
    row("selinux", Shape::Word(&["z", "Z"]), Text).full(),
    row("propagation", S, Text).full(),
    row("create_host_path", BS, Bool).full(),
    row("recursive", Shape::Word(&["enabled", "disabled", "writable", "readonly"]), Text).full(),
];

static MOUNT_VOLUME: Object = open![
    row("labels", KEY_VALUES, Pairs).merge(Rule::Sequence).full(),
    row("nocopy", BS, Bool).cast(Cast::Bool).full(),
    row("subpath", S, Text).full(),
];

static MOUNT_TMPFS: Object = open![
    row("size", one_of![Shape::Range { min: 0, max: i128::MAX }, S], Bytes).full(),
    row("mode", NS, Int(Width::Uint32)).full(),
];

static MOUNT_IMAGE: Object = open![row("subpath", S, Text).full(),];
