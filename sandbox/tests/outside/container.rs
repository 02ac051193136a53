//! The Dockerfile, as far as it can be checked without an engine.

use std::path::Path;

const DOCKERFILE: &str = include_str!("../../Dockerfile");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The words of each instruction, with its continued lines.
fn instructions() -> Vec<Vec<String>> {
    let joined = DOCKERFILE.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn what_is_copied_is_there_and_holds_every_member_of_the_workspace() {
    let copies = instructions().into_iter().filter(|words| words[0] == "COPY");
    let copied: Vec<_> = copies
        .filter(|words| !words[1].starts_with("--from"))
        .flat_map(|words| words[1..words.len() - 1].to_vec())
        .collect();
    for path in &copied {
        assert!(root().join(path).exists(), "{path}");
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    for member in members.iter().map(|member| member.as_str().unwrap()) {
        let holds = |path: &&String| path == &member || member.starts_with(&format!("{path}/"));
        assert!(copied.iter().any(|path| holds(&path)), "{member} is not copied");
    }
    let version = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(DOCKERFILE.contains(&format!("FROM rust:{version}-")), "another compiler");
}

#[test]
fn it_runs_as_nobody_special_with_options_that_exist() {
    let instructions = instructions();
    let at = |name: &str| instructions.iter().rposition(|words| words[0] == name).unwrap();
    assert!(at("USER") < at("ENTRYPOINT") && instructions[at("USER")][1] != "root");
    assert_eq!(instructions[at("VOLUME")][1], "/data");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_saoma-sandbox"));
    let help = program.arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for line in DOCKERFILE
        .lines()
        .filter(|line| line.contains("saoma-sandbox --") || line.starts_with("ENTRYPOINT"))
    {
        let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.contains(&format!("{option} ")), "{option} of {line}");
        }
    }
    assert!(DOCKERFILE.contains("http://127.0.0.1:8090/healthz"));
}
