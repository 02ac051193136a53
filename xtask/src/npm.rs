//! `cargo xtask npm`: the package of the checkout, made from the crate `saoma-wasm` and its
//! TypeScript face in `wasm/npm`.

use std::path::{Path, PathBuf};

use crate::cross::{self, Target};
use crate::failure::Failure;
use crate::process::{self, cargo, output, program};
use crate::{setup, workspace};

/// Files that go into the package as they are, by their place in the repository.
const COPIED: [&str; 4] =
    ["wasm/npm/package.json", "wasm/npm/README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The unpacked package: what the demo shop serves and what `npm pack` packs.
pub(crate) fn package_folder() -> PathBuf {
    workspace::target().join("npm").join("package")
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    crate::no_arguments("npm", arguments)?;
    build()?;
    print_sizes(&package_folder().join("dist"))?;
    pack()
}

/// Makes `target/npm/package` anew.
pub(crate) fn build() -> Result<(), Failure> {
    setup::node()?;
    for target in [Target::Wasm, Target::WideWasm] {
        println!("    wasm from saoma-wasm, {}", target.folder().display());
        cross::build(target, &["--package", "saoma-wasm"])?;
    }
    let package = package_folder();
    let dist = package.join("dist");
    if package.exists() {
        std::fs::remove_dir_all(&package)
            .map_err(Failure::io(format!("cannot empty {}", package.display())))?;
    }
    std::fs::create_dir_all(&dist)
        .map_err(Failure::io(format!("cannot make {}", dist.display())))?;
    let npm = workspace::root().join("wasm/npm");
    setup::npm_ci(&npm)?;
    core(&npm, &dist)?;
    println!("    TypeScript of wasm/npm");
    let tsc = npm.join("node_modules/typescript/bin/tsc");
    process::run(program("node", &[]).arg(tsc).arg("-p").arg(tsconfig(&npm, &dist)?))?;
    for file in COPIED {
        let from = workspace::root().join(file);
        let to = package.join(from.file_name().unwrap_or_default());
        std::fs::copy(&from, &to).map_err(Failure::io(format!("cannot copy {file}")))?;
    }
    Ok(())
}

/// `wasm/npm/tsconfig.json` for wherever cargo's target folder is: the glue stands there.
fn tsconfig(npm: &Path, dist: &Path) -> Result<PathBuf, Failure> {
    let (base, source) = (npm.join("tsconfig.json"), npm.join("src"));
    let text = format!(
        r#"{{
  "extends": {base:?},
  "compilerOptions": {{
    "rootDir": {source:?},
    "rootDirs": [{source:?}, {dist:?}],
    "outDir": {dist:?}
  }},
  "include": [{source:?}]
}}
"#
    );
    let file = workspace::target().join("npm/tsconfig.json");
    std::fs::write(&file, text).map_err(Failure::io(format!("cannot write {}", file.display())))?;
    Ok(file)
}

/// The core, as wasm and as plain JavaScript.
fn core(npm: &Path, dist: &Path) -> Result<(), Failure> {
    println!("    the wasm without what only wasm-bindgen needs in it");
    let mut node = program("node", &[]);
    node.arg(npm.join("support/core.mjs"));
    for target in [Target::Wasm, Target::WideWasm] {
        let wasm = target.release_folder().join("saoma_wasm.wasm");
        let raw = target.folder().join("bindgen");
        let bindgen =
            ["run", "--package", "xtask", "--features", "bindgen", "--bin", "bindgen", "--"];
        process::run(cargo(&bindgen).arg(wasm).arg(&raw))?;
        node.arg(raw.join("saoma_wasm_bg.wasm"));
    }
    println!("    small, and as plain JavaScript, by binaryen");
    process::run(node.arg(dist))
}

/// Makes the tarball that `npm publish` would send, beside the package.
fn pack() -> Result<(), Failure> {
    let mut npm = program("npm", &["pack", "--loglevel=error", "--pack-destination", ".."]);
    output(npm.current_dir(package_folder()))?;
    let tarball = tarball()?;
    println!(
        "    packed {}",
        tarball.strip_prefix(workspace::root()).unwrap_or(&tarball).display()
    );
    Ok(())
}

/// The tarball that was packed last.
pub(crate) fn tarball() -> Result<PathBuf, Failure> {
    const SCRIPT: &str = "const { name, version } = require(process.argv[1]); \
                          console.log(`${name.slice(1).replace('/', '-')}-${version}.tgz`)";
    let package = package_folder();
    let name = output(program("node", &["--eval", SCRIPT]).arg(package.join("package.json")))?;
    let tarball = package.with_file_name(name.trim());
    if tarball.exists() {
        return Ok(tarball);
    }
    Err(Failure::new(format!("{} is not there: cargo xtask npm", tarball.display())))
}

fn print_sizes(folder: &Path) -> Result<(), Failure> {
    let reading = || Failure::io(format!("cannot read {}", folder.display()));
    let mut files = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(reading())
        .map(|files: Vec<PathBuf>| files)?;
    files.sort();
    println!("    {:<28} {:>9} {:>9}", "bytes", "raw", "brotli");
    for file in files.iter().filter(|path| path.is_file()) {
        let raw = file.metadata().map_err(reading())?.len();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!("    {name:<28} {raw:>9} {:>9}", brotli_size(file)?);
    }
    Ok(())
}

/// Node has brotli inside, so that no other program is needed.
fn brotli_size(file: &Path) -> Result<String, Failure> {
    const SCRIPT: &str = "console.log(require('zlib').brotliCompressSync(\
                          require('fs').readFileSync(process.argv[1])).length)";
    let size = output(program("node", &["--eval", SCRIPT]).arg(file))?;
    Ok(size.trim().to_owned())
}
