//! Diagnostic logs on stderr, for people who look into the program itself. Users' text does not go through here.

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings by default, more with `-v`; `RECONCILE_LOG` holds a filter that overrides both.
///
/// The HTTP client's own debug lines hold whole bodies, secrets included, so no level turns them on.
pub fn init(verbose: u8, filter: Option<&str>) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = filter.map_or_else(|| format!("warn,reconcile={level}"), str::to_owned);
    let filter = EnvFilter::new(format!("{filter},bollard=info,hyper=info,hyper_util=info"));
    // A second call (tests) finds a subscriber in place; that one stays.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}
