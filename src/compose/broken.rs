//! What of a project is known to be broken, so that loading can go on and yet nobody is told what only follows from
//! something told already.

use super::attributes;
use super::diagnostic::{Diagnostic, Lack};
use super::node::{FileId, Span};
use std::collections::BTreeSet;

/// The broken parts of one project.
#[derive(Debug, Clone, Default)]
pub struct Broken {
    /// Key paths of errors.
    paths: BTreeSet<String>,
    /// Where errors stand: what is extended or included goes by several paths.
    spans: BTreeSet<(FileId, u32, u32)>,
    /// Services that lack what they extend.
    headless: BTreeSet<String>,
    /// Whether files are missing, so that anything may stand in them.
    lacks_files: bool,
    /// Whether variables may have values that could not be read.
    lacks_variables: bool,
    /// Sections that may lack entries.
    sections: BTreeSet<String>,
}

impl Broken {
    /// Keeps what does not follow from earlier errors, and notes where its errors are.
    pub fn keep(&mut self, new: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut kept = Vec::with_capacity(new.len());
        for one in new {
            if self.lacks_variables && one.unset_variable().is_some() {
                self.note(&one);
            } else if !(one.is_error() && self.leads_to(&one)) {
                kept.push(one);
            }
        }
        for error in kept.iter().filter(|one| one.is_error()) {
            self.note(error);
        }
        kept
    }

    /// Notes that something is broken at the place of a diagnostic.
    fn note(&mut self, diagnostic: &Diagnostic) {
        self.note_place(&diagnostic.path, diagnostic.span.unwrap_or_default());
    }

    /// Notes that something is broken at a key path, and where that is.
    pub fn note_place(&mut self, path: &str, span: Span) {
        self.note_path(path);
        if span != Span::default() {
            self.spans.insert((span.file, span.start, span.end));
        }
    }

    /// Notes that something is broken at a key path.
    pub fn note_path(&mut self, path: &str) {
        if !path.is_empty() {
            self.paths.insert(path.to_owned());
        }
    }

    /// Notes that a file of the project could not be read.
    pub fn lacks_a_file(&mut self) {
        self.lacks_files = true;
    }

    /// Notes that variables may have values that could not be read.
    pub fn lacks_variables(&mut self) {
        self.lacks_variables = true;
    }

    /// Notes that a service lacks what it extends.
    pub fn lacks_base(&mut self, service: &str) {
        self.headless.insert(format!("services.{service}"));
    }

    /// Notes that errors found up to here may have cost sections their entries: unknown keys at the top, and names that
    /// cannot be.
    pub fn judge_sections(&mut self) {
        let of_section = |path: &String| -> Vec<String> {
            match path.split_once('.') {
                _ if path.contains('[') => Vec::new(),
                None if attributes::sections().any(|section| section == path) => vec![path.clone()],
                None => attributes::sections().map(str::to_owned).collect(),
                Some((section, name)) if !name.contains('.') => vec![section.to_owned()],
                Some(_) => Vec::new(),
            }
        };
        self.sections.extend(self.paths.iter().flat_map(of_section).collect::<Vec<_>>());
    }

    /// Whether a file of the project could not be read.
    pub fn is_incomplete(&self) -> bool {
        self.lacks_files
    }

    /// Whether something is broken at a key path or below it.
    pub fn is_at_or_below(&self, path: &str) -> bool {
        self.paths.contains(path) || self.is_below(path)
    }

    fn is_below(&self, path: &str) -> bool {
        [".", "["].iter().any(|next| {
            let start = format!("{path}{next}");
            self.paths.range(start.clone()..).next().is_some_and(|found| found.starts_with(&start))
        })
    }

    /// Whether an error follows from what is broken.
    fn leads_to(&self, one: &Diagnostic) -> bool {
        let path = one.path.as_str();
        let ends = path.char_indices().filter(|(_, char)| matches!(char, '.' | '[')).map(|(at, _)| at);
        let above = || ends.clone().chain([path.len()]).any(|end| self.paths.contains(&path[..end]));
        let below = || match one.lack() {
            Some(Lack::Key(keys)) => keys.iter().any(|key| self.is_at_or_below(&format!("{path}.{key}"))),
            Some(Lack::Entry(_)) | None => self.is_below(path),
        };
        (!path.is_empty() && (above() || below()))
            || one.span.is_some_and(|Span { file, start, end }| self.spans.contains(&(file, start, end)))
            || one.lack().is_some_and(|lack| self.may_hold(lack, path))
    }

    /// Whether what an error misses may stand in a part that could not be read.
    fn may_hold(&self, lack: &Lack, path: &str) -> bool {
        let is_headless = || {
            let mut parts = path.splitn(3, '.');
            let service = [parts.next(), parts.next()].map(Option::unwrap_or_default).join(".");
            self.headless.contains(&service)
        };
        self.lacks_files
            || match lack {
                Lack::Key(_) => is_headless(),
                Lack::Entry(section) => self.sections.contains(*section),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &str) -> Diagnostic {
        Diagnostic::error("x").at(path)
    }

    fn paths(kept: &[Diagnostic]) -> Vec<&str> {
        kept.iter().map(|one| one.path.as_str()).collect()
    }

    #[test]
    fn what_is_found_above_or_below_an_error_follows_from_it() {
        let mut broken = Broken::default();
        assert_eq!(broken.keep(vec![error("services.a.ports[0]"), error("services.a.ports[0]")]).len(), 2);
        let later =
            ["services.a.ports", "services.a.ports[0].target", "services.a.ports[1]", "services.a-b", ""];
        let kept = broken.keep(later.map(error).into());
        assert_eq!(paths(&kept), ["services.a.ports[1]", "services.a-b", ""]);
    }

    #[test]
    fn a_missing_key_follows_from_an_error_in_it_and_from_no_other_below() {
        let missing = || vec![error("services.a").lacks(Lack::Key(vec!["image", "build"]))];
        let mut broken = Broken::default();
        broken.note_path("services.a.restart");
        assert_eq!(broken.keep(missing()).len(), 1);
        let mut broken = Broken::default();
        broken.note_path("services.a.build.context");
        assert!(broken.keep(missing()).is_empty());
    }

    #[test]
    fn what_is_missing_may_stand_in_a_file_that_cannot_be_read() {
        let missing = || vec![error("services.a").lacks(Lack::Key(vec!["image"])), error("services.b.image")];
        assert_eq!(Broken::default().keep(missing()).len(), 2);
        let mut broken = Broken::default();
        broken.lacks_a_file();
        assert_eq!(paths(&broken.keep(missing())), ["services.b.image"]);
        let mut broken = Broken::default();
        broken.lacks_base("a");
        assert_eq!(paths(&broken.keep(missing())), ["services.b.image"]);
    }

    #[test]
    fn a_bad_name_in_a_section_excuses_references_to_it_and_no_others() {
        let mut broken = Broken::default();
        broken.keep(vec![error("networks.my net")]);
        broken.judge_sections();
        let lacking = |section| error("services.a.x").lacks(Lack::Entry(section));
        assert_eq!(broken.keep(vec![lacking("networks"), lacking("volumes")]).len(), 1);
    }

    #[test]
    fn a_variable_may_be_set_in_a_file_that_cannot_be_read() {
        let mut broken = Broken::default();
        broken.lacks_variables();
        let unset = Diagnostic::warning("unset").variable("TAG").at("services.a.image");
        assert!(broken.keep(vec![unset]).is_empty());
        assert!(broken.keep(vec![error("services.a.image")]).is_empty());
    }
}
