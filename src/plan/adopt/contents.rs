//! Contents that the configuration names by their place only: files of the source that are mounted, files that were
//! written into the container, build inputs.

use super::Comparison;
use crate::model::change::{Cause, CauseKind};

/// What of a service cannot be seen in a container, so far: then it is made anew, once.
pub(super) fn compare(comparison: &Comparison, causes: &mut Vec<Cause>) {
    let service = comparison.candidate.service;
    if !service.contents.is_empty() || !service.files.is_empty() || service.image.build.is_some() {
        causes.push(Cause::new(CauseKind::Foreign, &comparison.candidate.container.name));
    }
}
