//! Values that do not fit their attribute, in plain words.

use super::text;
use crate::compose::attributes::canon::Type;
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::Node;

/// The diagnostic in plain words, with what a value of the kind looks like.
pub(super) fn explained(kind: &Type, node: &Node, error: &str, found: Diagnostic) -> Diagnostic {
    let (wanted, hint) = match kind {
        Type::Bytes => {
            ("an amount of bytes", "write a number with an optional unit b, k, m, g, t or p, such as 512m")
        }
        Type::Duration => {
            ("a duration", "write numbers with units w, d, h, m, s, ms, us or ns, such as 1m30s")
        }
        Type::FileMode => ("a file mode", "permission bits are octal, such as 0440"),
        Type::Int(_) => ("a whole number", "write a whole number in decimal digits"),
        Type::Float | Type::Cpus => ("a number", "write a number such as 0.5"),
        Type::DeviceCount => ("a number of devices", "write a whole number, or all"),
        Type::Command => {
            let plain = "a quote in this command is not closed";
            return found.plain(plain).hint("close every quote, or write the command as a list of words");
        }
        Type::Hosts => return host(error, found),
        _ => return found,
    };
    match &*text::print(node) {
        "" => found.plain(format!("this is not {wanted}")).hint(hint),
        written => found.plain(format!("`{written}` is not {wanted}")).hint(hint),
    }
}

fn host(error: &str, found: Diagnostic) -> Diagnostic {
    const FORM: &str = "write HOST=ADDRESS, such as db=192.0.2.7";
    match error.split_once("missing IP: ") {
        Some((_, entry)) => found.plain(format!("the host `{entry}` has no address")).focus(entry).hint(FORM),
        None => found.hint(FORM),
    }
}
