//! A bounded sample of what `make torture` does: requests of an update go wrong, and the next run mends it. The engine
//! itself is left alone: it is the program's connection that is harmed.

use crate::lab::{Lab, Run, changed, docker};
use crate::proxy::fault::{Fault, Point};
use crate::proxy::{Proxy, engine_socket};
use std::collections::BTreeMap;
use std::time::Duration;

/// A database with a volume, and an application that waits for its health.
const STACK: &str = "\
name: PREFIX-a
x-base: &base
  image: IMAGE
  init: true
  stop_grace_period: 1s
  environment: {EDITION: '1'}
services:
  db:
    <<: *base
    command: [sh, -c, 'touch /data/kept /tmp/up; exec sleep 9999']
    volumes: ['data:/data', /scratch]
    healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 200ms, timeout: 5s, retries: 50}
  app:
    <<: *base
    command: [sleep, '9999']
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, 'true'], interval: 200ms, timeout: 5s, retries: 50}
  still:
    <<: *base
    environment: {}
    command: [sleep, '9999']
volumes: {data: {}}
";

struct Sample {
    lab: Lab,
    proxy: Proxy,
    edition: u32,
}

impl Sample {
    /// The stack, up, with a proxy before the engine.
    fn new(test: &str) -> Option<Self> {
        let (lab, engine) = (Lab::new(test)?, engine_socket()?);
        lab.write("a/compose.yaml", STACK);
        lab.reconcile(&["."]).exits(0);
        let proxy = Proxy::start(&lab.path().join("engine.sock"), &engine);
        Some(Self { lab, proxy, edition: 1 })
    }

    /// An update of both services through the proxy.
    fn update(&mut self, faults: Vec<(Point, Fault)>) -> Run {
        let next = 3 - self.edition;
        self.lab.edit(
            "a/compose.yaml",
            &format!("EDITION: '{}'", self.edition),
            &format!("EDITION: '{next}'"),
        );
        self.edition = next;
        let containers = self.lab.containers();
        let names: BTreeMap<_, _> = containers.into_iter().map(|(name, (id, _))| (id, name)).collect();
        self.proxy.arm(faults, names);
        self.lab.reconcile_with(&["."], &[("DOCKER_HOST", &self.proxy.address())])
    }

    /// A request of an update: what is done to which of the stack's containers.
    fn point(&self, method: &str, container: &str, rest: &str) -> Point {
        let prefix = &self.lab.prefix;
        let label = format!("{method} /containers/{prefix}-a-{container}{rest}").replace("PREFIX", prefix);
        Point { label, occurrence: 1 }
    }

    /// A run without faults brings everything to the edition, and after it there is nothing to do.
    #[track_caller]
    fn mends(&self, title: &str) {
        let mut run = self.lab.reconcile(&["."]);
        // A start that the engine refused is left alone for a while, unless the owner knows better.
        if run.code == 3 && run.stderr.contains("quarantined:") {
            run = self.lab.reconcile(&["--retry", "."]);
        }
        assert_eq!(run.code, 0, "after {title}: {run}");
        let again = self.lab.reconcile(&["--dry-run", "--detailed-exitcode", "."]);
        assert_eq!(again.code, 0, "after {title}: {again}");
        let names: Vec<String> = self.lab.containers().into_keys().collect();
        let wanted = ["app-1", "db-1", "still-1"].map(|name| self.lab.stack(&format!("a-{name}")));
        assert_eq!(names, wanted, "after {title}");
        for container in ["a-app-1", "a-db-1"] {
            let edition = self.lab.exec(container, "echo $EDITION").stdout;
            assert_eq!(edition.trim(), self.edition.to_string(), "{container} after {title}");
        }
    }

    /// Names of the anonymous and the named volume of the database.
    fn volumes(&self) -> Vec<String> {
        let names = self.lab.inspect("a-db-1", "{{range .Mounts}}{{.Name}} {{end}}");
        let mut names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        names.sort();
        names
    }
}

#[test]
fn what_a_fault_leaves_behind_is_mended_by_the_next_run() {
    let Some(mut sample) = Sample::new("faults") else { return };
    let still = sample.lab.containers().remove(&sample.lab.stack("a-still-1"));
    let volumes = sample.volumes();
    let requests = [
        ("POST", "db-1", "/stop"),
        ("POST", "db-1", "/rename PREFIX-a-db-1.prev"),
        ("POST", "db-1.next", "/rename PREFIX-a-db-1"),
        ("POST", "db-1", "/start"),
        ("DELETE", "db-1", ""),
    ];
    for (at, (method, container, rest)) in requests.into_iter().enumerate() {
        let faults = [Fault::CutAfter, Fault::Error, Fault::Gone, Fault::LateError];
        // Two faults for each request, all of them twice or more.
        for fault in [faults[at % 4].clone(), faults[(at + 1) % 4].clone()] {
            let point = sample.point(method, container, rest);
            let title = format!("{} at {point}", fault.name());
            let is_gone = matches!(fault, Fault::Gone);
            let run = sample.update(vec![(point, fault)]);
            assert_eq!(sample.proxy.struck().len(), 1, "{title} did not occur: {run}");
            // An engine that answers again is told to start what was stopped.
            let running = docker(&["ps", "--filter", &format!("name={}", sample.lab.stack("a-db-1")), "-q"]);
            assert!(is_gone || !running.stdout.is_empty(), "{title} left the database down: {run}");
            sample.mends(&title);
            assert_eq!(sample.volumes(), volumes, "after {title}");
            assert_eq!(sample.lab.exec("a-db-1", "ls /data").stdout, "kept\n", "after {title}");
        }
    }
    assert_eq!(sample.lab.containers().remove(&sample.lab.stack("a-still-1")), still);
}

#[test]
fn an_engine_that_is_about_to_end_leaves_no_mark() {
    let Some(sample) = Sample::new("ends") else { return };
    let old = "    command: [sleep, '9999']\n    depends_on";
    sample.lab.edit("a/compose.yaml", old, "    command: [sh, -c, 'exit 7']\n    depends_on");
    let mark = sample.lab.stack("a-app-1.failed");
    let update = |faults| {
        sample.proxy.arm(faults, BTreeMap::new());
        let run = sample.lab.reconcile_with(&["."], &[("DOCKER_HOST", &sample.proxy.address())]);
        assert!(run.stderr.contains("exited with code 7"), "{run}");
        run
    };
    let start = sample.point("POST", "app-1", "/start");
    let run = update(vec![(start, Fault::After(sample.proxy.closer()))]);
    assert!(run.stderr.contains("the engine is about to end"), "{run}");
    assert!(!sample.lab.containers().contains_key(&mark), "{run}");
    let run = update(Vec::new());
    assert!(sample.lab.containers().contains_key(&mark), "{run}");
}

#[test]
fn looks_that_fail_and_answers_that_are_late_do_not_fail_an_update() {
    let Some(mut sample) = Sample::new("looks") else { return };
    let look = |sample: &Sample, occurrence| Point { occurrence, ..sample.point("GET", "db-1", "/json") };
    // The first three look for what changed, before and under the lock, and for the time that a stop takes; the next wait
    // for its health.
    let faults = vec![
        (look(&sample, 4), Fault::CutBefore),
        (look(&sample, 5), Fault::Error),
        (sample.point("POST", "db-1", "/start"), Fault::Delay(Duration::from_millis(500))),
    ];
    let before = sample.lab.containers();
    let run = sample.update(faults).exits(0);
    assert_eq!(sample.proxy.struck().len(), 3, "{run}");
    let replaced = ["app-1", "db-1"].map(|name| sample.lab.stack(&format!("a-{name}")));
    assert_eq!(changed(&before, &sample.lab.containers()), replaced, "{run}");
    sample.mends("looks that failed");
}
