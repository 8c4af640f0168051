//! Metrics in the OpenMetrics text format, made of what the daemon heard last.

use crate::daemon::board::{Board, Job, SourceNews, StackNews};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Names and values, always in the same order.
type Labels = Vec<(&'static str, String)>;

/// The metrics as text. Of requests to the engine, all and those that failed are told.
pub fn text(board: &Board, (sent, failed): (u64, u64)) -> String {
    let mut registry = Registry::with_prefix("reconcile");
    sources(&mut registry, board);
    stacks(&mut registry, board);
    jobs(&mut registry, board);
    for (name, help, number) in [
        ("engine_requests", "Requests to the engine", sent),
        ("engine_request_errors", "Requests without an answer, or that failed on the engine's side", failed),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(number);
        registry.register(name, help, counter);
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => text,
        // A text takes whatever is written into it.
        Err(_) => "# EOF\n".to_owned(),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn gauge(registry: &mut Registry, name: &str, help: &str, values: impl Iterator<Item = (Labels, i64)>) {
    let family = Family::<Labels, Gauge>::default();
    registry.register(name, help, family.clone());
    for (labels, value) in values {
        family.get_or_create(&labels).set(value);
    }
}

fn seconds(
    registry: &mut Registry,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, Duration)>,
) {
    let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    registry.register(name, help, family.clone());
    for (labels, value) in values {
        family.get_or_create(&labels).set(value.as_secs_f64());
    }
}

fn sources(registry: &mut Registry, board: &Board) {
    let each = |value: fn(&SourceNews) -> Option<i64>| {
        let one =
            move |(name, news): (&String, &SourceNews)| Some((vec![("source", name.clone())], value(news)?));
        board.iter().filter_map(one)
    };
    let help = "When the source was read and the engine answered, in seconds since 1970";
    gauge(registry, "source_last_look_timestamp_seconds", help, each(|news| news.looked));
    let help = "When the source is looked at next, at the latest, in seconds since 1970";
    gauge(registry, "source_next_look_timestamp_seconds", help, each(|news| news.next));
    let looked = board.iter().filter(|(_, news)| news.looked.is_some());
    let took = looked.map(|(name, news)| (vec![("source", name.clone())], news.took));
    let help = "How long the last look took, from the files to the plan";
    seconds(registry, "source_last_look_duration_seconds", help, took);
    let help = "Whether the engine answered the last look";
    gauge(registry, "source_engine_up", help, each(|news| Some(i64::from(news.error.is_none()))));
    let help = "Stacks of the source that do not load";
    gauge(registry, "source_broken_stacks", help, each(|news| Some(count(news.broken))));
    let revisions = board.iter().filter_map(|(name, news)| {
        let revision = news.revision.clone()?;
        Some((vec![("source", name.clone()), ("revision", revision)], 1))
    });
    gauge(registry, "source_revision_info", "What the source says; always 1", revisions);
}

fn stacks(registry: &mut Registry, board: &Board) {
    let all = || {
        board.iter().flat_map(|(source, news)| {
            let labels =
                |stack: &String| -> Labels { vec![("source", source.clone()), ("stack", stack.clone())] };
            news.stacks.iter().map(move |(stack, news)| (labels(stack), news))
        })
    };
    let each = |value: fn(&StackNews) -> Option<i64>| {
        all().filter_map(move |(labels, news)| Some((labels, value(news)?)))
    };
    let help = "Services of the stack that are as the source says";
    gauge(registry, "stack_in_sync_services", help, each(|news| Some(count(news.in_sync))));
    let help = "Services of the stack that are to be changed";
    gauge(registry, "stack_out_of_sync_services", help, each(|news| Some(count(news.out_of_sync))));
    let help = "Services of the stack that stopped or were changed on the engine, whatever becomes of that";
    gauge(registry, "stack_drifted_services", help, each(|news| Some(count(news.drifted))));
    let help = "Services, networks and volumes of the stack whose change is blocked";
    gauge(registry, "stack_blocked_changes", help, each(|news| Some(count(news.blocked))));
    let help = "Services, networks and volumes of the stack whose change waits for its time";
    gauge(registry, "stack_waiting_changes", help, each(|news| Some(count(news.waiting))));
    let help = "Whether the stack is being worked on";
    gauge(registry, "stack_under_way", help, each(|news| Some(i64::from(news.under_way))));
    let help =
        "When the stack was last found or brought to be all that the source says, in seconds since 1970";
    gauge(registry, "stack_last_success_timestamp_seconds", help, each(|news| news.success));
    let took = all().filter_map(|(labels, news)| Some((labels, news.took?)));
    let help = "How long the last deployment of the stack took";
    seconds(registry, "stack_last_deployment_duration_seconds", help, took);
    let help = "When the last deployment of the stack ended, in seconds since 1970";
    gauge(registry, "stack_last_deployment_timestamp_seconds", help, each(|news| Some(news.last?.0)));
    let help = "Whether the last deployment of the stack was a success";
    gauge(registry, "stack_last_deployment_success", help, each(|news| Some(i64::from(news.last?.1))));
    let family = Family::<Labels, Counter>::default();
    registry.register("stack_deployments", "Deployments of the stack, by what came of them", family.clone());
    for (labels, news) in all() {
        let done = news.deployments;
        for (result, number) in
            [("applied", done.applied), ("rolled_back", done.rolled_back), ("failed", done.failed)]
        {
            let labels = [labels.clone(), vec![("result", result.to_owned())]].concat();
            family.get_or_create(&labels).inc_by(number);
        }
    }
}

fn jobs(registry: &mut Registry, board: &Board) {
    let mut all: Vec<(Labels, &Job)> = Vec::new();
    for (source, news) in board {
        for (stack, news) in &news.stacks {
            all.extend(news.jobs.iter().map(|(service, job)| {
                let names = [("source", source), ("stack", stack), ("service", service)];
                (names.map(|(name, value)| (name, value.clone())).to_vec(), job)
            }));
        }
    }
    let each = |value: fn(&Job) -> Option<i64>| {
        all.iter().filter_map(move |(labels, job)| Some((labels.clone(), value(job)?)))
    };
    let help = "Runs of the job that are under way";
    gauge(registry, "job_running", help, each(|job| Some(count(job.running().count()))));
    let help =
        "The time of the last run of the job that ended by itself or took too long, in seconds since 1970";
    gauge(registry, "job_last_run_timestamp_seconds", help, each(|job| Some(job.last()?.at)));
    let help = "Whether that run was a success";
    gauge(
        registry,
        "job_last_run_success",
        help,
        each(|job| Some(i64::from(!job.last()?.state.is_trouble()))),
    );
}

#[cfg(test)]
mod tests {
    use super::{Duration, text};
    use crate::daemon::board::{Board, SourceNews, StackNews};

    #[test]
    fn every_source_and_stack_has_its_lines() {
        let mut news =
            SourceNews { looked: Some(70), revision: Some("a\"b".to_owned()), ..SourceNews::default() };
        let mut stack = StackNews {
            out_of_sync: 2,
            drifted: 1,
            last: Some((60, false)),
            took: Some(Duration::from_millis(1500)),
            success: Some(50),
            ..StackNews::default()
        };
        stack.deployments.rolled_back = 3;
        news.stacks.insert("shop".to_owned(), stack);
        let text = text(&Board::from([("home".to_owned(), news)]), (12, 1));
        for line in [
            "reconcile_source_last_look_timestamp_seconds{source=\"home\"} 70",
            "reconcile_source_engine_up{source=\"home\"} 1",
            "reconcile_source_revision_info{source=\"home\",revision=\"a\\\"b\"} 1",
            "reconcile_stack_out_of_sync_services{source=\"home\",stack=\"shop\"} 2",
            "reconcile_stack_deployments_total{source=\"home\",stack=\"shop\",result=\"rolled_back\"} 3",
            "reconcile_stack_last_deployment_success{source=\"home\",stack=\"shop\"} 0",
            "reconcile_stack_last_deployment_duration_seconds{source=\"home\",stack=\"shop\"} 1.5",
            "reconcile_stack_last_success_timestamp_seconds{source=\"home\",stack=\"shop\"} 50",
            "reconcile_stack_drifted_services{source=\"home\",stack=\"shop\"} 1",
            "reconcile_engine_requests_total 12",
            "reconcile_engine_request_errors_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
