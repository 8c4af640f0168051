//! The keys of alerts.

use super::super::Secret;
use super::super::table::{Keys, Put, Setting, Takes};
use super::services::{COMMIT_STATUS, EMAIL, GOTIFY, HEARTBEAT, NTFY};
use super::{AddressSettings, NotifySettings, SinkSettings, WebhookSettings};
use crate::model::alert::AlertKind;

pub(super) const URL: &[&str] = &["url", "url_file"];
pub(super) const TOKEN: &[&str] = &["token", "token_file"];

/// Whom to tell what.
pub(in super::super) static NOTIFY: Keys<NotifySettings> = Keys {
    rows: &[
        Setting {
            key: "name",
            takes: Takes::Place(|settings, name| settings.name = Some(name)),
            doc: "What the sink goes by in logs and for `reconcile notify test`; the word of its kind if left out.",
        },
        Setting {
            key: "on",
            takes: Takes::Words(AlertKind::WORDS, |settings, words| {
                settings.on = words.into_iter().filter_map(AlertKind::parse).collect();
            }),
            doc: "What it is told; all but succeeded if left out.",
        },
        Setting {
            key: "sources",
            takes: Takes::Places(|settings, sources| settings.sources = sources),
            doc: "Names of the sources that it is told about; all if left out.",
        },
        Setting {
            key: "stacks",
            takes: Takes::Texts(|settings, stacks| settings.stacks = stacks),
            doc: "Names of the stacks that it is told about, besides their sources as a whole; all if left out.",
        },
        Setting {
            key: "remind",
            takes: Takes::Duration(|settings, time| settings.remind = Some(time)),
            doc: "After what time it is told again of what stays wrong, such as `12h`; 24 hours if left out.",
        },
        Setting {
            key: "webhook",
            takes: Takes::Group(&Put {
                keys: &WEBHOOK,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Webhook(sink)),
            }),
            doc: "Any service that takes HTTP requests.",
        },
        Setting {
            key: "slack",
            takes: Takes::Group(&Put {
                keys: &ADDRESS,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Slack(sink)),
            }),
            doc: "An incoming webhook of Slack, or of what takes its messages, such as Mattermost.",
        },
        Setting {
            key: "discord",
            takes: Takes::Group(&Put {
                keys: &ADDRESS,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Discord(sink)),
            }),
            doc: "A webhook of Discord.",
        },
        Setting {
            key: "ntfy",
            takes: Takes::Group(&Put {
                keys: &NTFY,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Ntfy(sink)),
            }),
            doc: "A topic of ntfy.",
        },
        Setting {
            key: "gotify",
            takes: Takes::Group(&Put {
                keys: &GOTIFY,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Gotify(sink)),
            }),
            doc: "A Gotify server.",
        },
        Setting {
            key: "email",
            takes: Takes::Group(&Put {
                keys: &EMAIL,
                put: |settings: &mut NotifySettings, sink| settings.sink = Some(SinkSettings::Email(sink)),
            }),
            doc: "Electronic mail.",
        },
        Setting {
            key: "heartbeat",
            takes: Takes::Group(&Put {
                keys: &HEARTBEAT,
                put: |settings: &mut NotifySettings, sink| {
                    settings.sink = Some(SinkSettings::Heartbeat(sink));
                },
            }),
            doc: "A dead man's switch, which raises the alarm when it no longer hears that sources are looked at.",
        },
        Setting {
            key: "commit_status",
            takes: Takes::Group(&Put {
                keys: &COMMIT_STATUS,
                put: |settings: &mut NotifySettings, sink| {
                    settings.sink = Some(SinkSettings::CommitStatus(sink));
                },
            }),
            doc: "The status of the commit that is deployed, on a forge.",
        },
    ],
    required: &[],
    exactly_one: &[&["webhook", "slack", "discord", "ntfy", "gotify", "email", "heartbeat", "commit_status"]],
    at_most_one: &[],
    needs: &[],
};

/// Any service that takes HTTP requests.
pub(in super::super) static WEBHOOK: Keys<WebhookSettings> = Keys {
    rows: &[
        Setting {
            key: "url",
            takes: Takes::Secret(|sink, url| sink.url = Some(url)),
            doc: "Where the request goes.",
        },
        Setting {
            key: "url_file",
            takes: Takes::Place(|sink, path| sink.url = Some(Secret::file(path))),
            doc: "A file that holds the address.",
        },
        Setting {
            key: "method",
            takes: Takes::Choice(&["POST", "PUT"], |sink, word| sink.is_put = word == "PUT"),
            doc: "POST if left out.",
        },
        Setting {
            key: "headers",
            takes: Takes::Secrets(|sink, headers| sink.headers = headers),
            doc: "Headers of the request, by name.",
        },
        Setting {
            key: "body",
            takes: Takes::Verbatim(|sink, body| sink.body = Some(body)),
            doc: "Template of the body, in the language of Jinja; a JSON object with all fields if left out.",
        },
        Setting {
            key: "token",
            takes: Takes::Secret(|sink, token| sink.token = Some(token)),
            doc: "Sent as `Authorization: Bearer`.",
        },
        Setting {
            key: "token_file",
            takes: Takes::Place(|sink, path| sink.token = Some(Secret::file(path))),
            doc: "A file that holds the token.",
        },
        Setting {
            key: "secret",
            takes: Takes::Secret(|sink, secret| sink.secret = Some(secret)),
            doc: "What the body is signed with: `X-Reconcile-Signature-256` holds its HMAC-SHA256.",
        },
        Setting {
            key: "secret_file",
            takes: Takes::Place(|sink, path| sink.secret = Some(Secret::file(path))),
            doc: "A file that holds the secret.",
        },
    ],
    required: &[],
    exactly_one: &[URL],
    at_most_one: &[TOKEN, &["secret", "secret_file"]],
    needs: &[],
};

/// A service that is known by its address alone.
pub(in super::super) static ADDRESS: Keys<AddressSettings> = Keys {
    rows: &[
        Setting {
            key: "url",
            takes: Takes::Secret(|sink: &mut AddressSettings, url| sink.url = Some(url)),
            doc: "The address that the service gave you.",
        },
        Setting {
            key: "url_file",
            takes: Takes::Place(|sink, path| sink.url = Some(Secret::file(path))),
            doc: "A file that holds the address.",
        },
    ],
    required: &[],
    exactly_one: &[URL],
    at_most_one: &[],
    needs: &[],
};
