//! The table of attributes: one row says of an attribute of a compose file what it may be, how it merges and is written out,
//! what becomes of it on the engine and how it is printed. The check for unknown keys and wrong values (`schema`), `merge`,
//! `unique`, `long_form`, `defaults`, `paths`, `interpolate`, `canonical`, `render`, `support` and with it
//! `docs/compatibility.md` read it; none of them lists attributes of its own. What cannot be said in a word stays a function
//! of these modules, which the row names.
//!
//! Reference: docker compose 2.40 with the schema of compose-go 2.9.1. Rows stand in the order in which it prints them.

mod build;
pub mod canon;
mod deploy;
mod mount;
mod parts;
mod project;
mod service;
pub mod shape;

use super::defaults::Fill;
use super::interpolate::Cast;
use super::long_form::Convert;
use super::merge::Rule;
use super::paths::Reading;
use super::support::Status;
use super::unique::Identity;
use canon::{Keep, Type};
pub use parts::ENV_FILE;
pub use project::{NETWORK, PROJECT, VOLUME};
pub use service::SERVICE;
use shape::{Others, Presence, Shape};

/// Why attributes of a Swarm have no effect.
const SWARM: &str = "only a Swarm reads it";

/// A mapping of known attributes.
#[derive(Debug)]
pub struct Object {
    /// The attributes in the order in which they are printed; messages name required ones in it too.
    pub fields: &'static [Field],
    /// What becomes of other keys.
    pub others: Others,
    /// Whether the canonical form keeps its `x-` keys.
    pub extensions: bool,
}

impl Object {
    /// The attribute with a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The attributes by name.
    pub fn sorted(&self) -> Vec<&'static Field> {
        let mut fields: Vec<&'static Field> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.name);
        fields
    }

    /// The attributes that the canonical form has, with what they hold there.
    pub fn printed(&self) -> impl Iterator<Item = (&'static Field, &'static Type)> {
        self.fields.iter().filter_map(|field| Some((field, field.ty.as_ref()?)))
    }
}

/// One row of the table: an attribute.
#[derive(Debug)]
pub struct Field {
    /// The key in compose files and in canonical YAML.
    pub name: &'static str,
    /// The key in canonical JSON, which differs from `name` in a few objects.
    pub json: &'static str,
    /// What may be written.
    pub shape: Shape,
    /// Whether it may be left out.
    pub presence: Presence,
    /// What it holds in canonical form; nothing if it is gone by then.
    pub ty: Option<Type>,
    /// When it is printed.
    pub keep: Keep,
    /// What becomes of it. Left out, the attributes in it say so themselves, or what it stands in does.
    pub status: Option<Status>,
    /// What becomes of it with some values, or of some of its elements: `=value` or `[1]`.
    pub narrowed: &'static [(&'static str, Status)],
    /// How its value is treated while a project is loaded.
    pub(in crate::compose) whole: Facts,
    /// The same for each element of a list, or each value of a mapping of the user's names.
    pub(in crate::compose) each: Facts,
}

/// How a value is treated while a project is loaded.
#[derive(Debug, Clone, Copy)]
pub(in crate::compose) struct Facts {
    /// What a string becomes as soon as its variables are substituted.
    pub cast: Option<Cast>,
    /// How it merges with what a later document says, where that does not follow from its kind.
    pub merge: Option<Rule>,
    /// What tells the elements of a list apart, of which a later one then replaces an earlier one.
    pub unique: Option<Identity>,
    /// How its short form becomes the long one.
    pub long: Option<Convert>,
    /// How it is completed with what it leaves out.
    pub fill: Option<Fill>,
    /// How it names a path.
    pub path: Option<Reading>,
}

impl Facts {
    const NONE: Self = Self { cast: None, merge: None, unique: None, long: None, fill: None, path: None };
}

impl Field {
    const fn new(name: &'static str, shape: Shape, ty: Option<Type>) -> Self {
        Self {
            name,
            json: name,
            shape,
            presence: Presence::Optional,
            ty,
            keep: Keep::NonZero,
            status: None,
            narrowed: &[],
            whole: Facts::NONE,
            each: Facts::NONE,
        }
    }

    /// It may not be left out.
    const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    /// It is printed if given, whatever it holds.
    const fn set(mut self) -> Self {
        self.keep = Keep::Set;
        self
    }

    /// JSON always has it.
    const fn json_always(mut self) -> Self {
        self.keep = Keep::JsonAlways;
        self
    }

    /// It is always printed.
    const fn always(mut self) -> Self {
        self.keep = Keep::Always;
        self
    }

    /// It has another key in JSON.
    const fn json(mut self, json: &'static str) -> Self {
        self.json = json;
        self
    }

    const fn cast(mut self, cast: Cast) -> Self {
        self.whole.cast = Some(cast);
        self
    }

    const fn cast_each(mut self, cast: Cast) -> Self {
        self.each.cast = Some(cast);
        self
    }

    const fn merge(mut self, rule: Rule) -> Self {
        self.whole.merge = Some(rule);
        self
    }

    const fn merge_each(mut self, rule: Rule) -> Self {
        self.each.merge = Some(rule);
        self
    }

    const fn unique(mut self, identity: Identity) -> Self {
        self.whole.unique = Some(identity);
        self
    }

    const fn long(mut self, convert: Convert) -> Self {
        self.whole.long = Some(convert);
        self
    }

    const fn long_each(mut self, convert: Convert) -> Self {
        self.each.long = Some(convert);
        self
    }

    const fn fill(mut self, fill: Fill) -> Self {
        self.whole.fill = Some(fill);
        self
    }

    const fn fill_each(mut self, fill: Fill) -> Self {
        self.each.fill = Some(fill);
        self
    }

    const fn path(mut self, reading: Reading) -> Self {
        self.whole.path = Some(reading);
        self
    }

    const fn path_each(mut self, reading: Reading) -> Self {
        self.each.path = Some(reading);
        self
    }

    /// It is carried out.
    const fn full(mut self) -> Self {
        self.status = Some(Status::Full);
        self
    }

    /// It has no effect, as with the reference, and nobody is told.
    const fn ignored(mut self, reason: &'static str) -> Self {
        self.status = Some(Status::Ignored(reason));
        self
    }

    /// It has no effect, and its author is warned.
    const fn warned(mut self, reason: &'static str) -> Self {
        self.status = Some(Status::Warned(reason));
        self
    }

    /// The stack does not load with it.
    const fn refused(mut self, reason: &'static str) -> Self {
        self.status = Some(Status::Refused(reason));
        self
    }

    const fn narrowed(mut self, narrowed: &'static [(&'static str, Status)]) -> Self {
        self.narrowed = narrowed;
        self
    }
}

/// An attribute that the canonical form has.
const fn row(name: &'static str, shape: Shape, ty: Type) -> Field {
    Field::new(name, shape, Some(ty))
}

/// An attribute that is gone from the canonical form.
const fn unprinted(name: &'static str, shape: Shape) -> Field {
    Field::new(name, shape, None)
}

// The rows hold references to other rows. What a function is given does not live for ever, so objects are written with
// macros, whose `const` blocks do.

macro_rules! object_of {
    ($others:ident, $extensions:literal, $($field:expr),+) => {
        $crate::compose::attributes::Object {
            fields: const { &[$($field),+] },
            others: $crate::compose::attributes::shape::Others::$others,
            extensions: $extensions,
        }
    };
}

/// A mapping of attributes, with room for `x-` keys.
macro_rules! open {
    ($($field:expr),+ $(,)?) => { $crate::compose::attributes::object_of![Extensions, true, $($field),+] };
}

/// The same; its `x-` keys are not printed.
macro_rules! swept {
    ($($field:expr),+ $(,)?) => { $crate::compose::attributes::object_of![Extensions, false, $($field),+] };
}

/// A mapping of attributes and nothing else.
macro_rules! closed {
    ($($field:expr),+ $(,)?) => { $crate::compose::attributes::object_of![Refused, false, $($field),+] };
}

/// A mapping of attributes beside which anything may stand; it is not printed.
macro_rules! unchecked {
    ($($field:expr),+ $(,)?) => { $crate::compose::attributes::object_of![Unchecked, false, $($field),+] };
}

use {closed, object_of, open, swept, unchecked};

/// One step down to a value.
#[derive(Debug, Clone, Copy)]
pub(in crate::compose) enum Step<'k> {
    /// To a key.
    Key(&'k str),
    /// To an element of a list.
    Element,
}

/// How the value at the end of a path from the top is treated.
pub(in crate::compose) fn at<'k>(path: impl Iterator<Item = Step<'k>>) -> Option<&'static Facts> {
    let mut shape = &Shape::Object { object: &PROJECT, or: &[] };
    let mut attribute: Option<&'static Field> = None;
    let mut depth = 0;
    for step in path {
        match down(shape, step)? {
            Down::Field(field) => (shape, attribute, depth) = (&field.shape, Some(field), 0),
            Down::Entry(entry) => (shape, depth) = (entry, depth + 1),
        }
    }
    match depth {
        0 => attribute.map(|field| &field.whole),
        1 => attribute.map(|field| &field.each),
        _ => None,
    }
}

enum Down {
    Field(&'static Field),
    Entry(&'static Shape),
}

fn down(shape: &Shape, step: Step<'_>) -> Option<Down> {
    match (shape, step) {
        (Shape::Object { object, .. }, Step::Key(key)) => object.field(key).map(Down::Field),
        (Shape::Map { values, .. }, Step::Key(_)) => Some(Down::Entry(values)),
        (Shape::List { items, .. }, Step::Element) => Some(Down::Entry(items)),
        (Shape::OneOf(branches), _) => branches.iter().find_map(|branch| down(branch, step)),
        _ => None,
    }
}

/// The dotted patterns (`*` for any key or element) of what a fact is about, with the fact; outer ones go before inner ones.
pub(in crate::compose) fn rules<T>(fact: impl Fn(&Facts) -> Option<T>) -> Vec<(String, T)> {
    let mut found = Vec::new();
    each(&mut |path, field| {
        found.extend(fact(&field.whole).map(|fact| (path.replace("[]", ".*"), fact)));
        found.extend(fact(&field.each).map(|fact| (format!("{}.*", path.replace("[]", ".*")), fact)));
        Inside::Visited
    });
    found
}

/// The sections of named resources.
pub(in crate::compose) fn sections() -> impl Iterator<Item = &'static str> {
    PROJECT.fields.iter().filter(|field| matches!(field.shape, Shape::Map { .. })).map(|field| field.name)
}

/// What is to become of the attributes inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compose) enum Inside {
    /// They are visited.
    Visited,
    /// They are left out.
    Skipped,
}

/// Calls `visit` with every attribute and its key path, in which `*` is any name and `[]` any element of a list.
pub(in crate::compose) fn each(visit: &mut dyn FnMut(&str, &'static Field) -> Inside) {
    fields(&PROJECT, "", visit);
}

fn fields(object: &'static Object, above: &str, visit: &mut dyn FnMut(&str, &'static Field) -> Inside) {
    for field in object.fields {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        if visit(&path, field) == Inside::Visited {
            inside(&field.shape, &path, visit);
        }
    }
}

fn inside(shape: &'static Shape, path: &str, visit: &mut dyn FnMut(&str, &'static Field) -> Inside) {
    match shape {
        Shape::Object { object, .. } => fields(object, path, visit),
        Shape::Map { values, .. } => inside(values, &format!("{path}.*"), visit),
        Shape::List { items, .. } => inside(items, &format!("{path}[]"), visit),
        Shape::OneOf(branches) => branches.iter().for_each(|branch| inside(branch, path, visit)),
        Shape::Any | Shape::Kinds(_) | Shape::Word(_) | Shape::Pattern { .. } | Shape::Range { .. } => {}
    }
}

#[cfg(test)]
mod tests;
