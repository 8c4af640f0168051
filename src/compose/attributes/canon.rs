//! What an attribute becomes in canonical form, as plain data.

use super::Object;

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
pub enum Type {
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
    /// Resource limits by name: one number, or soft and hard.
    Ulimits,
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
    /// A list of objects.
    List(&'static Object),
    /// A mapping by names of the user's choice to objects; `x-` names are ordinary, null is the empty object.
    Named(&'static Object),
    /// A mapping by name to objects where null stays null.
    Map(&'static Object),
}
