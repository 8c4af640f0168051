//! The status of the commit that is deployed, on GitHub, GitLab and Gitea or Forgejo.

use super::observation::{Finding, Observation};
use super::request::{Request, below};
use crate::compose::settings::notify::{CommitStatusSettings, Forge};
use crate::model::sensitive::Sensitive;
use serde_json::json;
use std::collections::BTreeMap;

/// How a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Under way.
    Pending,
    /// All is as it should be.
    Success,
    /// Not all is.
    Failure,
}

/// What a forge is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The source.
    pub source: String,
    /// The commit.
    pub commit: String,
    /// How it is.
    pub state: State,
    /// One line about it.
    pub description: String,
}

/// What is known of each source, and what its forge was told.
#[derive(Debug, Clone, Default)]
pub struct Board {
    sources: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    commit: String,
    stacks: BTreeMap<String, (State, &'static str)>,
    told: Option<Status>,
}

impl Board {
    /// Notes what was seen of one source; gives what its forge is to be told now.
    pub fn update(&mut self, source: &str, seen: &[Observation]) -> Option<Status> {
        let known = self.sources.entry(source.to_owned()).or_default();
        for one in seen.iter().filter(|one| one.source == source) {
            let Some(revision) = one.revision.as_ref().filter(|revision| revision.is_commit) else {
                continue;
            };
            if known.commit != revision.id {
                *known = Known { commit: revision.id.clone(), told: known.told.take(), ..Known::default() };
            }
            let state = match &one.finding {
                Finding::Fine | Finding::Deployed(_) | Finding::Mended(_) => (State::Success, ""),
                Finding::Pending => (State::Pending, ""),
                Finding::Trouble(trouble) => (State::Failure, trouble.kind.as_str()),
                Finding::Gone => {
                    known.stacks.remove(&one.stack);
                    continue;
                }
            };
            // What is tried again stays in trouble until that is over.
            let before = known.stacks.get(&one.stack).map(|(state, _)| *state);
            if (before, state.0) != (Some(State::Failure), State::Pending) {
                known.stacks.insert(one.stack.clone(), state);
            }
        }
        if known.stacks.is_empty() {
            return None;
        }
        let status = status(source, known);
        let is_news = known.told.as_ref() != Some(&status);
        known.told = Some(status.clone());
        is_news.then_some(status)
    }

    /// Forgets that something was told: nobody heard it.
    pub fn lost(&mut self, status: &Status) {
        if let Some(known) = self.sources.get_mut(&status.source) {
            known.told.take_if(|told| told == status);
        }
    }
}

fn status(source: &str, known: &Known) -> Status {
    let of = |wanted: State| known.stacks.iter().filter(move |(_, (state, _))| *state == wanted);
    let (state, description) = if of(State::Failure).next().is_some() {
        let words = of(State::Failure).map(|(stack, (_, word))| {
            let stack = if stack.is_empty() { "the source" } else { stack };
            format!("{stack}: {}", word.replace('_', " "))
        });
        (State::Failure, words.collect::<Vec<_>>().join(", "))
    } else if of(State::Pending).next().is_some() {
        (State::Pending, format!("{} stacks are worked on", of(State::Pending).count()))
    } else {
        (
            State::Success,
            format!("{} stacks are as they should be", known.stacks.keys().filter(|s| !s.is_empty()).count()),
        )
    };
    // GitHub takes 140 characters.
    let description = description.chars().take(139).collect();
    Status { source: source.to_owned(), commit: known.commit.clone(), state, description }
}

/// The request that tells a forge; without a status one that only looks whether the repository can be reached.
pub fn request(
    settings: &CommitStatusSettings,
    token: &Sensitive,
    host: &str,
    status: Option<&Status>,
) -> Request {
    let repository = settings.repository.as_ref().map_or("", |repository| &repository.text);
    let usual = if settings.forge == Forge::GitLab { "https://gitlab.com" } else { "https://api.github.com" };
    let server = Sensitive::new(settings.server.as_ref().map_or(usual, |server| &server.text));
    let place = match settings.forge {
        Forge::GitHub => format!("repos/{repository}"),
        Forge::GitLab => format!("api/v4/projects/{}", repository.replace('/', "%2F")),
        Forge::Gitea => format!("api/v1/repos/{repository}"),
    };
    let with_token = |request: Request| match settings.forge {
        Forge::GitHub => request.bearer(Some(token)).header("accept", "application/vnd.github+json"),
        Forge::GitLab => request.header("private-token", token.expose()),
        Forge::Gitea => request.header("authorization", format!("token {}", token.expose())),
    };
    let Some(status) = status else { return with_token(Request::get(below(&server, &place))) };
    let word = match (status.state, settings.forge) {
        (State::Pending, Forge::GitLab) => "running",
        (State::Pending, _) => "pending",
        (State::Success, _) => "success",
        (State::Failure, Forge::GitLab) => "failed",
        (State::Failure, _) => "failure",
    };
    let context = settings.context.clone().unwrap_or_else(|| format!("reconcile/{host}/{}", status.source));
    let mut body = json!({"state": word, "description": status.description});
    body[if settings.forge == Forge::GitLab { "name" } else { "context" }] = json!(context);
    if let Some(url) = &settings.target_url {
        body["target_url"] = json!(url.text);
    }
    let url = below(&server, &format!("{place}/statuses/{}", status.commit));
    with_token(Request::json(url, &body))
}

#[cfg(test)]
mod tests;
