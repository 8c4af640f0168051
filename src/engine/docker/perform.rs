//! One engine call for every action.

use super::DockerEngine;
use crate::engine::{Engine, EngineError, Progress};
use crate::model::report::Outcome;
use crate::model::step::Action;

impl Engine for DockerEngine {
    async fn perform(&self, action: &Action, progress: &dyn Progress) -> Result<Outcome, EngineError> {
        match action {
            Action::PullImage { reference, platform } => self.pull_image(reference, platform, progress).await,
            Action::BuildImage(build) => self.build_image(build, progress).await,
            Action::CreateNetwork { spec, labels } => self.create_network(spec, labels).await,
            Action::RemoveNetwork { id, name: _ } => self.remove_network(id).await,
            Action::CreateVolume { spec, labels } => self.create_volume(spec, labels).await,
            Action::CreateContainer(container) => self.create_container(container).await,
            Action::CreateRun { like, name, labels, files } => {
                self.create_run(like, name, labels, files).await
            }
            Action::Mark { name, labels } => self.leave_mark(name, labels).await,
            Action::ConnectNetwork { container, network, endpoint } => {
                self.connect_network(container, network, endpoint).await
            }
            Action::UploadFiles { container, files } => self.upload_files(container, files).await,
            Action::StartContainer(container) => self.start_container(container).await,
            Action::UnpauseContainer(container) => self.unpause_container(container).await,
            Action::RestartContainer { container, grace } => self.restart_container(container, *grace).await,
            Action::StopContainer { container, grace } => self.stop_container(container, *grace).await,
            Action::RenameContainer { container, to } => self.rename_container(container, to).await,
            Action::RemoveContainer(container) => self.remove_container(container).await,
            Action::AwaitHealthy { container, timeout } => self.await_healthy(container, *timeout).await,
            Action::AwaitStable { container, period, may_end, in_health } => {
                self.await_stable(container, *period, (*may_end, *in_health)).await
            }
            Action::AwaitCompleted { container, timeout, through } => {
                self.await_completed(container, *timeout, *through).await
            }
            Action::Delay { .. } => Ok(Outcome::Done),
            Action::Exec { container, hook, must_succeed } => self.exec(container, hook, *must_succeed).await,
        }
    }
}
