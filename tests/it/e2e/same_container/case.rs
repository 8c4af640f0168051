//! Case files. Comments at their start say what a case needs:
//!
//! | line | meaning |
//! | --- | --- |
//! | `# before: ARGS` | a `docker` command that comes first |
//! | `# env: KEY=VALUE` | environment of both programs |
//! | `# look: SERVICE LINE` | a shell line whose output in the service's first container must be the same |
//! | `# needs: 1.45` | engines of old would drop it: there it must be refused |
//! | `# reference needs: 1.44` | the reference refuses it there, `reconcile` can do it |
//! | `# warns below: 1.43 WORD` | there it has no effect, which must be said |
//! | `# not adopted: SERVICE REASON` | `reconcile` replaces what `docker compose up` made |
//! | `# compose recreates: SERVICE REASON` | the other way round |
//!
//! `IMAGE`, `RICH` (an image that sets whatever an image can set), `PREFIX`, `SUBNET` (three of four numbers), `SUBSIX` (a group)
//! and `PORT` (all digits but the last) are filled in, so that runs do not disturb each other.

use crate::lab::{IMAGE, Lab, docker};
use std::fs;
use std::path::{Path, PathBuf};

const RICH: &str = "\
ENV RICH_A=a RICH_B=b
LABEL of=the-image
EXPOSE 7000
VOLUME /rich
WORKDIR /rich
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=1h CMD true
ENTRYPOINT [\"env\"]
CMD [\"sleep\", \"600\"]
";

/// A case file with its comments understood.
#[derive(Default)]
pub struct Case {
    /// File name without its end.
    pub name: String,
    /// Place in the list of all cases.
    index: usize,
    text: String,
    before: Vec<String>,
    /// Environment of both programs.
    pub environment: Vec<(String, String)>,
    /// Services and shell lines whose output must be the same.
    pub looks: Vec<(String, String)>,
    /// API version below which the case must be refused.
    pub needs: Option<(u32, u32)>,
    /// API version below which the reference refuses the case.
    pub reference_needs: Option<(u32, u32)>,
    /// API versions below which a word must appear in a warning.
    pub warnings: Vec<((u32, u32), String)>,
    /// Services that `reconcile` replaces.
    pub not_adopted: Vec<String>,
    /// Services that the reference recreates.
    pub recreated: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/attributes")
}

pub fn version(text: &str) -> (u32, u32) {
    let (major, minor) = text.trim().split_once('.').expect("a version has two parts");
    (major.parse().expect("a number"), minor.parse().expect("a number"))
}

impl Case {
    /// All cases in order.
    pub fn all() -> Vec<Self> {
        let files = fs::read_dir(folder()).expect("the cases").map(|entry| entry.expect("entry").path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
        files.sort();
        files.iter().enumerate().map(|(index, path)| Self::read(index, path)).collect()
    }

    fn read(index: usize, path: &Path) -> Self {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("a case");
        let mut case = Self { name, index, text, ..Self::default() };
        for line in case.text.clone().lines() {
            let Some((word, rest)) = line.strip_prefix("# ").and_then(|line| line.split_once(": ")) else {
                break;
            };
            case.take(word, rest);
        }
        case
    }

    fn take(&mut self, word: &str, rest: &str) {
        let two = |separator| {
            let (first, second) = rest.split_once(separator).expect("two parts");
            (first.to_owned(), second.to_owned())
        };
        match word {
            "before" => self.before.push(rest.to_owned()),
            "env" => self.environment.push(two('=')),
            "look" => self.looks.push(two(' ')),
            "reference needs" => self.reference_needs = Some(version(rest)),
            "needs" => self.needs = Some(version(rest)),
            "warns below" => self.warnings.push((version(&two(' ').0), two(' ').1)),
            "not adopted" => self.not_adopted.push(two(' ').0),
            "compose recreates" => self.recreated.push(two(' ').0),
            other => panic!("{}: unknown line `{other}`", self.name),
        }
    }

    fn fill(&self, lab: &Lab, text: &str) -> String {
        let pid = std::process::id() as usize;
        text.replace("PREFIX", &lab.prefix)
            .replace("IMAGE", &format!("{}-busybox:1", lab.prefix))
            .replace("RICH", &format!("{}-rich", lab.prefix))
            .replace("SUBNET", &format!("10.{}.{}", 180 + pid % 60, self.index))
            .replace("SUBSIX", &format!("{:x}", pid % 0xffff))
            .replace("PORT", &(1100 + (pid * 89 + self.index) % 2100).to_string())
    }

    /// Writes the files and makes what the case needs.
    ///
    /// The image gets a name of its own: the one that tests share may be made anew meanwhile.
    pub fn prepare(&self, lab: &Lab) {
        docker(&["tag", IMAGE, &format!("{}-busybox:1", lab.prefix)]).exits(0);
        let text = format!("name: {}\n{}", lab.stack("c"), self.fill(lab, &self.text));
        lab.write("compose.yaml", &text);
        for file in fs::read_dir(folder().join("files")).expect("the files") {
            let file = file.expect("entry");
            let text = fs::read_to_string(file.path()).expect("text");
            let text = self.fill(lab, &text);
            lab.write(&format!("files/{}", file.file_name().to_string_lossy()), &text);
        }
        fs::create_dir_all(lab.path().join("place")).expect("folder");
        if self.text.contains("RICH") {
            let context = tempfile::tempdir().expect("a temporary folder");
            fs::write(context.path().join("Dockerfile"), format!("FROM {IMAGE}\n{RICH}")).expect("file");
            let context = context.path().to_string_lossy().into_owned();
            docker(&["build", "-q", "-t", &format!("{}-rich", lab.prefix), &context]).exits(0);
        }
        for line in &self.before {
            let line = self.fill(lab, line);
            docker(&line.split(' ').collect::<Vec<_>>()).exits(0);
        }
    }

    /// Whether the case asks for this text, an address say.
    pub fn asks_for(&self, lab: &Lab, text: &str) -> bool {
        !text.is_empty() && self.fill(lab, &self.text).contains(text)
    }
}
