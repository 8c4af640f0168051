//! What `watch` tells systemd when that started it, as `Type=notify` and `WatchdogSec` ask for
//! (<https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>). Without systemd nothing happens.

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// Says that the daemon is up, and from now on that it is alive. It is up before it has reached the engine, which it waits for
/// as long as it takes.
pub fn ready() {
    tell(NotifyState::Ready);
    if let Some(limit) = watchdog_enabled() {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(limit / 3).await;
                tell(NotifyState::Watchdog);
            }
        });
    }
}

/// Says that the daemon was told to end: it may still finish what it has begun.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
