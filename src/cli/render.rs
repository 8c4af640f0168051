//! `reconcile render`: the canonical project(s).

use super::args::{CommonArgs, Format, RenderArgs};
use super::config;
use super::exit::Exit;
use super::output::Output;
use super::source::{environment, failures, print_diagnostics};
use crate::compose::render;
use crate::source::git::Ask;

/// Prints every project that loads: YAML documents, or with `--format json` one object, or an array of several.
pub fn run(args: &RenderArgs, common: &CommonArgs) -> Exit {
    let output = Output::new(common);
    let environment = environment();
    let Ok(source) = config::named(&args.source, common, &environment, output, false) else {
        return Exit::Failure;
    };
    let loaded = source.load(&environment, false, Ask::Now);
    print_diagnostics(&loaded, output);
    let projects = loaded.stacks.iter().filter_map(|stack| stack.project.as_ref());
    let json = common.format == Some(Format::Json);
    let texts: Vec<String> = projects
        .map(|project| if json { render::json(&project.tree) } else { render::yaml(&project.tree) })
        .collect();
    let text = match (json, texts.as_slice()) {
        (_, []) => String::new(),
        (true, [one]) => format!("{one}\n"),
        (true, many) => format!("[\n{}\n]\n", many.join(",\n")),
        (false, many) => many.join("---\n"),
    };
    output.result(&text);
    match (failures(&loaded), texts.is_empty()) {
        (0, _) => Exit::Success,
        (_, true) => Exit::Failure,
        (_, false) => Exit::Partly,
    }
}
