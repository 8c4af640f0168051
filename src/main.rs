//! Entry point: runs the command line and turns its outcome into an exit code.

fn main() -> std::process::ExitCode {
    reconcile::cli::run()
}
