//! Compares this loader with recorded answers of the reference.
//!
//! `CORPUS=DIR cargo test --test conformance -- [--list] [NAME…]`: every folder of DIR is a case. Prints how many
//! projects come out equal, and how many mistakes are refused; `--list` tells each difference. Without `CORPUS`
//! there is nothing to do.

use reconcile::compose::diagnostic::Severity;
use reconcile::compose::files::{Entry, FileKind, Files};
use reconcile::compose::load::{LoadOptions, Loaded, Project, load};
use reconcile::compose::reference_hash::service_hash;
use reconcile::compose::render;
use reconcile::source::Disk;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the recorded answers were made: some paths leave their case, and hashes are of absolute paths too.
const ROOT: &str = "/tmp/compose-corpus";

/// The files of the corpus as if they stood at [`ROOT`]. A symbolic link may be a small file that holds its target,
/// as in a git work tree without links.
struct Corpus(PathBuf);

impl Corpus {
    fn target(&self, path: &Path) -> Option<PathBuf> {
        let real = self.real(path);
        fs::metadata(&real).ok().filter(|found| found.is_file() && (1..100).contains(&found.len()))?;
        let text = fs::read_to_string(real).ok().filter(|text| !text.contains(['\n', ' ']))?;
        let target = path.parent()?.join(text);
        self.real(&target).is_dir().then_some(target)
    }

    fn real(&self, path: &Path) -> PathBuf {
        path.strip_prefix(ROOT).map_or_else(|_| path.to_owned(), |below| self.0.join(below))
    }

    fn follow(&self, path: &Path) -> PathBuf {
        let mut followed = PathBuf::new();
        for part in path.components() {
            followed.push(part);
            if let Some(target) = self.target(&followed) {
                followed = target;
            }
        }
        self.real(&followed)
    }
}

impl Files for Corpus {
    fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read + '_>> {
        Disk.open(&self.follow(path))
    }
    fn kind(&self, path: &Path) -> Option<FileKind> {
        Disk.kind(&self.follow(path))
    }
    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let real = Disk.canonicalize(&self.follow(path))?;
        Ok(real.strip_prefix(&self.0).map_or_else(|_| real.clone(), |below| Path::new(ROOT).join(below)))
    }
    fn read_link(&self, path: &Path) -> Option<PathBuf> {
        self.target(path).or_else(|| Disk.read_link(path))
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(&self.follow(path))
    }
    fn entry(&self, path: &Path) -> Option<Entry> {
        Disk.entry(&self.real(path))
    }
}

/// What came of one case.
enum Outcome {
    /// The project is the same, and its text too or not.
    Equal { text: bool, yaml: bool, hashes: bool, warnings: bool },
    /// It should have failed and did, with the reference's words or not.
    Refused { wording: bool },
    /// Something else.
    Different(String),
    /// The case is about output that is not the canonical JSON.
    Skipped,
}

#[derive(Default)]
struct Count {
    ok: usize,
    equal: usize,
    text: usize,
    yaml: usize,
    hashes: usize,
    warnings: usize,
    errors: usize,
    refused: usize,
    wording: usize,
    skipped: usize,
}

fn main() {
    let Some(corpus) = std::env::var_os("CORPUS").map(PathBuf::from) else {
        println!("conformance: set CORPUS to a folder of cases");
        return;
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    let list = words.iter().any(|word| word == "--list");
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let mut names: Vec<String> = fs::read_dir(&corpus)
        .expect("CORPUS is a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())))
        .collect();
    names.sort();
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for name in names {
        let folder = corpus.join(&name);
        let Ok(text) = fs::read_to_string(folder.join("case.json")) else { continue };
        let case: Value = serde_json::from_str(&text).expect("case.json is JSON");
        let category = case["category"].as_str().unwrap_or("").to_owned();
        let outcome = run(&folder, &case);
        tally(counts.entry(category).or_default(), &case, &outcome);
        if let (true, Outcome::Different(what)) = (list, &outcome) {
            println!("--- {name} (expect {})\n{what}", case["expect"].as_str().unwrap_or(""));
        }
        if let (true, Outcome::Refused { wording: false }) =
            (words.iter().any(|word| word == "--wording"), &outcome)
        {
            println!("--- {name}\n{}", wording(&folder, &case));
        }
    }
    report(&counts);
}

fn tally(count: &mut Count, case: &Value, outcome: &Outcome) {
    if let Outcome::Skipped = outcome {
        count.skipped += 1;
        return;
    }
    if case["expect"] == "ok" {
        count.ok += 1;
    } else {
        count.errors += 1;
    }
    match outcome {
        Outcome::Equal { text, yaml, hashes, warnings } => {
            count.equal += 1;
            count.text += usize::from(*text);
            count.yaml += usize::from(*yaml);
            count.hashes += usize::from(*hashes);
            count.warnings += usize::from(*warnings);
        }
        Outcome::Refused { wording } => {
            count.refused += 1;
            count.wording += usize::from(*wording);
        }
        Outcome::Different(_) | Outcome::Skipped => {}
    }
}

fn report(counts: &BTreeMap<String, Count>) {
    let mut all = Count::default();
    for (category, count) in counts {
        println!(
            "{category:12} equal {:4} of {:4}   text {:4}   warnings {:4}   error {:4} of {:4}   wording {:4}   skipped {}",
            count.equal,
            count.ok,
            count.text,
            count.warnings,
            count.refused,
            count.errors,
            count.wording,
            count.skipped
        );
        all.equal += count.equal;
        all.ok += count.ok;
        all.text += count.text;
        all.yaml += count.yaml;
        all.hashes += count.hashes;
        all.warnings += count.warnings;
        all.refused += count.refused;
        all.errors += count.errors;
        all.wording += count.wording;
        all.skipped += count.skipped;
    }
    println!("equal {} of {}", all.equal, all.ok);
    println!("error {} of {}", all.refused, all.errors);
    println!(
        "same text {}, same yaml {}, same hashes {}, same warnings {}, same wording {}, skipped {}",
        all.text, all.yaml, all.hashes, all.warnings, all.wording, all.skipped
    );
}

fn corpus_of(folder: &Path) -> PathBuf {
    folder.parent().unwrap_or(Path::new("/")).to_owned()
}

/// The folder of a case as the loader sees it.
fn seen(folder: &Path) -> PathBuf {
    Path::new(ROOT).join(folder.file_name().unwrap_or_default())
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The options that a case's arguments mean; `None` if they ask for something else than the project.
fn options(folder: &Path, case: &Value) -> Option<LoadOptions> {
    let cwd = normal(&seen(folder).join(case["cwd"].as_str().unwrap_or(".")));
    let mut environment: BTreeMap<String, String> =
        [("PATH", "/usr/bin:/bin"), ("HOME", "/home/peer")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    for (key, value) in case["env"].as_object().into_iter().flatten() {
        environment.insert(key.clone(), value.as_str().unwrap_or("").to_owned());
    }
    let mut options = LoadOptions::new(cwd, environment);
    options.stdin = case["stdin"].as_str().and_then(|file| fs::read(folder.join(file)).ok());
    let mut args = strings(&case["args"]).into_iter().chain(strings(&case["config_args"]));
    while let Some(arg) = args.next() {
        let mut value = || replace(&args.next().unwrap_or_default(), folder);
        match arg.as_str() {
            "-f" | "--file" => options.files.push(value()),
            "-p" | "--project-name" => options.project_name = Some(value()),
            "--env-file" => options.env_files.push(value()),
            "--profile" => options.profiles.push(value()),
            "--project-directory" => options.project_directory = Some(value()),
            "--format" => {
                if value() == "toml" {
                    return None;
                }
            }
            "--compatibility" | "--no-normalize" => options.normalize = false,
            "--no-interpolate" => options.interpolate = false,
            "--no-path-resolution" => options.resolve_paths = false,
            "--no-consistency" => options.check_consistency = false,
            "--all-resources" => options.all_resources = true,
            flag if flag.starts_with('-') => return None,
            service => options.services.push(service.to_owned()),
        }
    }
    Some(options)
}

/// A path without `.` parts.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|part| part.as_os_str() != ".").collect()
}

fn replace(text: &str, folder: &Path) -> String {
    text.replace("@CASE@", &seen(folder).to_string_lossy()).replace("@PARENT@", ROOT)
}

fn run(folder: &Path, case: &Value) -> Outcome {
    let Some(options) = options(folder, case) else { return Outcome::Skipped };
    let loaded = load(&Corpus(corpus_of(folder)), &options);
    let errors: Vec<String> = messages(&loaded, Severity::Error);
    if case["expect"] == "error" {
        return match loaded.project {
            None if errors.is_empty() => Outcome::Different("no project and no error".to_owned()),
            None => Outcome::Refused { wording: same_wording(folder, case, &errors) },
            Some(_) => Outcome::Different(format!("  loaded, but: {}", expected_error(folder))),
        };
    }
    let Some(project) = &loaded.project else {
        return Outcome::Different(format!("  failed: {}", errors.join("\n")));
    };
    let Ok(expected) = fs::read_to_string(folder.join("expected.json")) else {
        return yaml_only(folder, project, &options);
    };
    let expected = replace(&expected, folder);
    let text = if options.interpolate {
        render::json(&project.tree)
    } else {
        render::untyped_json(&Value::Object(project.tree.clone()))
    };
    let want: Value = serde_json::from_str(&expected).expect("expected.json is JSON");
    let have: Value = serde_json::from_str(&text).expect("just written");
    let mut difference = String::new();
    compare("", &want, &have, &mut difference);
    if difference.is_empty() {
        Outcome::Equal {
            text: text == expected.trim_end(),
            yaml: same_yaml(folder, project, &options),
            hashes: same_hashes(folder, project),
            warnings: same_warnings(folder, &loaded),
        }
    } else {
        Outcome::Different(difference)
    }
}

fn messages(loaded: &Loaded, severity: Severity) -> Vec<String> {
    let wanted = loaded.diagnostics.iter().filter(|one| one.severity == severity);
    wanted.map(|one| one.message.clone()).collect()
}

fn expected_error(folder: &Path) -> String {
    replace(fs::read_to_string(folder.join("expected-error.txt")).unwrap_or_default().trim(), folder)
}

fn same_wording(folder: &Path, case: &Value, errors: &[String]) -> bool {
    let mut wanted: Vec<String> =
        strings(&case["error_alternatives"]).iter().map(|one| replace(one, folder)).collect();
    wanted.push(expected_error(folder));
    // The reference tells mistakes of types in one message; here each is one of its own.
    for text in &mut wanted {
        *text = text.trim_start_matches("decoding failed due to the following error(s):").trim().to_owned();
    }
    errors.iter().any(|error| wanted.iter().any(|text| text.trim() == error.trim()))
}

fn wording(folder: &Path, case: &Value) -> String {
    let Some(options) = options(folder, case) else { return String::new() };
    let loaded = load(&Corpus(corpus_of(folder)), &options);
    format!(
        "  want: {}\n  have: {}",
        expected_error(folder),
        messages(&loaded, Severity::Error).join("\n        ")
    )
}

/// The reference cannot write some projects as JSON.
fn yaml_only(folder: &Path, project: &Project, options: &LoadOptions) -> Outcome {
    if !folder.join("expected.yaml").exists() {
        return Outcome::Skipped;
    }
    if same_yaml(folder, project, options) {
        return Outcome::Equal { text: true, yaml: true, hashes: true, warnings: true };
    }
    Outcome::Different(format!("  other YAML:\n{}", render::yaml(&project.tree)))
}

fn same_yaml(folder: &Path, project: &Project, options: &LoadOptions) -> bool {
    let Ok(expected) = fs::read_to_string(folder.join("expected.yaml")) else { return false };
    let text = if options.interpolate {
        render::yaml(&project.tree)
    } else {
        render::untyped_yaml(&Value::Object(project.tree.clone()))
    };
    text == replace(&expected, folder)
}

/// Whether every recorded hash comes out; those of services with environment files count as right, since the
/// reference hashes them before it reads the files.
fn same_hashes(folder: &Path, project: &Project) -> bool {
    let recorded = fs::read_to_string(folder.join("hashes.txt")).unwrap_or_default();
    recorded.lines().filter_map(|line| line.split_once(' ')).all(|(service, hash)| {
        let files = project.nodes.get("services").and_then(|all| all.get(service)?.get("env_file"));
        let tree = project.tree.get("services").and_then(|all| all.get(service)?.as_object());
        files.is_some() || tree.is_some_and(|tree| service_hash(tree) == hash)
    })
}

fn same_warnings(folder: &Path, loaded: &Loaded) -> bool {
    let expected =
        replace(&fs::read_to_string(folder.join("expected-warnings.txt")).unwrap_or_default(), folder);
    let mut expected: Vec<&str> = expected.lines().collect();
    let have = messages(loaded, Severity::Warning);
    let mut have: Vec<String> = have.iter().map(|one| format!("warning: {one}")).collect();
    have.sort();
    have.dedup();
    expected.sort_unstable();
    expected.dedup();
    expected.iter().copied().eq(have.iter().map(String::as_str))
}

/// Writes down where two values differ.
fn compare(path: &str, want: &Value, have: &Value, out: &mut String) {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            for (key, value) in want {
                match have.get(key) {
                    Some(other) => compare(&format!("{path}.{key}"), value, other, out),
                    None => {
                        let _ = writeln!(out, "  {path}.{key}: missing, want {value}");
                    }
                }
            }
            for (key, value) in have.iter().filter(|(key, _)| !want.contains_key(*key)) {
                let _ = writeln!(out, "  {path}.{key}: not wanted, have {value}");
            }
        }
        (Value::Array(want), Value::Array(have)) if want.len() == have.len() => {
            for (i, (a, b)) in want.iter().zip(have).enumerate() {
                compare(&format!("{path}[{i}]"), a, b, out);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => {
            let _ = writeln!(out, "  {path}: want {a}, have {b}");
        }
    }
}
