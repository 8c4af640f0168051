//! Diagnostics for people (source excerpt with a caret) and for programs (fields).

use super::excerpt::{found, shown, window};
use crate::compose::diagnostic::{Diagnostic, Severity, Sources, Way};
use crate::compose::node::{FileId, Span};
use crate::model::problem::{Problem, ProblemPlace};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

/// What a diagnostic points into.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The files.
    pub sources: &'a Sources,
    /// The process's working directory: paths below it are shown without it.
    pub cwd: &'a Path,
}

impl Scene<'_> {
    /// The path of a file as the user would name it.
    fn file(&self, file: FileId) -> String {
        let path = self.sources.path(file);
        let name = path.strip_prefix(self.cwd).unwrap_or(path);
        if name == Path::new("-") { "(standard input)".to_owned() } else { name.display().to_string() }
    }

    /// A sentence with the paths in it as the user would name them.
    fn sentence(&self, text: &str) -> String {
        match self.cwd.to_str() {
            Some(cwd) if cwd.len() > 1 => text.replace(&format!("{cwd}/"), ""),
            _ => text.to_owned(),
        }
    }

    /// The bytes of a place to underline: on one line, and whole characters.
    fn underlined(&self, span: Span) -> Range<usize> {
        let source = self.sources.text(span.file);
        let start = floor(source, span.start as usize);
        let line_end = source[start..].find(['\n', '\r']).map_or(source.len(), |at| start + at);
        let end = floor(source, (span.end as usize).clamp(start, line_end)).max(start);
        start..start + source[start..end].trim_end().len()
    }
}

/// The diagnostic as text, with the lines it is about.
pub fn text(diagnostic: &Diagnostic, scene: Scene<'_>) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = title(diagnostic, scene);
    let mut group = Group::with_title(level.primary_title(title.as_str()));
    let files = excerpts(diagnostic, scene);
    for excerpt in &files {
        let Some(source) = &excerpt.source else {
            let origin = Origin::path(excerpt.path.as_str()).line(excerpt.line).char_column(excerpt.column);
            group = group.element(origin);
            continue;
        };
        let mut snippet =
            Snippet::source(source.as_ref()).path(excerpt.path.as_str()).line_start(excerpt.line);
        for (kind, range, label) in &excerpt.marks {
            let annotation = kind.span(range.clone());
            snippet =
                snippet.annotation(if label.is_empty() { annotation } else { annotation.label(*label) });
        }
        group = group.element(snippet);
    }
    if !diagnostic.path.is_empty() {
        group = group.element(Level::NOTE.no_name().message(format!("at {}", diagnostic.path)));
    }
    for way in ways(diagnostic, scene) {
        let (line, _) = scene.sources.position(way.span);
        let text = format!("{} {}:{line}", way.verb, scene.file(way.span.file));
        group = group.element(Level::NOTE.no_name().message(text));
    }
    let hint = diagnostic.hint.as_deref().map(|hint| scene.sentence(hint));
    if let Some(hint) = &hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let mut text = Renderer::styled().decor_style(DecorStyle::Ascii).render(&[group]);
    text.push_str("\n\n");
    text
}

fn title(diagnostic: &Diagnostic, scene: Scene<'_>) -> String {
    let sentence = scene.sentence(diagnostic.text());
    match diagnostic.count() - 1 {
        0 => sentence,
        1 => format!("{sentence}, here and at 1 other place"),
        more => format!("{sentence}, here and at {more} other places"),
    }
}

/// A place in a file, and what to say about it.
type Mark<'a> = (AnnotationKind, Range<usize>, &'a str);

/// What is shown of one file.
struct Excerpt<'a> {
    path: String,
    /// The first line that is shown, and the column that the first mark begins in.
    line: usize,
    column: usize,
    /// The lines; none if they are too long for anybody to read.
    source: Option<Cow<'a, str>>,
    marks: Vec<Mark<'a>>,
}

/// The files that a diagnostic is about, that of its own place first.
fn excerpts<'a>(diagnostic: &'a Diagnostic, scene: Scene<'a>) -> Vec<Excerpt<'a>> {
    let own = diagnostic.place(scene.sources).map(|span| (AnnotationKind::Primary, span, ""));
    let others = diagnostic.other_places().iter();
    let others = others.map(|(span, label)| (AnnotationKind::Context, *span, label.as_str()));
    let mut files: Vec<(FileId, Vec<Mark<'_>>)> = Vec::new();
    for (kind, span, label) in own.into_iter().chain(others) {
        let mark = (kind, scene.underlined(span), label);
        let in_reach = |marks: &[Mark<'_>]| marks.iter().all(|(_, other, _)| is_near(other, &mark.1));
        match files.iter_mut().find(|(file, marks)| *file == span.file && in_reach(marks)) {
            Some((_, marks)) => marks.push(mark),
            None => files.push((span.file, vec![mark])),
        }
    }
    files.into_iter().map(|(file, marks)| excerpt(diagnostic, scene, file, marks)).collect()
}

/// Marks that are further from each other are shown apart: the renderer reads all that lies between.
fn is_near(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start.abs_diff(other.start) <= MAX_SHOWN
}

/// Bytes of one excerpt.
const MAX_SHOWN: usize = 64 << 10;

fn excerpt<'a>(
    diagnostic: &'a Diagnostic,
    scene: Scene<'a>,
    file: FileId,
    mut marks: Vec<Mark<'a>>,
) -> Excerpt<'a> {
    let text = scene.sources.text(file);
    let part = window(text, marks.iter().map(|(_, range, _)| range.clone()), MAX_SHOWN);
    let at = |byte: usize| {
        let byte = u32::try_from(byte).unwrap_or(u32::MAX);
        scene.sources.position(Span { file, start: byte, end: byte })
    };
    let (line, column) = match &part {
        Some(part) => (at(part.start).0, 1),
        None => marks.first().map_or((1, 1), |(_, range, _)| at(range.start)),
    };
    if let Some(part) = &part {
        for (_, range, _) in &mut marks {
            *range = range.start - part.start..range.end - part.start;
        }
    }
    let source = part.map(|part| shown(diagnostic, scene.sources, file, part));
    Excerpt { path: scene.file(file), line, column, source, marks }
}

/// How the file of a diagnostic came to be part of the project.
fn ways(diagnostic: &Diagnostic, scene: Scene<'_>) -> Vec<Way> {
    diagnostic.span.map_or_else(Vec::new, |span| scene.sources.ways_to(span.file))
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The diagnostic as JSON.
pub fn fields(diagnostic: &Diagnostic, scene: Scene<'_>, stack: Option<&str>) -> Value {
    serde_json::to_value(problem(diagnostic, scene, stack)).unwrap_or_default()
}

/// The diagnostic as it is told in JSON.
pub fn problem(diagnostic: &Diagnostic, scene: Scene<'_>, stack: Option<&str>) -> Problem {
    let span = diagnostic.place(scene.sources);
    let place = span.map(|span| scene.sources.position(span));
    let found = span.map(|span| found(diagnostic, scene.sources, span.file, scene.underlined(span)));
    let there = |span: Span, message: &str| {
        let (line, column) = scene.sources.position(span);
        ProblemPlace { file: scene.file(span.file), line, column, message: message.to_owned() }
    };
    let ways = ways(diagnostic, scene);
    Problem {
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        stack: stack.map(str::to_owned),
        message: scene.sentence(diagnostic.text()),
        count: diagnostic.count(),
        path: diagnostic.path.clone(),
        file: span.map(|span| scene.file(span.file)),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        found,
        allowed: diagnostic.choices().to_vec(),
        hint: diagnostic.hint.as_deref().map(|hint| scene.sentence(hint)),
        related: diagnostic.other_places().iter().map(|(span, label)| there(*span, label)).collect(),
        chain: ways.iter().map(|way| there(way.span, way.verb)).collect(),
    }
}

/// A diagnostic on one line, with its place.
pub fn line(diagnostic: &Diagnostic, scene: Scene<'_>) -> String {
    let place = diagnostic.place(scene.sources).map(|span| {
        let (line, column) = scene.sources.position(span);
        format!("{}:{line}:{column}: ", scene.file(span.file))
    });
    format!("{}{}", place.unwrap_or_default(), scene.sentence(diagnostic.text()))
}

#[cfg(test)]
mod tests {
    use super::{Scene, fields, line, text};
    use crate::compose::diagnostic::{Diagnostic, Sources};
    use crate::compose::node::Span;
    use std::path::Path;

    fn example() -> (Diagnostic, Sources) {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("/p/compose.yaml"), "services:\n  wéb:\n    imge: x\n".into());
        let span = Span { file, start: 22, end: 29 };
        let diagnostic = Diagnostic::error("/p/compose.yaml: additional properties")
            .plain("unknown key `imge`")
            .at("services.wéb.imge")
            .span(span)
            .focus("imge")
            .also(Span { file, start: 12, end: 16 }, "in this service")
            .allowed(["image", "init"])
            .hint("did you mean `image`?");
        (diagnostic, sources)
    }

    #[test]
    fn text_shows_the_line_and_the_hint() {
        let (diagnostic, sources) = example();
        let text = text(&diagnostic, Scene { sources: &sources, cwd: Path::new("/p") });
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.starts_with("error: unknown key `imge`\n"), "{text}");
        assert!(text.contains(" compose.yaml:3:5\n"), "{text}");
        assert!(text.contains("    ^^^^\n") && text.contains(" --- in this service"), "{text}");
        assert!(text.contains("did you mean `image`?"), "{text}");
    }

    #[test]
    fn fields_name_place_and_choices() {
        let (diagnostic, sources) = example();
        let scene = Scene { sources: &sources, cwd: Path::new("/p") };
        assert_eq!(line(&diagnostic, scene), "compose.yaml:3:5: unknown key `imge`");
        let fields = fields(&diagnostic, Scene { sources: &sources, cwd: Path::new("/p") }, Some("web"));
        assert_eq!((fields["line"].as_u64(), fields["column"].as_u64()), (Some(3), Some(5)));
        assert_eq!((&fields["stack"], &fields["file"]), (&"web".into(), &"compose.yaml".into()));
        assert_eq!((&fields["found"], &fields["allowed"][1]), (&"imge".into(), &"init".into()));
        assert_eq!(fields["related"][0]["line"], 2);
    }
}
