//! The stack that is tortured: a database with a volume, a job, an application with a health check, replicas, networks.

/// What may be wrong with a version of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The database's check fails.
    NeverHealthy,
    /// The database ends as soon as it is started.
    DiesAtOnce,
    /// The database's program does not exist.
    NoProgram,
    /// A port of the database's is taken.
    PortTaken,
    /// A device of the database's does not exist.
    NoDevice,
    /// The user that the database is to run as does not exist.
    NoUser,
    /// The database's image is not there and cannot be pulled.
    NoImage,
    /// The job that the application waits for fails.
    JobFails,
    /// The application is of an image that has to be pulled and takes much space.
    BigPull,
    /// The application is of an image that has to be built and takes much space.
    BigBuild,
}

impl Flaw {
    /// Those that cannot work at all.
    pub const BAD: [Self; 8] = [
        Self::NeverHealthy,
        Self::DiesAtOnce,
        Self::NoProgram,
        Self::PortTaken,
        Self::NoDevice,
        Self::NoUser,
        Self::NoImage,
        Self::JobFails,
    ];

    /// What it changes in the text: a line, and what stands there instead.
    const fn edit(self) -> (&'static str, &'static str) {
        match self {
            Self::NeverHealthy => ("[CMD, pg_isready, -q, -h, 127.0.0.1, -U, postgres]", "[CMD, \"false\"]"),
            Self::DiesAtOnce => ("command: [postgres]", "command: [postgres, -c, no_such_setting=1]"),
            Self::NoProgram => ("command: [postgres]", "entrypoint: [/no/such/program]"),
            Self::PortTaken => ("ports: ['5500:5432']", "ports: ['5500:5432', '5999:5999']"),
            Self::NoDevice => ("command: [postgres]", "devices: [/dev/no-such-device:/dev/x]"),
            Self::NoUser => ("command: [postgres]", "user: nobody-knows-me"),
            Self::NoImage => ("image: reconcile-test/postgres:17", "image: 127.0.0.1:1/no/such:image"),
            Self::JobFails => ("exit 0", "exit 1"),
            Self::BigPull => ("  app:\n", "  app:\n    image: 127.0.0.1:5000/torture/big:1\n"),
            Self::BigBuild => ("  app:\n", "  app:\n    image: torture/built\n    build: ./big\n"),
        }
    }
}

const TEXT: &str = r"
name: torture
x-small: &small {image: 'reconcile-test/busybox:1', init: true, stop_grace_period: 1s}
services:
  db:
    image: reconcile-test/postgres:17
    command: [postgres]
    environment: {POSTGRES_HOST_AUTH_METHOD: trust, EDITION: 'VERSION'}
    volumes: ['data:/var/lib/postgresql/data']
    ports: ['5500:5432']
    networks: {back: {ipv4_address: 10.88.0.10, aliases: [store]}}
    restart: unless-stopped
    stop_grace_period: 10s
    healthcheck:
      test: [CMD, pg_isready, -q, -h, 127.0.0.1, -U, postgres]
      interval: 300ms
      timeout: 5s
      retries: 20
  migrate:
    image: reconcile-test/busybox:1
    command: [sh, -c, 'echo VERSION; exit 0']
    networks: [back]
    depends_on: {db: {condition: service_healthy}}
  app:
    <<: *small
    command: [sh, -c, 'echo VERSION > /tmp/index; exec httpd -f -p 80 -h /tmp']
    networks: {back: {}, front: {aliases: [site]}}
    configs: [{source: settings, target: /etc/app.conf}]
    volumes: [/var/cache/app]
    restart: unless-stopped
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1/index']
      interval: 300ms
      timeout: 5s
      retries: 20
  web:
    <<: *small
    command: [sleep, infinity]
    environment: {EDITION: 'VERSION'}
    networks: [front]
    deploy: {replicas: 2}
  still:
    <<: *small
    command: [sleep, infinity]
    networks: [back]
configs:
  settings: {content: 'edition VERSION'}
networks:
  back: {ipam: {config: [{subnet: 10.88.0.0/25}]}}
  front:
    driver_opts: {torture.edition: 'VERSION'}
    ipam: {config: [{subnet: 10.88.0.128/25}]}
volumes:
  data: {}
";

/// The service that no version changes.
pub const UNTOUCHED: &str = "still";

/// The stack's name.
pub const NAME: &str = "torture";

/// The port at which the database is published.
pub const PORT: u16 = 5500;

/// The stack's compose file.
pub fn text(edition: u32, flaw: Option<Flaw>) -> String {
    let mut text = TEXT.to_owned();
    if let Some(flaw) = flaw {
        let (from, to) = flaw.edit();
        assert!(text.contains(from), "{flaw:?} has nothing to change");
        text = text.replace(from, to);
    }
    text.replace("VERSION", &edition.to_string())
}
