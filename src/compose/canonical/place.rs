//! Where in the project a value stands, built up while walking down and written out only for errors.

/// A step down from the parent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// An attribute of an object.
    Field(&'a str),
    /// A name in a mapping of the user's choice.
    Key(&'a str),
    /// An element of a list.
    Index(usize),
}

/// A place in the project.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    above: Option<(&'a Place<'a>, Step<'a>)>,
}

impl<'a> Place<'a> {
    /// The place one step down.
    pub(super) fn down(&'a self, step: Step<'a>) -> Place<'a> {
        Place { above: Some((self, step)) }
    }

    /// The place as the reference's errors name it: `services[web].ports[0].target`.
    pub(super) fn quoted(&self) -> String {
        self.written(|name| format!("[{name}]"))
    }

    /// The dotted path: `services.web.ports[0].target`.
    pub(super) fn dotted(&self) -> String {
        self.written(|name| format!(".{name}"))
    }

    fn written(&self, key: impl Fn(&str) -> String + Copy) -> String {
        let Some((above, step)) = self.above else { return String::new() };
        let mut text = above.written(key);
        match step {
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.extend([".", name]),
            Step::Key(name) => text.push_str(&key(name)),
            Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
        }
        text
    }
}
