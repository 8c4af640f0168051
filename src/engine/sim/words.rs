//! What a simulated container left behind.

use super::{World, refuse};
use crate::engine::EngineError;
use crate::model::observed::{ContainerState, Health};
use crate::model::report::LastWords;
use crate::model::step::ContainerRef;

/// Exit code, health and output. `cat FILE` has written the files that were put into the container, anything else that
/// ended badly says what it was made of.
pub(super) fn of(world: &World, container: &ContainerRef) -> Result<LastWords, EngineError> {
    let missing = || refuse(404, format!("No such container: {}", container.engine_ref()));
    let found = world.find(container.engine_ref()).ok_or_else(missing)?;
    let command = found.spec.spec.command.as_deref().unwrap_or_default();
    let exit_code = match found.observed.state {
        ContainerState::Exited(code) => Some(code),
        _ => None,
    };
    let output = match command {
        [program, files @ ..] if program == "cat" => {
            let texts = files.iter().filter_map(|file| found.files.get(file));
            texts.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
        }
        _ if exit_code.is_some_and(|code| code != 0) => format!("{} gives up\n", found.spec.image),
        _ => String::new(),
    };
    let is_unhealthy = found.observed.health == Some(Health::Unhealthy);
    let health = is_unhealthy.then(|| "exit code 1".to_owned());
    Ok(LastWords { exit_code, output, health, ..LastWords::default() })
}
