//! What is read of a repository, and what is said when that cannot be.

use super::{Repository, STACK, level, reconcile};
use crate::lab::Lab;
use std::path::PathBuf;

/// The folder of the only source.
fn folder(lab: &Lab) -> PathBuf {
    let mut sources = std::fs::read_dir(lab.path().join("state/sources")).expect("sources").flatten();
    sources.next().expect("a source").path()
}

#[test]
fn branches_tags_and_commits_are_found_and_what_is_missing_is_named() {
    let lab = Lab::without_engine("gitrefs");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["tag", "-a", "v1", "-m", "tagged"]);
    repository.git(&["tag", "light"]);
    repository.push("second", &[("compose.yaml", &STACK.replace("one", "two"))]);
    repository.git(&["push", "-q", "origin", "--tags", "HEAD:refs/heads/side"]);
    let address = repository.address();
    let at = |rev: &str| level(reconcile(&lab, &["render", "--rev", rev, &address]));
    assert_eq!(level(reconcile(&lab, &["render", &address])), "two");
    assert_eq!(
        [at("v1"), at("light"), at(&first), at("side"), at("refs/heads/main")],
        ["one", "one", "one", "two", "two"]
    );
    let bare = repository.bare().display().to_string();
    assert_eq!(level(reconcile(&lab, &["render", &bare])), "two", "a local bare repository needs no file://");
    let said = |args: &[&str]| reconcile(&lab, args).exits(1).stderr;
    assert!(said(&["render", "--rev", "nope", &address]).contains("the branches are main, side"));
    assert!(said(&["render", "--rev", &first[..10], &address]).contains("all 40 digits"));
    assert!(said(&["render", "--rev", &"1".repeat(40), &address]).contains("there is no commit 1111"));
    assert!(said(&["render", "--rev", "x", "."]).contains("--rev is for a git repository"));
    assert!(said(&["render", "file:///nowhere/x.git"]).contains("there is no repository at /nowhere/x.git"));
    assert!(said(&["render", &Repository::empty().address()]).contains("is empty"));
    lab.write("reconcile.yaml", &format!("sources:\n  a: {{git: '{address}', branch: gone}}\n"));
    assert!(said(&["validate", "--config", "reconcile.yaml"]).contains("there is no branch gone"));
    lab.write("reconcile.yaml", &format!("sources:\n  a: {{git: '{address}', path: gone}}\n"));
    assert!(said(&["validate", "--config", "reconcile.yaml"]).contains("there is no directory gone"));
}

#[test]
fn nothing_is_checked_out_and_local_values_are_read_from_the_stable_path() {
    let lab = Lab::without_engine("gitlocal");
    let stack = "name: git-try\nservices:\n  app:\n    image: x:${TAG:-none}\n    env_file: [app.env, {path: secret.env, required: false}]\n    volumes: ['./conf:/conf:ro']\n";
    let repository = Repository::with(&[
        ("stacks/web/compose.yaml", stack),
        ("stacks/web/app.env", "LEVEL=one\n"),
        ("stacks/web/conf/a", "x"),
    ]);
    lab.write(
        "reconcile.yaml",
        &format!("sources:\n  a: {{git: '{}', path: stacks}}\n", repository.address()),
    );
    let address = repository.address();
    let text = reconcile(&lab, &["render", &address]).exits(0).stdout;
    assert!(text.contains("image: x:none") && text.contains("LEVEL: one"), "{text}");
    let files = lab.path().join("state/sources/a/files");
    assert!(!files.exists(), "rendering writes no file");
    let web = files.join("stacks/web");
    assert!(text.contains(&format!("source: {}", web.join("conf").display())), "{text}");

    std::fs::create_dir_all(&web).expect("folder");
    std::fs::write(web.join(".env"), "TAG=local\n").expect("file");
    std::fs::write(web.join("secret.env"), "KEY=value\n").expect("file");
    std::fs::write(web.join("app.env"), "LEVEL=of the host\n").expect("file");
    std::fs::write(web.join("compose.override.yaml"), "services: {app: {image: evil}}\n").expect("file");
    let text = reconcile(&lab, &["render", &address]).exits(0).stdout;
    assert!(text.contains("image: x:local") && text.contains("KEY: value"), "{text}");
    assert!(text.contains("LEVEL: one"), "what the repository has is not local: {text}");
}

#[test]
fn links_stay_in_the_repository() {
    let lab = Lab::without_engine("gitlinks");
    let repository = Repository::empty();
    let work = repository.work();
    std::fs::create_dir_all(work.join("web")).expect("folder");
    std::os::unix::fs::symlink("../common/app.env", work.join("web/app.env")).expect("link");
    repository.push(
        "links",
        &[
            ("common/app.env", "LEVEL=one\n"),
            ("web/compose.yaml", "name: git-try\nservices: {app: {image: x, env_file: app.env}}\n"),
        ],
    );
    assert_eq!(level(reconcile(&lab, &["render", &repository.address()])), "one");
    for target in ["/etc/hostname", "../../../../../../../../../../etc/hostname"] {
        std::fs::remove_file(work.join("web/app.env")).expect("link");
        std::os::unix::fs::symlink(target, work.join("web/app.env")).expect("link");
        repository.push("out", &[]);
        let said = reconcile(&lab, &["render", &repository.address()]).exits(1).stderr;
        assert!(said.contains("outside of the source"), "{said}");
    }
}

#[test]
fn lfs_pointers_are_no_contents() {
    let lab = Lab::without_engine("gitlfs");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    for (service, named) in [
        ("{image: x, volumes: ['./data:/data:ro']}", "web/data/big.bin"),
        ("{image: x, volumes: ['./data/big.bin:/data']}", "web/data/big.bin"),
        ("{image: x, env_file: data/big.bin}", "web/data/big.bin"),
        ("{image: x, configs: [c]}", "web/data/big.bin"),
    ] {
        let stack =
            format!("name: git-try\nservices: {{app: {service}}}\nconfigs: {{c: {{file: data/big.bin}}}}\n");
        let repository = Repository::with(&[("web/compose.yaml", &stack), ("web/data/big.bin", pointer)]);
        let run = reconcile(&lab, &["validate", &repository.address()]);
        assert_eq!(run.code, 1, "{service}: {run}");
        assert!(run.stderr.contains("Git LFS pointer") && run.stderr.contains(named), "{service}: {run}");
    }
}

#[test]
fn submodules_are_read_if_asked_for() {
    let lab = Lab::without_engine("gitmodules");
    let inner = Repository::with(&[("compose.yaml", STACK)]);
    let outer = Repository::with(&[("readme", "x")]);
    outer.git(&["submodule", "add", "-q", &inner.address(), "web"]);
    outer.push("submodule", &[]);
    let settings = |more: &str| {
        lab.write("reconcile.yaml", &format!("sources:\n  a: {{git: '{}'{more}}}\n", outer.address()));
    };
    settings("");
    let said = reconcile(&lab, &["validate", "--config", "reconcile.yaml"]).exits(1).stderr;
    assert!(said.contains("no compose file"), "{said}");
    settings(", submodules: true");
    assert_eq!(level(reconcile(&lab, &["render", &outer.address()])), "one");
}

#[test]
fn a_store_that_is_broken_is_made_anew() {
    let lab = Lab::without_engine("gitbroken");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let address = repository.address();
    let render = || reconcile(&lab, &["render", &address]);
    assert_eq!(level(render()), "one");
    let each = |act: &dyn Fn(&std::path::Path)| {
        let mut open = vec![folder(&lab)];
        while let Some(path) = open.pop() {
            for entry in std::fs::read_dir(path).expect("folder").flatten().map(|entry| entry.path()) {
                if entry.is_dir() {
                    open.push(entry);
                } else if entry.components().any(|part| part.as_os_str() == "objects") {
                    act(&entry);
                }
            }
        }
    };
    let harms: [&dyn Fn(&std::path::Path); 3] = [
        &|path| std::fs::remove_file(path).expect("file"),
        &|path| {
            let bytes = std::fs::read(path).expect("bytes");
            std::fs::remove_file(path).expect("file");
            std::fs::write(path, &bytes[..bytes.len() / 2]).expect("half");
        },
        &|path| {
            let mut bytes = std::fs::read(path).expect("bytes");
            let at = bytes.len() / 2;
            bytes[at] ^= 0x55;
            std::fs::remove_file(path).expect("file");
            std::fs::write(path, bytes).expect("changed");
        },
    ];
    for harm in harms {
        each(harm);
        assert_eq!(level(render()), "one");
        assert_eq!(level(render()), "one");
    }
    std::fs::write(folder(&lab).join("state.json"), "{").expect("file");
    assert_eq!(level(render()), "one");
    // Broken, and nobody to fetch from: nothing is known, so nothing is done.
    each(harms[0]);
    std::fs::rename(repository.bare(), repository.root().join("away")).expect("moved");
    let run = render();
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("cannot be read"), "{run}");
}

#[test]
fn the_last_good_revision_stays_when_the_repository_is_gone_or_empty() {
    let lab = Lab::without_engine("gitoffline");
    let repository = Repository::with(&[("compose.yaml", STACK)]);
    let address = repository.address();
    assert_eq!(level(reconcile(&lab, &["render", &address])), "one");
    repository.git(&["push", "-q", "origin", "HEAD:refs/heads/other"]);
    repository.git(&["push", "-q", "origin", ":main"]);
    let gone = reconcile(&lab, &["render", &address]).exits(3);
    assert!(
        gone.stdout.contains("LEVEL: one") && gone.stderr.contains("the last good revision stays"),
        "{gone}"
    );
    std::fs::rename(repository.bare(), repository.root().join("away")).expect("moved");
    let gone = reconcile(&lab, &["render", &address]).exits(3);
    assert!(
        gone.stdout.contains("LEVEL: one") && gone.stderr.contains("there is no repository at"),
        "{gone}"
    );
}
