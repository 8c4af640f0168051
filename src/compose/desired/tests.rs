use super::{DesiredContext, Tracked, desired};
use crate::compose::diagnostic::{Diagnostic, Severity};
use crate::compose::load::load;
use crate::compose::memory::{Memory, options};
use crate::compose::settings::StackSettings;
use crate::model::desired::{Condition, DesiredStack, JobMode, PullPolicy};
use std::path::{Path, PathBuf};

/// A repository that tracks what it is told.
pub(super) struct Repository(pub(super) Option<Vec<&'static str>>);

impl Tracked for Repository {
    fn tracked(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let files = self.0.as_ref()?.iter().map(|file| Path::new("/p").join(file));
        Some(files.filter(|file| file.starts_with(path)).collect())
    }
}

pub(super) fn convert_with(
    files: &[(&str, &str)],
    settings: &StackSettings,
    tracked: &dyn Tracked,
) -> (Option<DesiredStack>, Vec<Diagnostic>) {
    let files = Memory::new(files);
    let loaded = load(&files, &options(&[("TOKEN", "t0ken")]));
    let project = loaded.project.unwrap_or_else(|| panic!("does not load: {:?}", loaded.diagnostics));
    desired(&project, settings, &DesiredContext { files: &files, tracked, root: Path::new("/p") })
}

fn convert(files: &[(&str, &str)]) -> (Option<DesiredStack>, Vec<Diagnostic>) {
    convert_with(files, &StackSettings::default(), &Repository(None))
}

pub(super) fn stack(files: &[(&str, &str)]) -> DesiredStack {
    let (stack, diagnostics) = convert(files);
    stack.unwrap_or_else(|| panic!("{diagnostics:?}"))
}

fn one(compose: &str) -> DesiredStack {
    stack(&[("compose.yaml", compose)])
}

/// Dotted path and message of every error.
pub(super) fn errors(files: &[(&str, &str)]) -> Vec<String> {
    let (stack, diagnostics) = convert(files);
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|one| format!("{}: {}", one.path, one.message)).collect();
    assert_eq!(stack.is_none(), !errors.is_empty());
    errors
}

fn warnings(files: &[(&str, &str)]) -> Vec<String> {
    let warnings = convert(files).1.into_iter().filter(|one| one.severity == Severity::Warning);
    warnings.map(|one| format!("{}: {}", one.path, one.message)).collect()
}

#[test]
fn a_service_that_only_builds_gets_the_reference_name() {
    let files = [("compose.yaml", "name: p\nservices: {a: {build: .}}"), ("Dockerfile", "FROM scratch")];
    let service = &stack(&files).services["a"];
    assert_eq!((service.image.reference.as_str(), service.spec.image.as_str()), ("p-a", "p-a"));
}

#[test]
fn replicas_come_from_scale_or_deploy_and_may_be_none() {
    let stack =
        one("services: {a: {image: x, scale: 3}, b: {image: x, deploy: {replicas: 0}}, c: {image: x}}");
    let replicas: Vec<u32> = stack.services.values().map(|service| service.replicas).collect();
    assert_eq!(replicas, [3, 0, 1]);
}

#[test]
fn the_hashes_of_the_reference_come_in_two_dialects() {
    let stack = one(
        "name: p
services:
  plain: {image: x}
  bound: {image: x, volumes: ['/s:/short', {type: bind, source: /s, target: /long, bind: {propagation: rslave}}]}
  unmade: {image: x, volumes: [{type: bind, source: /s, target: /t, bind: {create_host_path: false}}]}
  silent: {image: x, volumes: [{type: bind, source: /s, target: /t, bind: {propagation: ''}}]}
networks: {default: {ipam: {options: {a: '1'}}}}",
    );
    let hashes = |key: &str| &stack.services[key].compose_hash;
    assert_eq!(hashes("plain").v2, hashes("plain").v5);
    assert_ne!(hashes("bound").v2, hashes("bound").v5);
    assert_eq!(hashes("unmade").v2, hashes("silent").v2, "2.40 prints neither");
    assert_ne!(hashes("unmade").v5, hashes("silent").v5, "5 prints that no path is made");
    let network = &stack.networks["default"].compose_hash;
    assert_ne!(network.v2, network.v5);
}

#[test]
fn scaling_changes_no_hash() {
    let hash = |compose| one(compose).services["a"].hash();
    assert_eq!(
        hash("services: {a: {image: x}}"),
        hash("services: {a: {image: x, deploy: {replicas: 4}, profiles: [], pull_policy: always}}")
    );
}

#[test]
fn an_attribute_that_nothing_reads_changes_no_hash() {
    let hash = |compose| one(compose).services["a"].hash();
    assert_eq!(
        hash("services: {a: {image: x, ports: ['80:80'], deploy: {restart_policy: {condition: any}}}}"),
        hash(
            "services: {a: {image: x, x-mine: 1, attach: false, ports: [{target: 80, published: 80, name: web, \
             app_protocol: http}], deploy: {restart_policy: {condition: any, delay: 5s}, labels: {a: b}}}}"
        )
    );
}

#[test]
fn the_engine_name_of_a_network_is_part_of_the_hash() {
    let compose =
        |name: &str| format!("services: {{a: {{image: x}}}}\nnetworks: {{default: {{name: {name}}}}}");
    let (a, b) = (one(&compose("n1")), one(&compose("n2")));
    assert_eq!(a.services["a"].names["network default"], "n1");
    assert_ne!(a.services["a"].hash(), b.services["a"].hash());
}

#[test]
fn a_service_whose_completion_is_awaited_is_a_job_unless_its_owner_says_otherwise() {
    let stack =
        one("services:\n  a: {image: x, depends_on: {b: {condition: service_completed_successfully}, \
         c: {condition: service_completed_successfully}, d: {condition: service_healthy, restart: true}}}\n  \
         b: {image: x}\n  c: {image: x, x-reconcile: {job: false, wait_timeout: 2m}}\n  d: {image: x}\n  \
         e: {image: x, x-reconcile: {job: true, allow_empty_volume: true}}");
    let jobs: Vec<JobMode> = stack.services.values().map(|service| service.job).collect();
    assert_eq!(jobs, [JobMode::Inferred, JobMode::Job, JobMode::Service, JobMode::Inferred, JobMode::Job]);
    let on = &stack.services["a"].depends_on["d"];
    assert_eq!((on.condition, on.restart, on.required), (Condition::Healthy, true, true));
    assert!(stack.services["e"].allow_empty_volume);
    assert_eq!(stack.services["c"].wait_timeout.map(crate::model::units::Nanos::whole_seconds), Some(120));
}

#[test]
fn an_unknown_service_setting_is_an_error_with_the_nearest_key() {
    let (none, diagnostics) =
        convert(&[("compose.yaml", "services: {a: {image: x, x-reconcile: {jobs: true}}}")]);
    assert!(none.is_none());
    assert_eq!(diagnostics[0].path, "services.a.x-reconcile.jobs");
    assert_eq!(diagnostics[0].hint.as_deref(), Some("did you mean `job`?"));
    assert!(diagnostics[0].span.is_some());
}

#[test]
fn pull_policies_and_platforms_are_taken_over() {
    let stack = one("services: {a: {image: x, pull_policy: every_2h, platform: linux/arm64}}");
    let image = &stack.services["a"].image;
    assert!(matches!(image.pull, PullPolicy::Every(time) if time.whole_seconds() == 7200));
    assert_eq!(image.platform, "linux/arm64");
    let hash = |platform: &str| {
        one(&format!("services: {{a: {{image: x, platform: {platform}}}}}")).services["a"].hash()
    };
    assert_ne!(hash("linux/arm64"), hash("linux/amd64"));
}

#[test]
fn refused_attributes_are_named_with_their_place() {
    let found = errors(&[(
        "compose.yaml",
        "services:\n  a: {image: x, deploy: {mode: global}}\n  b: {image: x, credential_spec: {file: f}}\n  \
         c: {image: x, volumes: [{type: npipe, source: p, target: /p}]}\n  d: {image: x, use_api_socket: true}",
    )]);
    let paths: Vec<&str> = found.iter().filter_map(|error| error.split(": ").next()).collect();
    assert_eq!(
        paths,
        [
            "services.b.credential_spec",
            "services.a.deploy.mode",
            "services.d.use_api_socket",
            "services.c.volumes[0].type"
        ]
    );
    assert!(found[0].contains("`credential_spec` is not supported"));
}

#[test]
fn an_unused_network_or_volume_is_left_out_and_a_used_one_is_typed() {
    let stack = one("services: {a: {image: x, networks: [n], volumes: ['vol:/v', '/anonymous']}}\n\
         networks: {n: {driver: bridge, internal: true, ipam: {config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1}]}}, m: {}}\n\
         volumes: {vol: {driver_opts: {type: tmpfs, o: 5}, labels: [a=b]}, w: {}}");
    assert_eq!(stack.networks.keys().collect::<Vec<_>>(), ["n"]);
    assert_eq!(stack.networks["n"].ipam_pools[0].subnet, "10.0.0.0/24");
    assert!(stack.networks["n"].internal);
    assert_eq!(stack.networks["n"].name, "p_n");
    assert_eq!(stack.volumes.keys().collect::<Vec<_>>(), ["vol"]);
    assert_eq!(stack.volumes["vol"].driver_opts["o"], "5");
    assert_eq!(stack.services["a"].names["volume vol"], "p_vol");
}

#[test]
fn environment_without_value_stays_null() {
    let stack = one("services: {a: {image: x, environment: {UNSET: , TOKEN: }}}");
    let environment = &stack.services["a"].spec.environment;
    assert_eq!(environment["UNSET"], None);
    assert_eq!(environment["TOKEN"].as_deref(), Some("t0ken"));
}

#[test]
fn a_file_config_is_mounted_and_its_content_counts() {
    let compose = "services: {a: {image: x, configs: [app]}}\nconfigs: {app: {file: ./app.conf}}";
    let with = |content| stack(&[("compose.yaml", compose), ("app.conf", content)]);
    let (old, new) = (with("1"), with("2"));
    let service = &old.services["a"];
    assert_eq!(service.mounted_files[0].source, "/p/app.conf");
    assert_eq!(service.mounted_files[0].target, "/app");
    assert!(service.files.is_empty());
    assert_ne!(service.contents["config app"], new.services["a"].contents["config app"]);
    assert_ne!(service.hash(), new.services["a"].hash());
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let found = errors(&[(
        "compose.yaml",
        "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {file: ./nowhere}}",
    )]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("secrets.s.file: there is no /p/nowhere"), "{}", found[0]);
}

#[test]
fn a_mode_is_honoured_by_writing_the_file() {
    let stack = stack(&[
        (
            "compose.yaml",
            "services: {a: {image: x, secrets: [{source: s, target: sub/t, mode: 0o400, uid: '33'}]}}\n\
             secrets: {s: {file: ./s.txt}}",
        ),
        ("s.txt", "hidden"),
    ]);
    let service = &stack.services["a"];
    assert!(service.mounted_files.is_empty());
    let file = &service.files[0];
    assert_eq!((file.target.as_str(), file.mode, file.uid), ("/run/secrets/sub/t", 0o400, 33));
    assert_eq!(file.content.expose(), b"hidden");
    assert!(!format!("{stack:?}").contains("hidden"));
}

#[test]
fn inline_content_and_variables_are_written() {
    let stack = one("services: {a: {image: x, configs: [{source: c, target: /etc/c}], secrets: [s]}}\n\
         configs: {c: {content: hello}}\nsecrets: {s: {environment: TOKEN}}");
    let files = &stack.services["a"].files;
    assert_eq!((files[0].target.as_str(), files[0].mode), ("/etc/c", 0o444));
    assert_eq!(
        (files[1].target.as_str(), files[1].content.expose().as_slice()),
        ("/run/secrets/s", b"t0ken".as_slice())
    );
    assert_eq!(stack.services["a"].contents.keys().collect::<Vec<_>>(), ["config c", "secret s"]);
}

#[test]
fn a_secret_from_an_unset_variable_is_an_error() {
    let found = errors(&[(
        "compose.yaml",
        "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {environment: NOBODY_SET}}",
    )]);
    assert!(found[0].starts_with("secrets.s.environment: the variable NOBODY_SET"), "{}", found[0]);
}

#[test]
fn what_cannot_be_written_is_refused_and_a_file_falls_back_to_a_mount() {
    let inline = "services: {a: {image: x, read_only: true, configs: [c]}}\nconfigs: {c: {content: hello}}";
    assert!(
        errors(&[("compose.yaml", inline)])[0]
            .contains("cannot be written into the container: it is read-only")
    );
    let hidden = "services: {a: {image: x, tmpfs: [/run], secrets: [s]}}\nsecrets: {s: {environment: TOKEN}}";
    assert!(errors(&[("compose.yaml", hidden)])[0].contains("its target lies in a tmpfs"));
    let file = [
        (
            "compose.yaml",
            "services: {a: {image: x, read_only: true, configs: [{source: c, mode: 0o400}]}}\nconfigs: {c: {file: f}}",
        ),
        ("f", ""),
    ];
    assert_eq!(stack(&file).services["a"].mounted_files.len(), 1);
    assert!(warnings(&file)[0].contains("uid, gid and mode of config \"c\" are ignored"));
}

#[test]
fn external_secrets_need_a_swarm() {
    let found = errors(&[(
        "compose.yaml",
        "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {external: true}}",
    )]);
    assert!(found[0].starts_with("secrets.s.external: `external` is not supported"), "{}", found[0]);
}

#[test]
fn a_seccomp_profile_counts() {
    let compose = "services: {a: {image: x, security_opt: ['seccomp=./profile.json', 'seccomp:unconfined']}}";
    let with = |profile| stack(&[("compose.yaml", compose), ("profile.json", profile)]);
    assert_ne!(with("{}").services["a"].hash(), with("{ }").services["a"].hash());
    assert_eq!(with("{}").services["a"].contents.keys().collect::<Vec<_>>(), ["seccomp ./profile.json"]);
    assert!(
        errors(&[("compose.yaml", compose)])[0]
            .starts_with("services.a.security_opt[0]: cannot read seccomp")
    );
}

#[test]
fn a_profile_switched_off_is_remembered() {
    let stack = one("services: {a: {image: x}, b: {image: x, profiles: [later]}}");
    assert_eq!(stack.disabled.iter().collect::<Vec<_>>(), ["b"]);
    assert_eq!(stack.services.len(), 1);
}
