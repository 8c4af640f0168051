//! The keys: what each takes and what it is for. The reader and the schemas know no other.

use super::{
    Lists, Placed, RolloutSettings, ScheduleSettings, Secret, ServiceSettings, StackSettings, WindowSettings,
};
use crate::compose::diagnostic::Diagnostic;
use crate::compose::node::{Node, Span};
use crate::model::compose_hash::Dialect;
use crate::model::drift::Drift;
use crate::model::job::{self, Overlap, Timetable};
use crate::model::rollout::{FailureAction, Order, WaitFor};
use crate::model::sensitive::Sensitive;
use crate::model::units::Nanos;
use crate::model::windows;
use serde_json::Value;

/// A group of keys.
pub(super) struct Keys<T: 'static> {
    /// The keys, in the order in which they are listed.
    pub rows: &'static [Setting<T>],
    /// Those that must be there.
    pub required: &'static [&'static str],
    /// Sets of keys of which exactly one must be there.
    pub exactly_one: &'static [&'static [&'static str]],
    /// Sets of keys of which one at most may be there.
    pub at_most_one: &'static [&'static [&'static str]],
    /// Keys that mean nothing without another one.
    pub needs: &'static [(&'static str, &'static str)],
}

/// One key.
pub(super) struct Setting<T: 'static> {
    /// Its name.
    pub key: &'static str,
    /// What it takes, and where that goes.
    pub takes: Takes<T>,
    /// What it is for, for people who write it.
    pub doc: &'static str,
}

/// What a key takes.
pub(super) enum Takes<T: 'static> {
    /// One text.
    Text(fn(&mut T, String)),
    /// One text whose position counts.
    Place(fn(&mut T, Placed)),
    /// One text that may hold anything, also what looks like a variable.
    Verbatim(fn(&mut T, Placed)),
    /// The same, which must not be told.
    Secret(fn(&mut T, Secret)),
    /// A mapping of names to such texts.
    Secrets(fn(&mut T, Vec<(Placed, Sensitive)>)),
    /// A list of texts, or one.
    Texts(fn(&mut T, Vec<String>)),
    /// The same with their positions.
    Places(fn(&mut T, Vec<Placed>)),
    /// A list of some of these words, or one of them.
    Words(&'static [&'static str], fn(&mut T, Vec<&'static str>)),
    /// A mapping of names to lists of texts.
    Lists(fn(&mut T, Lists)),
    /// True or false.
    Switch(fn(&mut T, bool)),
    /// True or false, or a mapping with keys of its own.
    SwitchOr(fn(&mut T, bool), &'static (dyn Group<T> + Sync)),
    /// A text that means something; the reader says what is wrong with it, and what it should be.
    Parsed(&'static str, fn(&mut T, &str) -> Result<(), String>),
    /// A time above zero.
    Duration(fn(&mut T, Nanos)),
    /// A time, zero too.
    Period(fn(&mut T, Nanos)),
    /// A number, 0 too.
    Count(fn(&mut T, u32)),
    /// A number from 0 to 100.
    Percent(fn(&mut T, u8)),
    /// One of these words.
    Choice(&'static [&'static str], fn(&mut T, &str)),
    /// A mapping with keys of its own.
    Group(&'static (dyn Group<T> + Sync)),
}

/// A group of keys inside another, whatever it is kept in.
pub(super) trait Group<T: 'static> {
    /// Reads it into its place.
    fn read(&self, settings: &mut T, node: &Node, path: &str, diagnostics: &mut Vec<Diagnostic>);
    /// Finds the places of what must not be told.
    fn secrets(&self, node: &Node, found: &mut Vec<Span>);
    /// Its JSON schema.
    fn schema(&self) -> Value;
}

/// A group that is kept in a field.
pub(super) struct Within<T: 'static, U: 'static> {
    /// Its keys.
    pub keys: &'static Keys<U>,
    /// The field.
    pub field: fn(&mut T) -> &mut U,
}

/// A group that is put where it belongs once it was read; `null` is a group in which nothing is set.
pub(super) struct Put<T: 'static, U: 'static> {
    /// Its keys.
    pub keys: &'static Keys<U>,
    /// Puts it there.
    pub put: fn(&mut T, U),
}

/// A list of groups that is kept in a field, each with its place.
pub(super) struct Items<T: 'static, U: 'static> {
    /// The keys of each.
    pub keys: &'static Keys<U>,
    /// The field.
    pub field: fn(&mut T) -> &mut Vec<(Span, U)>,
}

/// Groups by name that are kept in a field.
pub(super) struct Each<T: 'static, U: 'static> {
    /// The keys of each.
    pub keys: &'static Keys<U>,
    /// The field.
    pub field: fn(&mut T) -> &mut Vec<(Placed, U)>,
}

/// Settings of a stack.
pub(super) static STACK: Keys<StackSettings> = Keys {
    rows: &[
        Setting {
            key: "name",
            takes: Takes::Text(|settings, name| settings.name = Some(name)),
            doc: "Project name; what `-p` is to Compose.",
        },
        Setting {
            key: "files",
            takes: Takes::Texts(|settings, files| settings.files = files),
            doc: "Compose files in order, later ones override; what `-f` is to Compose, relative to the stack's folder.",
        },
        Setting {
            key: "profiles",
            takes: Takes::Texts(|settings, profiles| settings.profiles = profiles),
            doc: "Active profiles; what `--profile` is to Compose.",
        },
        Setting {
            key: "env_files",
            takes: Takes::Texts(|settings, files| settings.env_files = files),
            doc: "Files of variables in place of `.env`; what `--env-file` is to Compose, relative to the stack's folder.",
        },
        Setting {
            key: "depends_on",
            takes: Takes::Texts(|settings, stacks| settings.depends_on = stacks),
            doc: "Names of stacks of the same source that must be up first.",
        },
        Setting {
            key: "ignore_contents",
            takes: Takes::Texts(|settings, paths| settings.ignore_contents = paths),
            doc: "Paths, relative to the project directory, whose contents never make a change.",
        },
        Setting {
            key: "pre_deploy",
            takes: Takes::Lists(|settings, jobs| settings.pre_deploy = jobs),
            doc: "Jobs that run to completion before the rest of the stack changes, by service name, each with the \
                  services that are stopped while it runs and brought back whatever its result.",
        },
        Setting {
            key: "compose_dialect",
            takes: Takes::Choice(&Dialect::WORDS, |settings, word| {
                settings.compose_dialect = Dialect::named(word);
            }),
            doc: "Version of docker compose whose labels new containers get. Left out, that of 2.40, unless 5 made the \
                  newest container of the stack.",
        },
        Setting {
            key: "rollout",
            takes: Takes::Group(&Within {
                keys: &ROLLOUT,
                field: |settings: &mut StackSettings| &mut settings.rollout,
            }),
            doc: "How containers are replaced, for all services that say nothing themselves.",
        },
        Setting {
            key: "schedule",
            takes: Takes::Group(&Within {
                keys: &SCHEDULE,
                field: |settings: &mut StackSettings| &mut settings.schedule,
            }),
            doc: "When changes may be applied. What runs is kept running at any time.",
        },
        Setting {
            key: "drift",
            takes: Takes::Choice(Drift::WORDS, |settings, word| settings.drift = Drift::parse(word)),
            doc: "What becomes of services that somebody stopped, paused or took off a network, for all that say nothing \
                  themselves. heal (the default): they are put right. warn: they are left so, and told. ignore: they are \
                  left so.",
        },
    ],
    required: &[],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// When changes may be applied.
static SCHEDULE: Keys<ScheduleSettings> = Keys {
    rows: &[
        Setting {
            key: "timezone",
            takes: Takes::Parsed(ZONE, |schedule, name| {
                schedule.timezone = Some(windows::zone(name)?);
                Ok(())
            }),
            doc: "In which times are given, such as `Europe/Berlin`; UTC if left out.",
        },
        Setting {
            key: "cron",
            takes: Takes::Parsed(CRON, |schedule, text| {
                schedule.cron = Some(windows::cron(text)?);
                Ok(())
            }),
            doc: "When changes are applied, as a cron expression: `0 3 * * *` is at 3 o'clock. The same as a single window \
                  of `allow`.",
        },
        Setting {
            key: "duration",
            takes: Takes::Duration(|schedule, time| schedule.duration = Some(time)),
            doc: "How long after the times of `cron` changes may still begin; an hour if left out.",
        },
        Setting {
            key: "allow",
            takes: Takes::Group(&Each {
                keys: &WINDOW,
                field: |schedule: &mut ScheduleSettings| &mut schedule.allow,
            }),
            doc: "Windows in which changes are applied, by names of your choice; at any other time they wait.",
        },
        Setting {
            key: "freeze",
            takes: Takes::Group(&Each {
                keys: &WINDOW,
                field: |schedule: &mut ScheduleSettings| &mut schedule.freeze,
            }),
            doc: "Windows in which no changes are applied, whatever `cron` and `allow` say, by names of your choice.",
        },
    ],
    required: &[],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[("duration", "cron")],
};

const ZONE: &str = "the name of a time zone such as Europe/Berlin";
const CRON: &str = "a cron expression of five fields such as `0 3 * * *`";

/// A window.
static WINDOW: Keys<WindowSettings> = Keys {
    rows: &[
        Setting {
            key: "cron",
            takes: Takes::Parsed(CRON, |window, text| {
                window.cron = Some(windows::cron(text)?);
                Ok(())
            }),
            doc: "When it opens, as a cron expression.",
        },
        Setting {
            key: "duration",
            takes: Takes::Duration(|window, time| window.duration = Some(time)),
            doc: "How long it is open, such as `4h`; an hour if left out.",
        },
    ],
    required: &["cron"],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// Settings of a service.
pub(super) static SERVICE: Keys<ServiceSettings> = Keys {
    rows: &[
        Setting {
            key: "job",
            takes: Takes::SwitchOr(
                |settings, job| settings.job = Some(job),
                &Put {
                    keys: &JOB,
                    put: |settings: &mut ServiceSettings, table| settings.timetable = Some(table),
                },
            ),
            doc: "true: it runs once to completion for each change of its definition. false: it is meant to keep running. \
                  A mapping: it runs at times, started by `reconcile watch`. \
                  Left out, it is a job if another service waits for its completion.",
        },
        Setting {
            key: "allow_empty_volume",
            takes: Takes::Switch(|settings, allow| settings.allow_empty_volume = allow),
            doc: "Consent to a change after which it no longer sees the data of a volume that it sees now.",
        },
        Setting {
            key: "wait_timeout",
            takes: Takes::Duration(|settings, time| settings.wait_timeout = Some(time)),
            doc: "How long to wait until it is healthy or has completed, such as `90s`; 10 minutes if left out.",
        },
        Setting {
            key: "rollout",
            takes: Takes::Group(&Within {
                keys: &ROLLOUT,
                field: |settings: &mut ServiceSettings| &mut settings.rollout,
            }),
            doc: "How its containers are replaced; goes before `deploy.update_config`.",
        },
        Setting {
            key: "drift",
            takes: Takes::Choice(Drift::WORDS, |settings, word| settings.drift = Drift::parse(word)),
            doc: "What becomes of it when somebody stopped or paused it, or took it off a network: heal (the default), warn \
                  or ignore.",
        },
    ],
    required: &[],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// When a service runs, and what holds for its runs.
static JOB: Keys<Timetable> = Keys {
    rows: &[
        Setting {
            key: "schedule",
            takes: Takes::Parsed(
                "a cron expression such as `0 3 * * *`, of five fields, or six with seconds first",
                |job, text| {
                    text.clone_into(&mut job.schedule);
                    job::cron(text).map(drop)
                },
            ),
            doc: "When it runs, as a cron expression: `0 3 * * *` is at 3 o'clock, `*/30 * * * * *` every 30 seconds.",
        },
        Setting {
            key: "timezone",
            takes: Takes::Parsed(ZONE, |job, name| {
                name.clone_into(&mut job.timezone);
                windows::zone(name).map(drop)
            }),
            doc: "In which times are given, such as `Europe/Berlin`; UTC if left out.",
        },
        Setting {
            key: "overlap",
            takes: Takes::Choice(Overlap::WORDS, |job, word| job.overlap = Overlap::parse(word)),
            doc: "What happens at a time at which an earlier run still runs. skip (the default): that one goes on, and none \
                  is started. replace: that one is stopped first.",
        },
        Setting {
            key: "timeout",
            takes: Takes::Duration(|job, time| job.timeout = Some(time)),
            doc: "How long a run may take before it is stopped, such as `1h`; as long as it wants if left out.",
        },
        Setting {
            key: "keep",
            takes: Takes::Count(|job, count| job.keep = count),
            doc: "How many runs that ended are kept with their logs, at least 1; 5 if left out.",
        },
        Setting {
            key: "catch_up",
            takes: Takes::Switch(|job, on| job.catch_up = on),
            doc: "Whether a time is made up for at which nobody was there to start the run: the last one only. false if \
                  left out.",
        },
    ],
    required: &["schedule"],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};

/// How containers are replaced.
pub(super) static ROLLOUT: Keys<RolloutSettings> = Keys {
    rows: &[
        Setting {
            key: "order",
            takes: Takes::Choice(Order::WORDS, |rollout, word| rollout.order = Order::parse(word)),
            doc: "stop-first (the default): the old container stops, then the new one starts. start-first: the new one is \
                  up beside the old one before that stops.",
        },
        Setting {
            key: "parallelism",
            takes: Takes::Count(|rollout, count| rollout.parallelism = Some(count)),
            doc: "How many replicas are replaced at a time; 1 if left out, 0 is all.",
        },
        Setting {
            key: "delay",
            takes: Takes::Period(|rollout, time| rollout.delay = Some(time)),
            doc: "Time between one batch of replicas and the next, such as `10s`.",
        },
        Setting {
            key: "monitor",
            takes: Takes::Period(|rollout, time| rollout.monitor = Some(time)),
            doc: "How long a new container is watched after it is up: it must not end, restart or become unhealthy.",
        },
        Setting {
            key: "wait",
            takes: Takes::Choice(WaitFor::WORDS, |rollout, word| rollout.wait = WaitFor::parse(word)),
            doc: "What counts as up. healthy: its health check passes, also one that only the image has. running: it runs. \
                  Left out, it is the health check if the service has one.",
        },
        Setting {
            key: "running_for",
            takes: Takes::Duration(|rollout, time| rollout.running_for = Some(time)),
            doc: "How long a new container must run where no health check is awaited; `monitor`, else 2 seconds, if left out.",
        },
        Setting {
            key: "timeout",
            takes: Takes::Duration(|rollout, time| rollout.timeout = Some(time)),
            doc: "How long its health check may take to pass; `wait_timeout` if left out.",
        },
        Setting {
            key: "on_failure",
            takes: Takes::Choice(FailureAction::WORDS, |rollout, word| {
                rollout.on_failure = FailureAction::parse(word);
            }),
            doc: "rollback (the default): all replicas go back to their old containers. pause: no further replica is \
                  touched. continue: the others are replaced all the same.",
        },
        Setting {
            key: "share_volumes",
            takes: Takes::Switch(|rollout, share| rollout.share_volumes = Some(share)),
            doc: "Consent to start-first although the old and the new container write to the same volumes for a while.",
        },
    ],
    required: &[],
    exactly_one: &[],
    at_most_one: &[],
    needs: &[],
};
