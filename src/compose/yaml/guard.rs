//! A parser that never panics.
//!
//! libyaml-safer 0.3 is the parser that accepts what the reference accepts, but it panics on some texts: at the
//! end of a block scalar without a newline behind it, on `!tag,` in flow style, and there are more `expect`s in
//! it. The first is valid YAML and is kept from it by [`PAD`]; whatever else it trips over is made an error here.

use libyaml_safer::{Error, Event, Parser};
use std::cell::Cell;
use std::io::{BufReader, Chain, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Ends a text that does not end with a line break. The parser takes a line separator for a break and, unlike a
/// newline, keeps it as it is: so a block scalar that got it can be told and mended.
pub(super) const PAD: char = '\u{2028}';

/// The parser decodes its input ahead of itself by what one read gives it.
const READ_AHEAD: usize = 16 * 1024;

type Input<'t> = BufReader<Chain<&'t [u8], &'static [u8]>>;

/// A parser of one text.
pub(super) struct GuardedParser<'t> {
    inner: Parser<Input<'t>>,
    /// Whether [`PAD`] stands behind the text.
    pub is_padded: bool,
}

/// Why there is no event.
pub(super) enum Stopped {
    /// The text is not YAML.
    Syntax(Error),
    /// The parser gave up on it.
    Panicked,
}

impl<'t> GuardedParser<'t> {
    pub fn new(text: &'t str) -> Self {
        let is_break = |c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let is_padded = !text.is_empty() && !text.ends_with(is_break);
        let pad: &'static [u8] = if is_padded { "\u{2028}".as_bytes() } else { &[] };
        let mut inner = Parser::new();
        inner.set_input(BufReader::with_capacity(READ_AHEAD, text.as_bytes().chain(pad)));
        Self { inner, is_padded }
    }

    /// The next event. After a panic there is none to be had.
    pub fn next(&mut self) -> Result<Event, Stopped> {
        silence_once();
        QUIET.with(|quiet| quiet.set(true));
        let result = catch_unwind(AssertUnwindSafe(|| self.inner.parse()));
        QUIET.with(|quiet| quiet.set(false));
        match result {
            Ok(Ok(event)) => Ok(event),
            Ok(Err(error)) => Err(Stopped::Syntax(error)),
            Err(_) => Err(Stopped::Panicked),
        }
    }
}

thread_local! {
    /// Whether a panic of this thread is expected and caught.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Lets the message of a caught panic not reach the terminal; all others go where they went before.
fn silence_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.with(Cell::get) {
                before(panic);
            }
        }));
    });
}
