//! The keys of services that push messages, of mail, and of what is told something else than alerts.

use super::super::Secret;
use super::super::table::{Keys, Setting, Takes};
use super::table::{TOKEN, URL};
use super::{CommitStatusSettings, EmailSettings, Forge, HeartbeatSettings, MailTls, PushSettings};

/// A topic of ntfy.
pub(in super::super) static NTFY: Keys<PushSettings> = Keys {
    rows: &[
        Setting {
            key: "url",
            takes: Takes::Secret(|sink, url| sink.url = Some(url)),
            doc: "The address of the topic, such as `https://ntfy.sh/my-topic`.",
        },
        Setting {
            key: "url_file",
            takes: Takes::Place(|sink, path| sink.url = Some(Secret::file(path))),
            doc: "A file that holds the address.",
        },
        Setting {
            key: "token",
            takes: Takes::Secret(|sink, token| sink.token = Some(token)),
            doc: "An access token, if the topic asks for one.",
        },
        Setting {
            key: "token_file",
            takes: Takes::Place(|sink, path| sink.token = Some(Secret::file(path))),
            doc: "A file that holds the token.",
        },
    ],
    required: &[],
    exactly_one: &[URL],
    at_most_one: &[TOKEN],
    needs: &[],
};

/// A Gotify server.
pub(in super::super) static GOTIFY: Keys<PushSettings> = Keys {
    rows: &[
        Setting {
            key: "url",
            takes: Takes::Secret(|sink, url| sink.url = Some(url)),
            doc: "The address of the server.",
        },
        Setting {
            key: "url_file",
            takes: Takes::Place(|sink, path| sink.url = Some(Secret::file(path))),
            doc: "A file that holds the address.",
        },
        Setting {
            key: "token",
            takes: Takes::Secret(|sink, token| sink.token = Some(token)),
            doc: "The token of the application.",
        },
        Setting {
            key: "token_file",
            takes: Takes::Place(|sink, path| sink.token = Some(Secret::file(path))),
            doc: "A file that holds the token.",
        },
    ],
    required: &[],
    exactly_one: &[URL, TOKEN],
    at_most_one: &[],
    needs: &[],
};

/// Electronic mail.
pub(in super::super) static EMAIL: Keys<EmailSettings> = Keys {
    rows: &[
        Setting {
            key: "host",
            takes: Takes::Place(|sink, host| sink.host = Some(host)),
            doc: "The mail server.",
        },
        Setting {
            key: "port",
            takes: Takes::Count(|sink, port| sink.port = Some(port)),
            doc: "Its port; 587, 465 with `tls: tls`, or 25 with `tls: none` if left out.",
        },
        Setting {
            key: "tls",
            takes: Takes::Choice(&["starttls", "tls", "none"], |sink, word| {
                sink.tls = match word {
                    "tls" => MailTls::Tls,
                    "none" => MailTls::Nothing,
                    _ => MailTls::StartTls,
                };
            }),
            doc: "starttls (the default): the connection is encrypted after a word in the open, or no mail is sent. tls: from its beginning. none: never.",
        },
        Setting {
            key: "user",
            takes: Takes::Text(|sink, user| sink.user = Some(user)),
            doc: "Who logs in; nobody if left out.",
        },
        Setting {
            key: "password",
            takes: Takes::Secret(|sink, password| sink.password = Some(password)),
            doc: "With what.",
        },
        Setting {
            key: "password_file",
            takes: Takes::Place(|sink, path| sink.password = Some(Secret::file(path))),
            doc: "A file that holds the password.",
        },
        Setting {
            key: "from",
            takes: Takes::Place(|sink, from| sink.from = Some(from)),
            doc: "The sender, such as `reconcile <alerts@example.org>`.",
        },
        Setting { key: "to", takes: Takes::Places(|sink, to| sink.to = to), doc: "Who is told." },
    ],
    required: &["host", "from", "to"],
    exactly_one: &[],
    at_most_one: &[&["password", "password_file"]],
    needs: &[],
};

/// A dead man's switch.
pub(in super::super) static HEARTBEAT: Keys<HeartbeatSettings> = Keys {
    rows: &[
        Setting {
            key: "url",
            takes: Takes::Secret(|sink, url| sink.url = Some(url)),
            doc: "Where the sign goes, as a `GET` request.",
        },
        Setting {
            key: "url_file",
            takes: Takes::Place(|sink, path| sink.url = Some(Secret::file(path))),
            doc: "A file that holds the address.",
        },
        Setting {
            key: "every",
            takes: Takes::Duration(|sink, time| sink.every = Some(time)),
            doc: "The least time between two signs; 60 seconds if left out.",
        },
    ],
    required: &[],
    exactly_one: &[URL],
    at_most_one: &[],
    needs: &[],
};

/// The status of the commit that is deployed.
pub(in super::super) static COMMIT_STATUS: Keys<CommitStatusSettings> = Keys {
    rows: &[
        Setting {
            key: "forge",
            takes: Takes::Choice(&["github", "gitlab", "gitea", "forgejo"], |sink, word| {
                sink.forge = match word {
                    "gitlab" => Forge::GitLab,
                    "gitea" | "forgejo" => Forge::Gitea,
                    _ => Forge::GitHub,
                };
            }),
            doc: "Which program runs the forge.",
        },
        Setting {
            key: "server",
            takes: Takes::Place(|sink, server| sink.server = Some(server)),
            doc: "The address of the forge; `https://api.github.com` or `https://gitlab.com` if left out.",
        },
        Setting {
            key: "repository",
            takes: Takes::Place(|sink, repository| sink.repository = Some(repository)),
            doc: "The repository, as `owner/name`.",
        },
        Setting {
            key: "token",
            takes: Takes::Secret(|sink, token| sink.token = Some(token)),
            doc: "A token that may set statuses.",
        },
        Setting {
            key: "token_file",
            takes: Takes::Place(|sink, path| sink.token = Some(Secret::file(path))),
            doc: "A file that holds the token.",
        },
        Setting {
            key: "context",
            takes: Takes::Text(|sink, context| sink.context = Some(context)),
            doc: "What the status goes by; `reconcile/HOST/SOURCE` if left out.",
        },
        Setting {
            key: "target_url",
            takes: Takes::Place(|sink, url| sink.target_url = Some(url)),
            doc: "Where the status leads to.",
        },
    ],
    required: &["forge", "repository"],
    exactly_one: &[TOKEN],
    at_most_one: &[],
    needs: &[],
};
