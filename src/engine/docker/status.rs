//! State, exit code and health out of the list's texts, so that no container needs a call of its own.

use crate::model::observed::{ContainerState, Health};

/// Reads the `State` and `Status` of a list entry. Words of other engines count too (podman: `stopped`, `configured`).
pub(super) fn state(state: &str, status: &str) -> ContainerState {
    match state.to_ascii_lowercase().as_str() {
        "created" | "configured" | "initialized" => ContainerState::Created,
        "running" if status.ends_with("(Paused)") => ContainerState::Paused,
        "running" | "stopping" => ContainerState::Running,
        "paused" => ContainerState::Paused,
        "restarting" => ContainerState::Restarting,
        // An end without a code is told from success by one that no process can have.
        "exited" | "stopped" => ContainerState::Exited(exit_code(status).unwrap_or(-1)),
        "removing" => ContainerState::Removing,
        "dead" => ContainerState::Dead,
        _ => ContainerState::Unknown,
    }
}

/// `Exited (137) 2 minutes ago`: 137.
fn exit_code(status: &str) -> Option<i64> {
    status.split_once('(')?.1.split_once(')')?.0.parse().ok()
}

/// Health from the end of a status, such as `Up 2 minutes (healthy)`.
pub(super) fn health(status: &str) -> Option<Health> {
    match status.rsplit_once('(')?.1 {
        "healthy)" => Some(Health::Healthy),
        "unhealthy)" => Some(Health::Unhealthy),
        "health: starting)" | "starting)" => Some(Health::Starting),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{health, state};
    use crate::model::observed::{ContainerState, Health};

    #[test]
    fn states_and_codes_are_read() {
        for (word, status, expected) in [
            ("running", "Up 2 minutes (healthy)", ContainerState::Running),
            ("running", "Up 2 minutes (Paused)", ContainerState::Paused),
            ("paused", "Up 2 minutes (Paused)", ContainerState::Paused),
            ("exited", "Exited (137) 2 minutes ago", ContainerState::Exited(137)),
            ("exited", "Exited (0) Less than a second ago", ContainerState::Exited(0)),
            ("stopped", "Exited (3) 1 second ago", ContainerState::Exited(3)),
            ("exited", "", ContainerState::Exited(-1)),
            ("restarting", "Restarting (1) 3 seconds ago", ContainerState::Restarting),
            ("created", "Created", ContainerState::Created),
            ("removing", "Removal In Progress", ContainerState::Removing),
            ("dead", "Dead", ContainerState::Dead),
            ("dreaming", "", ContainerState::Unknown),
        ] {
            assert_eq!(state(word, status), expected, "{word} {status}");
        }
    }

    #[test]
    fn health_is_read_from_the_end() {
        assert_eq!(health("Up 1 second (health: starting)"), Some(Health::Starting));
        assert_eq!(health("Up 1 second (healthy)"), Some(Health::Healthy));
        assert_eq!(health("Up 1 second (unhealthy)"), Some(Health::Unhealthy));
        assert_eq!(health("Exited (0) 1 second ago"), None);
        assert_eq!(health("Up 1 second"), None);
    }
}
