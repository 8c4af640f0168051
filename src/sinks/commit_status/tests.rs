use super::super::observation::{Finding, Observation, Revision, Story, Trouble};
use super::{Board, State, Status, request};
use crate::compose::node::Span;
use crate::compose::settings::Placed;
use crate::compose::settings::notify::{CommitStatusSettings, Forge};
use crate::model::alert::AlertKind;
use crate::model::sensitive::Sensitive;
use serde_json::{Value, json};

fn seen(stack: &str, commit: &str, finding: Finding) -> Observation {
    let revision = Some(Revision { id: commit.to_owned(), is_commit: true });
    Observation { source: "home".to_owned(), stack: stack.to_owned(), revision, finding }
}

fn failed() -> Finding {
    let (identity, story) = (String::new(), Story::default());
    Finding::Trouble(Trouble { kind: AlertKind::RolledBack, identity, is_outage: false, story })
}

fn told(status: Option<Status>) -> Option<(State, String)> {
    status.map(|status| (status.state, status.description))
}

#[test]
fn a_forge_is_told_what_became_of_each_commit_once() {
    let mut board = Board::default();
    let both = |finding: Finding| [seen("a", "1", Finding::Fine), seen("b", "1", finding)];
    let words = |state, text: &str| Some((state, text.to_owned()));
    assert_eq!(
        told(board.update("home", &both(Finding::Pending))),
        words(State::Pending, "1 stacks are worked on")
    );
    assert_eq!(told(board.update("home", &both(failed()))), words(State::Failure, "b: rolled back"));
    assert_eq!(told(board.update("home", &both(failed()))), None);
    assert_eq!(told(board.update("home", &both(Finding::Pending))), None, "another try is still a failure");
    let fine = board.update("home", &both(Finding::Fine)).expect("told");
    assert_eq!(fine.description, "2 stacks are as they should be");
    assert_eq!(board.update("home", &both(Finding::Fine)), None);
    board.lost(&fine);
    assert_eq!(board.update("home", &both(Finding::Fine)), Some(fine));
    let next = board.update("home", &[seen("a", "2", Finding::Fine)]).expect("another commit");
    assert_eq!((next.commit.as_str(), next.state), ("2", State::Success));
}

#[test]
fn a_directory_has_no_commit_to_tell_of() {
    let mut one = seen("a", "1", Finding::Fine);
    one.revision = Some(Revision { id: "digest".to_owned(), is_commit: false });
    assert_eq!(Board::default().update("home", &[one]), None);
}

#[test]
fn each_forge_is_told_in_its_own_words() {
    let placed = |text: &str| Some(Placed { text: text.to_owned(), span: Span::default() });
    let status = Status {
        source: "home".to_owned(),
        commit: "abc".to_owned(),
        state: State::Failure,
        description: "b: failed".to_owned(),
    };
    let told = |forge, server: Option<&str>| {
        let settings = CommitStatusSettings {
            forge,
            server: server.and_then(placed),
            repository: placed("me/my.lab"),
            target_url: placed("https://status.example.org"),
            ..CommitStatusSettings::default()
        };
        let request = request(&settings, &Sensitive::new("t0ken"), "web1", Some(&status));
        let (name, value) =
            request.headers.iter().find(|(_, value)| value.expose().contains("t0ken")).expect("a token");
        let header = format!("{name}: {}", value.expose());
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        (format!("{} {}", request.method, request.url.expose()), header, body)
    };
    let target = "https://status.example.org";
    let context = "reconcile/web1/home";
    let body =
        json!({"state": "failure", "description": "b: failed", "context": context, "target_url": target});
    let (line, header, found) = told(Forge::GitHub, None);
    assert_eq!(line, "POST https://api.github.com/repos/me/my.lab/statuses/abc");
    assert_eq!((header.as_str(), &found), ("authorization: Bearer t0ken", &body));
    let (line, header, found) = told(Forge::Gitea, Some("https://git.example.org/"));
    assert_eq!(line, "POST https://git.example.org/api/v1/repos/me/my.lab/statuses/abc");
    assert_eq!((header.as_str(), &found), ("authorization: token t0ken", &body));
    let (line, header, found) = told(Forge::GitLab, None);
    assert_eq!(line, "POST https://gitlab.com/api/v4/projects/me%2Fmy.lab/statuses/abc");
    assert_eq!(header, "private-token: t0ken");
    let body = json!({"state": "failed", "description": "b: failed", "name": context, "target_url": target});
    assert_eq!(found, body);
}
