//! Inputs made to break a loader: each ends in time, in bounded memory, with a project or with an error that names the limit.
//! `make hard` runs them all at full size; the ordinary tests run each at a small one.

mod cases;
mod child;

use cases::{Case, Content, Ends};
use child::run;

/// A project of one service: what it takes, any other takes as well, most of it for the program itself.
const TRIVIAL: &[u8] = b"services: {a: {image: x}}\n";
/// What a case may take beside that and its share.
const SPARE_KIB: u64 = 32 * 1024;

/// How large the cases are, in hundredths of the full size.
fn size() -> usize {
    std::env::var("HARD_SIZE").ok().and_then(|size| size.parse().ok()).unwrap_or(5)
}

#[test]
fn every_hard_input_ends_in_bounded_time_and_memory() {
    let size = size();
    let own_kib = run(&[("compose.yaml".to_owned(), Content::Bytes(TRIVIAL.to_vec()))]).peak_kib;
    let mut wrong = Vec::new();
    for case in cases::all(size) {
        let Case { name, files, ends } = case;
        let found = run(&files);
        println!(
            "{name:<28} {:>8} KiB in {:>6} MiB {:>7.2} s  {}",
            found.input / 1024,
            found.peak_kib / 1024,
            found.time.as_secs_f64(),
            found.first_line
        );
        // What the process itself takes, what growth may add, and a small multiple of what was read.
        let allowed_kib =
            own_kib + SPARE_KIB + ends.growth_mib() * 1024 + found.input as u64 * ends.factor() / 1024;
        if found.peak_kib > allowed_kib {
            wrong.push(format!("{name}: {} KiB, of {allowed_kib} that are allowed", found.peak_kib));
        }
        let is_right = match ends {
            Ends::Loads | Ends::Dense | Ends::Grows => found.code == Some(0),
            Ends::Error(text) | Ends::Bomb(text) => found.code == Some(1) && found.output.contains(text),
        };
        if !is_right {
            wrong.push(format!("{name}: {:?}, {}", found.code, found.first_line));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
