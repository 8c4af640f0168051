//! When a new container counts as good: it is healthy, or has run for a while, and holds as long as it is watched.

use super::instances::{Kick, has_healthcheck, is_job};
use super::steps::Draft;
use crate::model::desired::{DesiredService, JobMode};
use crate::model::observed::{Health, ObservedContainer};
use crate::model::rollout::WaitFor;
use crate::model::step::Action;
use crate::model::units::Nanos;

/// How long a replacement without a health check has to run where nobody says.
pub(super) const STABLE: Nanos = Nanos(2_000_000_000);

/// What a new container has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trial {
    /// Whether its health check has to pass.
    is_healthy: bool,
    /// How long it has to run after that; zero is not at all.
    period: Nanos,
}

impl Trial {
    /// By the settings of its service.
    fn of(service: &DesiredService) -> Self {
        let rollout = &service.rollout;
        let checked = if has_healthcheck(service) { WaitFor::Healthy } else { WaitFor::Running };
        let watched = rollout.update.monitor;
        match rollout.wait.unwrap_or(checked) {
            WaitFor::Healthy => Self { is_healthy: true, period: watched.unwrap_or(Nanos(0)) },
            WaitFor::Running => {
                let period = match (rollout.running_for, watched) {
                    (Some(up), watched) => Nanos(up.0.saturating_add(watched.unwrap_or(Nanos(0)).0)),
                    (None, watched) => watched.unwrap_or(STABLE),
                };
                Self { is_healthy: false, period }
            }
        }
    }
}

impl Draft<'_, '_, '_> {
    /// The old container is there to go back to until the new one has shown that it works.
    pub(super) fn accept(&mut self) {
        let is_as_it_was = self.instance.kick == Kick::Restore;
        if self.rest.is_empty() || self.desired.job == JobMode::Job || is_as_it_was {
            return;
        }
        let is_up = self.marks.running.is_some() || self.instance.keep.is_some_and(ObservedContainer::is_up);
        let is_healthy = self
            .instance
            .keep
            .is_some_and(|kept| kept.health == Some(Health::Healthy) && self.marks.running.is_none());
        let trial = Trial::of(self.desired);
        if !is_up || trial.is_healthy && is_healthy {
            return;
        }
        if trial.is_healthy {
            let (container, tail) = (self.container.clone(), self.tail.clone());
            let prefix = self.marks.prefix.clone();
            let step = self.scheduler.await_healthy(self.owner, &prefix, self.desired, (container, &tail));
            self.tail = vec![step];
        }
        // Most bad configurations show themselves at once: a program that ends, an argument that is refused.
        if trial.period.0 > 0 && self.instance.served(self.desired).is_some() {
            let may_end = !trial.is_healthy && is_job(self.desired);
            let verb = if trial.is_healthy { "monitor" } else { "stable" };
            let action = Action::AwaitStable {
                container: self.container.clone(),
                period: trial.period,
                may_end,
                in_health: trial.is_healthy,
            };
            let id = format!("{}/{verb}", self.marks.prefix);
            let tail = self.tail.clone();
            self.tail = vec![self.scheduler.builder.push(id, self.owner, action, &[], &tail)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STABLE, Trial};
    use crate::model::desired::DesiredService;
    use crate::model::rollout::WaitFor;
    use crate::model::service::Healthcheck;
    use crate::model::units::Nanos;

    #[test]
    fn what_is_awaited_is_what_the_settings_say() {
        let trial = |check: bool, wait, running_for: Option<i64>, monitor: Option<i64>| {
            let mut service = DesiredService::default();
            let test = vec!["CMD".to_owned()];
            service.spec.healthcheck = check.then(|| Healthcheck { test, ..Healthcheck::default() });
            service.rollout.wait = wait;
            service.rollout.running_for = running_for.map(Nanos);
            service.rollout.update.monitor = monitor.map(Nanos);
            let Trial { is_healthy, period } = Trial::of(&service);
            (is_healthy, period.0)
        };
        assert_eq!(trial(true, None, None, None), (true, 0));
        assert_eq!(trial(true, None, Some(7), Some(5)), (true, 5));
        assert_eq!(trial(true, Some(WaitFor::Running), None, None), (false, STABLE.0));
        assert_eq!(trial(false, None, None, Some(5)), (false, 5));
        assert_eq!(trial(false, None, Some(7), None), (false, 7));
        assert_eq!(trial(false, None, Some(7), Some(5)), (false, 12));
        assert_eq!(trial(false, Some(WaitFor::Healthy), None, None), (true, 0));
    }
}
