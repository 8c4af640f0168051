//! `docs/plans.md`: plans of real changes, as the program prints them on a real engine. Below its mark the page is made
//! here; `make docs` writes it anew.

use super::HOW;
use crate::git::Repository;
use crate::kept;
use crate::lab::{IMAGE, Lab, Run, docker};
use std::fmt::Write as _;
use std::fs;

const PAGE: &str = "docs/plans.md";
/// What follows is made from plans.
const MARK: &str = "<!-- From here on made by `make docs`: what the program prints for these changes. -->\n";

/// A change of files.
struct Example {
    title: &'static str,
    about: &'static str,
    /// Files with what they hold before.
    files: &'static [(&'static str, &'static str)],
    /// What of a file becomes what.
    edits: &'static [(&'static str, &'static str, &'static str)],
    /// Whether the stacks are in a git repository.
    git: bool,
    arguments: &'static [&'static str],
    reading: &'static str,
}

const IMAGES: &str = "name: PREFIX-shop
services:
  web:
    image: PREFIX-web:1.27
    command: sleep infinity
    init: true
    network_mode: none
    healthcheck: {test: 'true', interval: 1s}
  cache:
    image: PREFIX-cache:7
    command: sleep infinity
    init: true
    network_mode: none
";

const ENVIRONMENT: &str = "name: PREFIX-blog
services:
  app:
    image: PREFIX-app:3
    command: sleep infinity
    init: true
    network_mode: none
    stop_grace_period: 30s
    environment:
      LOG_LEVEL: info
      WORKERS: ${WORKERS}
    env_file: [app.env]
";

const MOUNTED: &str = "name: PREFIX-proxy
services:
  nginx:
    image: PREFIX-nginx:1.28
    command: sleep infinity
    init: true
    network_mode: none
    volumes: ['./conf.d:/etc/nginx/conf.d:ro']
";

const CONF: &str = "server {
  listen 80;
  server_name example.org;
  location / {
    proxy_pass http://app:8080;
    proxy_set_header X-Api-Key: 7d1f0c;
  }
}
";

const NETWORK: &str = "name: PREFIX-db
services:
  postgres:
    image: PREFIX-postgres:17
    command: sleep infinity
    init: true
    networks: [back]
    volumes: ['data:/data']
  app:
    image: PREFIX-app:3
    command: sleep infinity
    init: true
    networks: [back]
    depends_on: [postgres]
networks:
  back: {}
volumes:
  data: {}
";

const MIGRATION: &str = "name: PREFIX-crm
x-reconcile:
  pre_deploy:
    migrate: [app]
services:
  migrate:
    image: PREFIX-crm:8
    command: 'true'
    network_mode: none
    x-reconcile: {wait_timeout: 5m}
  app:
    image: PREFIX-crm:8
    command: sleep infinity
    init: true
    network_mode: none
";

const VOLUME: &str = "name: PREFIX-wiki
services:
  wiki:
    image: PREFIX-wiki:2
    command: sleep infinity
    init: true
    network_mode: none
    volumes: ['pages:/pages']
volumes:
  pages: {}
";

const EXAMPLES: [Example; 6] = [
    Example {
        title: "A new image",
        about: "One service gets another version; its neighbour is not touched.",
        files: &[("compose.yaml", IMAGES)],
        edits: &[("compose.yaml", "web:1.27", "web:1.28")],
        git: false,
        arguments: &["--dry-run", "."],
        reading: "The image is there already, else the order would begin with its pull. `web` is down from its stop until the new container \
                  is started: at most the time that it has to stop. The old container is kept until the new one is healthy.",
    },
    Example {
        title: "Variables",
        about: "Three variables from three places: the compose file, `.env` and an env file. One is a secret.",
        files: &[
            ("compose.yaml", ENVIRONMENT),
            (".env", "WORKERS=2\n"),
            ("app.env", "REGION=eu\nAPI_TOKEN=pl4in-old\n"),
        ],
        edits: &[
            ("compose.yaml", "LOG_LEVEL: info", "LOG_LEVEL: debug"),
            (".env", "WORKERS=2", "WORKERS=4"),
            ("app.env", "pl4in-old", "pl4in-new"),
        ],
        git: false,
        arguments: &["--dry-run", "."],
        reading: "Each cause names the line that brings it, a variable of `.env` both lines. The token is never shown, but that it is \
                  another one is.",
    },
    Example {
        title: "A mounted file of a repository",
        about: "A file that the container mounts changed with a commit.",
        files: &[("proxy/compose.yaml", MOUNTED), ("proxy/conf.d/site.conf", CONF)],
        edits: &[("proxy/conf.d/site.conf", "app:8080", "app:8081")],
        git: true,
        arguments: &["--dry-run"],
        reading: "What the file holds now lies where the container sees it, so the difference is shown, without what looks like a secret. \
                  A directory as source has changed already: then only the digests tell.",
    },
    Example {
        title: "A network",
        about: "A network becomes internal. An engine cannot change a network, so it is made anew, and whatever is on it stops meanwhile.",
        files: &[("compose.yaml", NETWORK)],
        edits: &[("compose.yaml", "back: {}", "back: {internal: true}")],
        git: false,
        arguments: &["--dry-run", "."],
        reading: "Both services are new containers on the same volumes. Each is created before the old one stops.",
    },
    Example {
        title: "A migration",
        about: "A new version whose migration needs the service stopped (`pre_deploy`).",
        files: &[("compose.yaml", MIGRATION)],
        edits: &[("compose.yaml", "crm:8", "crm:9")],
        git: false,
        arguments: &["--dry-run", "."],
        reading: "`app` is down for the time of the migration, which may take the five minutes that it is given. If it fails, `app` runs again \
                  as it was.",
    },
    Example {
        title: "What is blocked",
        about: "A volume got another name: the service would start on an empty one.",
        files: &[("compose.yaml", VOLUME)],
        edits: &[
            ("compose.yaml", "pages:/pages", "articles:/pages"),
            ("compose.yaml", "pages: {}", "articles: {}"),
        ],
        git: false,
        arguments: &["--dry-run", "."],
        reading: "Nothing happens to the service, and the exit code is not 0. The volume with the data stays in any case.",
    },
];

/// Images that the stacks name; all are the same here.
const NAMES: [&str; 10] = [
    "web:1.27",
    "web:1.28",
    "cache:7",
    "app:3",
    "nginx:1.28",
    "postgres:17",
    "crm:8",
    "crm:9",
    "wiki:2",
    "wiki:3",
];

impl Example {
    fn before(&self, file: &str) -> String {
        self.files
            .iter()
            .find(|(name, _)| *name == file)
            .map_or_else(String::new, |(_, text)| (*text).to_owned())
    }

    fn after(&self, file: &str) -> String {
        let own = self.edits.iter().filter(|(name, _, _)| *name == file);
        own.fold(self.before(file), |text, (_, from, to)| {
            assert!(text.contains(from), "{file} does not hold {from:?}");
            text.replace(from, to)
        })
    }

    /// The change of the files, as a reader would see it.
    fn change(&self) -> String {
        let mut text = String::new();
        for (file, _) in self.files {
            let (before, after) = (self.before(file), self.after(file));
            if before != after {
                let diff = similar::TextDiff::from_lines(&before, &after);
                let _ = write!(text, "{}", diff.unified_diff().context_radius(1).header(file, file));
            }
        }
        text.replace("PREFIX-", "")
    }

    /// Brings the stack up as it was, and gives what a dry run says of it as it is then.
    fn run(&self, lab: &Lab) -> Run {
        let filled = |text: &str| text.replace("PREFIX", &lab.prefix);
        if !self.git {
            for (file, text) in self.files {
                lab.write(file, &filled(text));
            }
            lab.reconcile(&["."]).exits(0);
            for (file, _) in self.files {
                lab.write(file, &filled(&self.after(file)));
            }
            return lab.reconcile(self.arguments);
        }
        let push = |repository: &Repository, subject: &str, text: &dyn Fn(&str) -> String| {
            let files: Vec<(&str, String)> =
                self.files.iter().map(|(file, _)| (*file, filled(&text(file)))).collect();
            let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (*file, text.as_str())).collect();
            repository.push(subject, &files);
        };
        let repository = Repository::empty();
        push(&repository, "first", &|file| self.before(file));
        let address = repository.address();
        crate::git::reconcile(lab, &[&address]).exits(0);
        push(&repository, "second", &|file| self.after(file));
        crate::git::reconcile(lab, &[self.arguments, &[&address]].concat())
    }

    fn section(&self, lab: &Lab) -> String {
        let run = self.run(lab);
        assert!(run.code == 0 || run.stdout.contains("blocked"), "{run}");
        let said =
            run.stdout.replace(&format!("{}/", lab.prefix), "").replace(&format!("{}-", lab.prefix), "");
        let arguments = self.arguments.join(" ");
        let source = if self.git { " https://git.example.org/me/homelab.git" } else { "" };
        format!(
            "\n## {}\n\n{}\n\n```diff\n{}```\n\n```console\n$ reconcile {arguments}{source}\n{said}```\n\n{}\n",
            self.title,
            wrapped(self.about),
            self.change(),
            wrapped(self.reading),
        )
    }
}

/// Prose in lines of at most 150 columns.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= 150 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[test]
fn the_page_of_plans_is_what_the_program_prints() {
    let Some(lab) = Lab::new("page") else { return };
    for name in NAMES {
        docker(&["tag", IMAGE, &lab.stack(name)]).exits(0);
    }
    let sections: String = EXAMPLES
        .iter()
        .map(|example| {
            let section = example.section(&lab);
            for (file, _) in example.files {
                drop(fs::remove_file(lab.path().join(file)));
            }
            section
        })
        .collect();
    assert!(
        !sections.contains("pl4in") || sections.matches("pl4in").count() == 2,
        "only in the change of the file"
    );
    let page = fs::read_to_string(kept::path(PAGE)).unwrap_or_default();
    let head = page.split(MARK).next().unwrap_or_default();
    kept::hold(PAGE, &format!("{head}{MARK}{sections}"), HOW);
}
