//! Diagnostics for people (source excerpt with a caret) and for programs (fields).

use crate::compose::diagnostic::{Diagnostic, Severity, Sources};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

/// The diagnostic as text, with the lines it is about.
pub fn text(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    let path;
    if let Some(span) = diagnostic.span {
        let source = sources.text(span.file);
        path = sources.path(span.file).display().to_string();
        let start = floor(source, span.start as usize);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let end = floor(source, (span.end as usize).clamp(start, line_end)).max(start);
        group = group.element(
            Snippet::source(source).path(path.as_str()).annotation(AnnotationKind::Primary.span(start..end)),
        );
    }
    if !diagnostic.path.is_empty() {
        group = group.element(Level::NOTE.message(format!("at {}", diagnostic.path)));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let mut text = Renderer::styled().decor_style(DecorStyle::Ascii).render(&[group]);
    text.push('\n');
    text
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The diagnostic as fields.
pub fn fields(diagnostic: &Diagnostic, sources: &Sources, stack: Option<&str>) -> Value {
    let place = diagnostic.span.map(|span| (sources.path(span.file), sources.position(span)));
    json!({
        "severity": match diagnostic.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "stack": stack,
        "message": diagnostic.message,
        "path": diagnostic.path,
        "file": place.as_ref().map(|(file, _)| file.display().to_string()),
        "line": place.as_ref().map(|(_, (line, _))| line),
        "column": place.as_ref().map(|(_, (_, column))| column),
        "hint": diagnostic.hint,
    })
}

#[cfg(test)]
mod tests {
    use super::{fields, text};
    use crate::compose::diagnostic::{Diagnostic, Sources};
    use crate::compose::node::Span;
    use std::path::Path;

    fn example() -> (Diagnostic, Sources) {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("compose.yaml"), "services:\n  wéb:\n    imge: x\n".into());
        let span = Span { file, start: 22, end: 26 };
        let diagnostic = Diagnostic::error("unknown key `imge`")
            .at("services.wéb.imge")
            .span(span)
            .hint("did you mean `image`?");
        (diagnostic, sources)
    }

    #[test]
    fn text_shows_the_line_and_the_hint() {
        let (diagnostic, sources) = example();
        let text = anstream::adapter::strip_str(&text(&diagnostic, &sources)).to_string();
        assert!(text.contains("compose.yaml:3:5"), "{text}");
        assert!(text.contains("^^^^"), "{text}");
        assert!(text.contains("did you mean `image`?"), "{text}");
    }

    #[test]
    fn fields_name_line_and_column() {
        let (diagnostic, sources) = example();
        let fields = fields(&diagnostic, &sources, Some("web"));
        assert_eq!((fields["line"].as_u64(), fields["column"].as_u64()), (Some(3), Some(5)));
        assert_eq!(fields["stack"], "web");
    }
}
