//! Writing to the terminal. Results go to stdout, talk to stderr.

use super::args::{Color, CommonArgs, Format};
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Output {
    /// JSON in place of text.
    pub json: bool,
    /// Markdown in place of text.
    pub markdown: bool,
    /// Changes and failures only.
    pub quiet: bool,
    /// How much more to print.
    pub verbose: u8,
    choice: Color,
    /// Whole lines only, also on a terminal.
    journal: bool,
    /// A terminal that cannot go back.
    is_plain: bool,
}

/// Red: errors and removals.
pub const RED: Style = AnsiColor::Red.on_default();
/// Green: additions.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Yellow: changes and warnings.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Names.
pub const BOLD: Style = Style::new().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();

impl Output {
    /// As the command line asks for.
    pub fn new(common: &CommonArgs) -> Self {
        Self {
            json: common.format == Some(Format::Json),
            markdown: common.format == Some(Format::Markdown),
            quiet: common.quiet,
            verbose: common.verbose,
            choice: common.color,
            journal: false,
            is_plain: std::env::var_os("TERM").is_some_and(|name| name == "dumb"),
        }
    }

    /// The same for a program that runs on and on: whole lines only.
    pub const fn journal(self) -> Self {
        Self { journal: true, ..self }
    }

    fn choice(self, stream: &impl anstream::stream::RawStream) -> ColorChoice {
        match self.choice {
            Color::Auto => AutoStream::choice(stream),
            Color::Always => ColorChoice::AlwaysAnsi,
            Color::Never => ColorChoice::Never,
        }
    }

    /// Writes a result. A reader that went away is no error.
    pub fn result(self, text: &str) {
        let stream = io::stdout();
        let choice = self.choice(&stream);
        drop(AutoStream::new(stream, choice).lock().write_all(text.as_bytes()));
    }

    /// Writes talk, unless quiet.
    pub fn talk(self, text: &str) {
        if !self.quiet {
            self.complain(text);
        }
    }

    /// Writes an error or a warning, also when quiet.
    pub fn complain(self, text: &str) {
        let stream = io::stderr();
        let choice = self.choice(&stream);
        drop(AutoStream::new(stream, choice).lock().write_all(text.as_bytes()));
    }

    /// Whether talk goes to a terminal, so that lines may be rewritten.
    pub fn is_live(self) -> bool {
        !self.quiet && !self.journal && !self.is_plain && io::stderr().is_terminal()
    }

    /// Writes talk over so many lines that were written last. The steps up to there are no colours: they are taken also where
    /// those are not wanted.
    pub fn redraw(self, lines: usize, text: &str) {
        let mut stream = io::stderr().lock();
        let choice = self.choice(&stream);
        if lines > 0 {
            drop(write!(stream, "\x1b[{lines}A\r\x1b[J"));
        }
        drop(AutoStream::new(stream, choice).write_all(text.as_bytes()));
    }

    /// How many columns the terminal has that is written to: that of results, else that of talk.
    pub fn width(self) -> Option<usize> {
        let of = |stream: &dyn AsFd| rustix::termios::tcgetwinsize(stream.as_fd()).ok();
        let size = of(&io::stdout()).or_else(|| of(&io::stderr()))?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0 && !self.journal)
    }

    /// An error that is about no file.
    pub fn error(self, message: &str, hint: Option<&str>) {
        let mut text = format!("{RED}error{RED:#}: {message}\n");
        if let Some(hint) = hint {
            let _ = writeln!(text, "  hint: {hint}");
        }
        self.complain(&text);
    }
}
