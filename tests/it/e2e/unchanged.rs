//! An unchanged source changes nothing, whatever is in it: what the engine shows must not be taken for a difference.

use crate::lab::{Lab, changed};

/// The shapes of `examples/stacks` in one: a job, health, links, a terminal, ports, mounts of all kinds, several networks,
/// a shared namespace, replicas, limits.
const ALL: &str = "\
name: PREFIX-u
x-base: &base {image: IMAGE, command: [sleep, infinity], init: true, stop_grace_period: 0s}
services:
  build:
    <<: *base
    command: [sh, -c, 'cp /conf /out/conf']
    volumes: ['./conf:/conf:ro', './out:/out']
  app:
    <<: *base
    command: [sh, -c, 'touch /tmp/up; exec sleep infinity']
    environment: {LEVEL: info, EMPTY: ''}
    depends_on: {build: {condition: service_completed_successfully}}
    healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 500ms, timeout: 20s, retries: 40}
    ports: ['127.0.0.1::8080', '9090/udp']
    volumes: ['./conf:/conf', './out:/out', 'data:/data', /cache, {type: tmpfs, target: /scratch}]
    networks: {front: {aliases: [www]}, back: null}
    stdin_open: true
    tty: true
    working_dir: /usr/local
  api:
    <<: *base
    links: [app]
    depends_on: {app: {condition: service_healthy}}
    networks: [front]
    configs: [{source: inline, target: /etc/inline, mode: 0400}]
    secrets: [word]
    restart: unless-stopped
    mem_limit: 64m
    cap_drop: [ALL]
    ulimits: {nofile: 1024, nproc: 4096}
    extra_hosts: ['one:10.0.0.1']
    logging: {driver: json-file, options: {max-size: 1m}}
  worker: {<<: *base, scale: 2, networks: [back], user: '1000', labels: {team: blue}}
  sidecar: {<<: *base, network_mode: 'service:worker2'}
  worker2: {<<: *base, hostname: second, tmpfs: [/run], cpu_quota: 40000, cpu_period: 80000, cpu_shares: 300, memswap_limit: -1, mem_limit: 48m}
  reserved:
    <<: *base
    cpuset: '0'
    mem_reservation: 32m
    deploy: {resources: {limits: {cpus: '0.25', memory: 40m, pids: 60}}, restart_policy: {condition: on-failure, max_attempts: 3}}
configs: {inline: {content: one}}
secrets: {word: {file: word}}
volumes: {data: {labels: {keep: '1'}}}
networks: {front: null, back: {internal: true}}
";

#[test]
fn a_stack_of_everything_is_applied_once_and_never_touched_again() {
    let Some(lab) = Lab::new("unchanged") else { return };
    lab.write("compose.yaml", ALL);
    lab.write("conf", "a\n");
    lab.write("word", "b\n");
    lab.write("out/README", "the job writes here\n");
    lab.reconcile(&["."]).exits(0);
    let before = lab.containers();
    assert_eq!(before.len(), 8, "{before:?}");
    for look in [&[][..], &[], &["--inspect"]] {
        let run = lab.reconcile(&[&["--detailed-exitcode", "."], look].concat()).exits(0);
        assert!(run.stderr.contains("Nothing to do"), "{run}");
        assert_eq!(changed(&before, &lab.containers()), Vec::<String>::new(), "{run}");
    }
    let status = lab.reconcile(&["status", "."]).exits(0);
    assert!(!status.stdout.contains("out of sync"), "{status}");
}
