//! What a value of an attribute may be, as plain data.

use super::Object;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Null.
    Null,
    /// A boolean.
    Bool,
    /// A whole number; a float without fraction counts.
    Int,
    /// Any number.
    Number,
    /// A string.
    String,
    /// A list.
    List,
    /// A mapping.
    Map,
}

/// What a value may be.
#[derive(Debug)]
pub enum Shape {
    /// Anything: not looked at.
    Any,
    /// A value of one of these kinds; lists and mappings are not looked into.
    Kinds(&'static [Kind]),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A string with a part that matches.
    Pattern {
        /// The pattern as messages show it.
        shown: &'static str,
        /// Whether a string matches.
        matches: fn(&str) -> bool,
    },
    /// A whole number from `min` to `max`, both included.
    Range {
        /// The least that is allowed.
        min: i128,
        /// The most that is allowed.
        max: i128,
    },
    /// A list.
    List {
        /// What its elements may be.
        items: &'static Shape,
        /// Whether equal elements are allowed.
        repeats: Repeats,
    },
    /// A mapping from names that the user chooses.
    Map {
        /// Which names are spoken about.
        names: Names,
        /// What stands under them.
        values: &'static Shape,
        /// What becomes of other names.
        others: Others,
    },
    /// A mapping of known fields, or a value of one of the kinds in `or`.
    Object {
        /// The fields.
        object: &'static Object,
        /// What may stand in place of the mapping.
        or: &'static [Kind],
    },
    /// One of several shapes, each for other kinds of value.
    OneOf(&'static [Shape]),
}

/// Whether a list may hold equal elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It may.
    Allowed,
    /// It may not.
    Refused,
}

/// Names that a user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Letters, digits, `.`, `_` and `-`.
    Resource,
    /// Lower-case letters.
    Lowercase,
    /// At least one character on one line.
    Line,
    /// At least one character that is not a newline.
    Text,
}

impl Names {
    /// Whether a name is one of these.
    pub fn accept(self, name: &str) -> bool {
        let of = |accepted: fn(&u8) -> bool| !name.is_empty() && name.bytes().all(|byte| accepted(&byte));
        match self {
            Self::Resource => of(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)),
            Self::Lowercase => of(u8::is_ascii_lowercase),
            Self::Line => of(|byte| *byte != b'\n'),
            Self::Text => name.contains(|c| c != '\n'),
        }
    }
}

/// What becomes of names that a mapping does not speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They are errors.
    Refused,
    /// They are errors unless they begin with `x-`.
    Extensions,
    /// They are not looked at.
    Unchecked,
}

/// Whether an attribute may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It may.
    Optional,
    /// It may not.
    Required,
}

/// A mapping.
pub(super) const fn object(object: &'static Object) -> Shape {
    Shape::Object { object, or: &[] }
}

/// A mapping or null.
pub(super) const fn nullable(object: &'static Object) -> Shape {
    Shape::Object { object, or: &[Kind::Null] }
}

// The rows hold references to other rows. What a function is given does not live for ever, so what refers to
// something is written with macros, whose `const` blocks do.

/// A mapping from names that the user chooses.
macro_rules! map {
    ($names:expr, $values:expr, $others:expr $(,)?) => {
        $crate::compose::attributes::shape::Shape::Map {
            names: $names,
            values: const { &$values },
            others: $others,
        }
    };
}

/// One of several shapes.
macro_rules! one_of {
    ($($shape:expr),+ $(,)?) => {
        $crate::compose::attributes::shape::Shape::OneOf(const { &[$($shape),+] })
    };
}

/// A list that may hold equal elements.
macro_rules! list {
    ($items:expr) => {
        $crate::compose::attributes::shape::Shape::List {
            items: const { &$items },
            repeats: $crate::compose::attributes::shape::Repeats::Allowed,
        }
    };
}

/// A list without equal elements.
macro_rules! set {
    ($items:expr) => {
        $crate::compose::attributes::shape::Shape::List {
            items: const { &$items },
            repeats: $crate::compose::attributes::shape::Repeats::Refused,
        }
    };
}

pub(super) use {list, map, one_of, set};

/// A string.
pub(super) const S: Shape = Shape::Kinds(&[Kind::String]);
/// A whole number.
pub(super) const I: Shape = Shape::Kinds(&[Kind::Int]);
/// A number.
pub(super) const N: Shape = Shape::Kinds(&[Kind::Number]);
/// A boolean.
pub(super) const B: Shape = Shape::Kinds(&[Kind::Bool]);
/// A boolean or a string with one.
pub(super) const BS: Shape = Shape::Kinds(&[Kind::Bool, Kind::String]);
/// A whole number or a string with one.
pub(super) const IS: Shape = Shape::Kinds(&[Kind::Int, Kind::String]);
/// A number or a string with one.
pub(super) const NS: Shape = Shape::Kinds(&[Kind::Number, Kind::String]);
/// Null.
pub(super) const NULL: Shape = Shape::Kinds(&[Kind::Null]);
/// A list of strings.
pub(super) const STRINGS: Shape = list![S];
/// A list of different strings.
pub(super) const SET: Shape = set![S];
/// A string or a list of different ones.
pub(super) const STRING_OR_SET: Shape = one_of![S, SET];
/// A string or a list of strings.
pub(super) const STRING_OR_LIST: Shape = one_of![S, STRINGS];
/// A command line: nothing, words as one string, or a list of words.
pub(super) const COMMAND: Shape = one_of![NULL, S, STRINGS];
/// Keys with values: a mapping to scalars, or a list of `KEY=VALUE`.
pub(super) const KEY_VALUES: Shape = one_of![
    map![Names::Text, Shape::Kinds(&[Kind::String, Kind::Number, Kind::Bool, Kind::Null]), Others::Refused],
    SET,
];
/// Options of a driver.
pub(super) const DRIVER_OPTIONS: Shape = map![Names::Line, NS, Others::Unchecked];
