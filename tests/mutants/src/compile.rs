//! The one build: what the compiler refuses is taken out, until the rest is a program.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::list::Mutant;
use crate::weave::{Place, weave};

/// Chooses one mutant by the environment, and notes on demand which sites were come by.
const SWITCH: &str = r#"
pub(crate) fn mutant(site: usize) -> usize {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    static CHOSEN: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    static SEEN: [AtomicBool; 10_000] = [const { AtomicBool::new(false) }; 10_000];
    if !SEEN[site].load(Ordering::Relaxed) && !SEEN[site].swap(true, Ordering::Relaxed) {
        if let Some(path) = std::env::var_os("SAOMA_SEEN") {
            let file = std::fs::File::options().create(true).append(true).open(path);
            writeln!(file.expect("a file"), "{site}").expect("a line");
        }
    }
    *CHOSEN.get_or_init(|| {
        std::env::var("SAOMA_MUTANT").ok().and_then(|id| id.parse().ok()).unwrap_or(0)
    })
}
"#;

/// What was built.
pub(crate) struct Built {
    pub(crate) tests: PathBuf,
    /// No compiler takes these.
    pub(crate) unviable: BTreeMap<usize, String>,
    /// These cannot be switched; cargo-mutants itself has to try them.
    pub(crate) fixed: BTreeSet<usize>,
    /// The mutants that share a switch: by the number that the switch is asked with.
    pub(crate) sites: HashMap<usize, Vec<usize>>,
}

struct Compiler<'a> {
    root: &'a Path,
    tree: PathBuf,
    mutants: &'a [Mutant],
    unviable: BTreeMap<usize, String>,
    keep: HashSet<String>,
    fixed: BTreeSet<usize>,
    places: BTreeMap<String, Vec<Place>>,
}

/// Builds the tests of core with all mutants in them.
pub(crate) fn compile(root: &Path, mutants: &[Mutant]) -> Result<Built, Failure> {
    let tree = root.join("target/mutants/tree");
    plant(root, &tree)?;
    let mut compiler = Compiler {
        root,
        tree,
        mutants,
        unviable: BTreeMap::new(),
        keep: HashSet::new(),
        fixed: BTreeSet::new(),
        places: BTreeMap::new(),
    };
    loop {
        compiler.write()?;
        if let Some(tests) = compiler.build()? {
            let sites = compiler.sites();
            let Compiler { unviable, fixed, .. } = compiler;
            return Ok(Built { tests, unviable, fixed, sites });
        }
    }
}

/// The workspace once more, with a core of its own and everything else where it is.
fn plant(root: &Path, tree: &Path) -> Result<(), Failure> {
    let _ = fs::remove_dir_all(tree);
    fs::create_dir_all(tree)?;
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        match &*name {
            "core" => copy(&root.join("core"), &tree.join("core"))?,
            "Cargo.toml" | "Cargo.lock" => {
                fs::copy(root.join(&*name), tree.join(&*name))?;
            }
            "target" => {}
            _ if name.starts_with('.') => {}
            _ => symlink(root.join(&*name), tree.join(&*name))?,
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Compiler<'_> {
    fn write(&mut self) -> Result<(), Failure> {
        let mut files: BTreeMap<&str, Vec<&Mutant>> = BTreeMap::new();
        for mutant in self.mutants {
            let of_file = files.entry(&mutant.file).or_default();
            if !self.unviable.contains_key(&mutant.id) {
                of_file.push(mutant);
            }
        }
        self.fixed.clear();
        for (file, mutants) in files {
            let source = fs::read_to_string(self.root.join(file))?;
            let woven = weave(&source, &mutants, &self.keep)?;
            fs::write(self.tree.join(file), woven.text)?;
            self.fixed.extend(woven.fixed);
            self.unviable.extend(woven.unviable);
            self.places.insert(file.to_owned(), woven.places);
        }
        let lib = fs::read_to_string(self.root.join("core/src/lib.rs"))?;
        fs::write(self.tree.join("core/src/lib.rs"), format!("{lib}\n{SWITCH}"))?;
        Ok(())
    }

    /// The test program, or nothing where something had to be taken out.
    fn build(&mut self) -> Result<Option<PathBuf>, Failure> {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--locked", "--package", "saoma-core", "--features", "merchant,serde"])
            .args(["--lib", "--no-run", "--message-format", "json", "--target-dir"])
            .arg(self.root.join("target"))
            .args(["--config", "profile.dev.package.saoma-core.opt-level=1"])
            .current_dir(&self.tree);
        let output = command.output()?;
        let (mut tests, mut unknown, mut found) = (None, vec![], 0);
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let message: Value = serde_json::from_str(line)?;
            if let Some(program) = message["executable"].as_str() {
                tests = Some(PathBuf::from(program));
            }
            let said = &message["message"];
            if said["level"] != "error" || said["spans"].as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            if self.take_out(said) {
                found += 1;
            } else {
                unknown.push(said["rendered"].as_str().unwrap_or_default().to_owned());
            }
        }
        println!(
            "built: {}; {found} errors in mutants, {} elsewhere",
            tests.is_some(),
            unknown.len()
        );
        if output.status.success() {
            return Ok(Some(tests.ok_or("cargo named no test program")?));
        }
        if found > 0 {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("the mutants do not build:\n{}\n{said}", unknown.join("\n")).into())
    }

    /// Whether the error is a mutant's, which then goes, or a function's that has to stay const.
    fn take_out(&mut self, said: &Value) -> bool {
        if said["code"]["code"] == "E0015" {
            let words = said["message"].as_str().unwrap_or_default();
            let name = words.split('`').nth(1).and_then(|path| path.rsplit("::").next());
            return name.is_some_and(|name| self.keep.insert(name.to_owned()));
        }
        let spans = said["spans"].as_array().map_or(&[][..], Vec::as_slice);
        let mut spans: Vec<&Value> = spans.iter().collect();
        spans.sort_by_key(|span| span["is_primary"] != true);
        let mutant = spans.into_iter().find_map(|span| {
            let file = span["file_name"].as_str()?;
            let at = usize::try_from(span["byte_start"].as_u64()?).ok()?;
            let places = self.places.get(file)?;
            let inside = places.iter().filter(|place| place.at.contains(&at));
            inside.min_by_key(|place| place.at.len()).map(|place| place.id)
        });
        mutant.is_some_and(|id| {
            self.unviable.insert(id, said["message"].as_str().unwrap_or_default().to_owned());
            true
        })
    }

    fn sites(&self) -> HashMap<usize, Vec<usize>> {
        let mut sites: HashMap<usize, Vec<usize>> = HashMap::new();
        for place in self.places.values().flatten() {
            sites.entry(place.site).or_default().push(place.id);
        }
        sites
    }
}
