//! The shape of canonical objects: which attributes an object has, in which order they are printed, what
//! each holds and when it is left out.

/// One object of the compose model.
#[derive(Debug)]
pub struct Object {
    /// The attributes in the order in which they are printed.
    pub fields: &'static [Field],
    /// Whether the object keeps its `x-` keys.
    pub extensions: bool,
}

/// One attribute: the only place where it is described for typing and printing.
#[derive(Debug)]
pub struct Field {
    /// The key in compose files and in canonical YAML.
    pub name: &'static str,
    /// The key in canonical JSON, which differs from `name` in a few objects.
    pub json: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// When it is printed.
    pub keep: Keep,
}

/// When an attribute is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// If it is not the zero of its kind: false, 0, empty text, list or mapping.
    NonZero,
    /// If the file gives it, whatever it holds.
    Set,
    /// In JSON always; in YAML only if something is in it.
    JsonAlways,
    /// Always.
    Always,
}

/// The width of a whole number and how the reference names its type in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Signed.
    Int,
    /// Signed; reads text as `ParseInt` rather than `Atoi`.
    Int64,
    /// Unsigned, reads text.
    Uint64,
    /// Unsigned, does not read text.
    Uint32,
    /// Unsigned, does not read text.
    Uint16,
}

/// What an attribute holds, and how it is written in canonical form.
#[derive(Debug)]
pub enum Kind {
    /// Text; integers are taken as their decimal text.
    Text,
    /// True or false, also as a word.
    Bool,
    /// A whole number.
    Int(Width),
    /// A number in single precision; text is read where the schema lets it through.
    Float,
    /// A count of CPUs.
    Cpus,
    /// An amount of memory, written as decimal text.
    Bytes,
    /// A span of time, written as `1m30s`.
    Duration,
    /// Permission bits, written as octal text.
    FileMode,
    /// A count of devices; `all` is -1.
    DeviceCount,
    /// A resource limit: one number, or soft and hard.
    Ulimit,
    /// A command, split into words if it is one string; null if the image decides.
    Command,
    /// A health check's test; one string is a shell command.
    Test,
    /// A list of texts or numbers.
    Texts,
    /// A list of texts, or one text.
    OneOrMoreTexts,
    /// A list of scalars, written as text.
    ScalarTexts,
    /// `key=value` list or mapping; a key without value has the empty text.
    Pairs,
    /// `key=value` list or mapping; a key without value stays null.
    OptionalPairs,
    /// A mapping of scalars, written as text.
    Options,
    /// A mapping of scalars or lists of them, written as lists of text.
    MultiOptions,
    /// A mapping of texts or integers.
    StringMap,
    /// Extra host lines.
    Hosts,
    /// SSH keys of a build.
    Ssh,
    /// Another object.
    One(&'static Object),
    /// A list.
    List(&'static Kind),
    /// A mapping by names of the user's choice; `x-` names are ordinary, null is the empty object.
    Named(&'static Kind),
    /// A mapping by name where null stays null.
    Map(&'static Kind),
}

impl Field {
    const fn new(name: &'static str, kind: Kind, keep: Keep) -> Self {
        Self { name, json: name, kind, keep }
    }

    /// An attribute under another key in JSON.
    const fn json(mut self, json: &'static str) -> Self {
        self.json = json;
        self
    }
}

/// An attribute that is printed unless it is zero.
pub(super) const fn plain(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, Keep::NonZero)
}

/// An attribute that is printed if given.
pub(super) const fn set(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, Keep::Set)
}

/// An attribute that JSON always has.
pub(super) const fn json_always(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, Keep::JsonAlways)
}

/// An attribute that is always printed.
pub(super) const fn always(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, Keep::Always)
}

/// An attribute that is always printed and has another key in JSON.
pub(super) const fn always_as(name: &'static str, json: &'static str, kind: Kind) -> Field {
    always(name, kind).json(json)
}

/// An object with `x-` keys.
pub(super) const fn open(fields: &'static [Field]) -> Object {
    Object { fields, extensions: true }
}

/// An object whose `x-` keys are dropped.
pub(super) const fn closed(fields: &'static [Field]) -> Object {
    Object { fields, extensions: false }
}
