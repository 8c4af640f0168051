//! Work on the engine that the terminal hears about, and that an interrupt brings to a good end.

use super::locking;
use super::output::Output;
use super::progress::Printer;
use crate::execute::Options;
use crate::model::redact::Redactor;
use std::time::Duration;
use tokio::sync::watch;

/// Does work that is told of an interrupt.
pub async fn until_interrupted<T>(output: Output, work: impl AsyncFnOnce(watch::Receiver<bool>) -> T) -> T {
    let (tell, stop) = watch::channel(false);
    let work = work(stop);
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = interrupted() => {}
    }
    output.complain("stopping: calls under way are finished first\n");
    tell.send_replace(true);
    work.await
}

/// Does work, telling the terminal about it; an interrupt lets calls in flight finish and begins no more. `total` is the
/// number of steps.
pub async fn carry_out<T>(
    output: Output,
    (total, parallel): (usize, u16),
    redactor: &Redactor,
    work: impl AsyncFnOnce(&Options<'_>) -> T,
) -> T {
    let printer = Printer::new(output, total);
    let work = until_interrupted(output, async |stop| {
        work(&Options {
            parallel: parallel.into(),
            stop,
            events: &printer,
            redactor,
            chance: locking::chance,
            turns: None,
        })
        .await
    });
    ticking(&printer, work).await
}

/// Does work of which a printer tells how long it takes.
pub async fn ticking<T>(printer: &Printer, work: impl Future<Output = T>) -> T {
    let tick = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            printer.tick();
        }
    };
    tokio::select! {
        done = work => done,
        never = tick => never,
    }
}

/// Ends at an interrupt or a request to terminate.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending().await },
        () = terminate => {}
    }
}
