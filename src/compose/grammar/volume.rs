//! The short form of a mount: `[SOURCE:]TARGET[:OPTIONS]`.

use crate::compose::node::{Key, Map, Node, Span, Value};

/// Whether a mount is of a host path or of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume, named or anonymous.
    Volume,
}

/// Options of a bind mount; `None` and empty text mean "not given".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BindOptions {
    /// SELinux label: `z` (shared) or `Z` (private).
    pub selinux: String,
    /// Mount propagation, such as `rshared`.
    pub propagation: String,
    /// Whether the engine makes a missing host directory.
    pub create_host_path: bool,
}

/// Options of a volume mount.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeOptions {
    /// Whether the image's files are kept out of a fresh volume.
    pub nocopy: bool,
}

/// A mount written in the short form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// What is mounted.
    pub kind: MountKind,
    /// Host path or volume name; empty for an anonymous volume.
    pub source: String,
    /// Path in the container as written; the caller cleans it, since uniqueness is judged before that.
    pub target: String,
    /// Whether the container may not write.
    pub read_only: bool,
    /// Options of the bind kind; present on every bind.
    pub bind: Option<BindOptions>,
    /// Options of the volume kind; present on every volume but those of one- and two-byte specs.
    pub volume: Option<VolumeOptions>,
}

/// Reads a short mount.
///
/// Reference: a one-letter section before a colon is a Windows drive, so `a:/a` is an anonymous volume at
/// `a:/a`; a spec of one or two bytes is an anonymous volume without options; unknown options are ignored.
pub fn parse_short(spec: &str) -> Result<Volume, String> {
    if spec.is_empty() {
        return Err("invalid empty volume spec".to_owned());
    }
    if spec.len() <= 2 {
        return Ok(Volume { target: spec.to_owned(), volume: None, ..anonymous() });
    }
    let sections = sections(spec);
    let fail = |problem: &str| format!("invalid spec: {spec}: {problem}");
    // The reference reads from the left: whichever fault comes first is the one it names.
    for (index, section) in sections.iter().enumerate() {
        if section.is_empty() {
            return Err(fail("empty section between colons"));
        }
        if index == 2 && sections.len() > 3 {
            return Err(fail("too many colons"));
        }
    }
    let mut volume = anonymous();
    match sections.as_slice() {
        [target] => volume.target.push_str(target),
        [source, target, options @ ..] => {
            volume.source.push_str(source);
            volume.target.push_str(target);
            for option in options.iter().flat_map(|text| text.split(',')) {
                apply_option(&mut volume, option);
            }
        }
        [] => {}
    }
    if is_host_path(&volume.source) {
        volume.kind = MountKind::Bind;
        volume.bind.get_or_insert_default().create_host_path = true;
    } else {
        volume.volume.get_or_insert_default();
    }
    Ok(volume)
}

fn anonymous() -> Volume {
    Volume {
        kind: MountKind::Volume,
        source: String::new(),
        target: String::new(),
        read_only: false,
        bind: None,
        volume: None,
    }
}

/// Splits at colons, but not at the colon of a drive letter, nor inside `${…}`: a variable may have been left on
/// purpose.
fn sections(spec: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    for (at, found) in spec.match_indices([':', '$', '}']) {
        match found {
            "$" if spec[at..].starts_with("${") => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ":" if depth == 0 && !is_one_letter(&spec[start..at]) => {
                sections.push(&spec[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    sections.push(&spec[start..]);
    sections
}

fn is_one_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

fn apply_option(volume: &mut Volume, option: &str) {
    match option {
        "ro" => volume.read_only = true,
        "rw" => volume.read_only = false,
        "nocopy" => volume.volume = Some(VolumeOptions { nocopy: true }),
        "z" | "Z" => option.clone_into(&mut volume.bind.get_or_insert_default().selinux),
        "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
            option.clone_into(&mut volume.bind.get_or_insert_default().propagation);
        }
        _ => {}
    }
}

fn is_host_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~'])
        || source.starts_with("\\\\")
        || source.split_once(':').is_some_and(|(drive, _)| is_one_letter(drive))
}

impl Volume {
    /// The long form as a mapping whose nodes all stand at `span`.
    pub fn into_node(self, span: Span) -> Node {
        let kind = match self.kind {
            MountKind::Bind => "bind",
            MountKind::Volume => "volume",
        };
        let flag = |set: bool| set.then(|| Node::new(Value::Bool(true), span));
        let text = |text: String| (!text.is_empty()).then(|| Node::string(text, span));
        let bind = self.bind.map(|bind| {
            mapping(
                span,
                [
                    ("selinux", text(bind.selinux)),
                    ("propagation", text(bind.propagation)),
                    ("create_host_path", flag(bind.create_host_path)),
                ],
            )
        });
        let volume = self.volume.map(|volume| mapping(span, [("nocopy", flag(volume.nocopy))]));
        mapping(
            span,
            [
                ("type", text(kind.to_owned())),
                ("source", text(self.source)),
                ("target", text(self.target)),
                ("read_only", flag(self.read_only)),
                ("bind", bind),
                ("volume", volume),
            ],
        )
    }
}

fn mapping<const N: usize>(span: Span, entries: [(&str, Option<Node>); N]) -> Node {
    let map: Map =
        entries.into_iter().filter_map(|(key, node)| Some((Key { name: key.into(), span }, node?))).collect();
    Node::new(Value::Map(map), span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(spec: &str) -> String {
        let volume = parse_short(spec).unwrap();
        format!(
            "{:?} {}>{}{}",
            volume.kind,
            volume.source,
            volume.target,
            if volume.read_only { " ro" } else { "" }
        )
    }

    #[test]
    fn a_source_that_looks_like_a_path_is_a_bind() {
        assert_eq!(text("./a:/b"), "Bind ./a>/b");
        assert_eq!(text("~/a:/b:ro"), "Bind ~/a>/b ro");
        assert_eq!(text("c:\\a:/b"), "Bind c:\\a>/b");
        assert_eq!(text("\\\\.\\pipe\\x:/b"), "Bind \\\\.\\pipe\\x>/b");
        assert_eq!(text("data:/b"), "Volume data>/b");
    }

    #[test]
    fn one_section_is_an_anonymous_volume() {
        assert_eq!(text("/data"), "Volume >/data");
        assert_eq!(parse_short("/d").unwrap().volume, None);
        assert_eq!(parse_short("/dd").unwrap().volume, Some(VolumeOptions::default()));
    }

    #[test]
    fn a_one_letter_section_is_read_as_a_drive() {
        assert_eq!(text("a:/a"), "Volume >a:/a");
        assert_eq!(text("b:/b:ro"), "Bind b:/b>ro");
        assert_eq!(text("vol:d:\\x"), "Volume vol>d:\\x");
    }

    #[test]
    fn options_set_their_fields_and_unknown_ones_are_ignored() {
        let volume = parse_short("./a:/b:ro,z,rshared,cached").unwrap();
        assert!(volume.read_only);
        let bind = BindOptions { selinux: "z".into(), propagation: "rshared".into(), create_host_path: true };
        assert_eq!(volume.bind, Some(bind));
        assert_eq!(parse_short("vol:/b:nocopy").unwrap().volume, Some(VolumeOptions { nocopy: true }));
    }

    #[test]
    fn broken_specs_are_named_whole() {
        for (spec, error) in [
            ("", "invalid empty volume spec"),
            (":foo", "invalid spec: :foo: empty section between colons"),
            ("/foo::ro", "invalid spec: /foo::ro: empty section between colons"),
            ("./a:/b:ro:x", "invalid spec: ./a:/b:ro:x: too many colons"),
            (":d:\\target", "invalid spec: :d:\\target: empty section between colons"),
        ] {
            assert_eq!(parse_short(spec), Err(error.to_owned()));
        }
    }
}
