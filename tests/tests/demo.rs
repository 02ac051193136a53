//! What `cargo xtask demo` promises: an address that answers, and nothing left behind.
//!
//! Ignored by default, because the shop needs Node and the built npm package:
//! `cargo xtask test --only demo` sees to both.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use saoma_tests::Program;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The demo, and the folder that it takes for temporary files.
struct Demo {
    program: Program,
    children: Vec<PathBuf>,
    address: String,
    folder: TempDir,
}

impl Demo {
    async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_saoma-desk"));
        command.env("TMPDIR", folder.path());
        let (program, rest) = Program::start("demo", &mut command, "open ", false).await?;
        let address = rest.split(' ').next().unwrap_or_default().to_owned();
        let id = program.id().ok_or("it has ended")?;
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let children = children.split_whitespace().map(|id| Path::new("/proc").join(id)).collect();
        Ok(Self { program, children, address, folder })
    }

    /// The `/proc` folder of the child that runs this program.
    fn child(&self, name: &str) -> Option<&PathBuf> {
        self.children.iter().find(|child| {
            std::fs::read_to_string(child.join("comm")).is_ok_and(|comm| comm.trim() == name)
        })
    }

    fn assert_that_nothing_is_left(&self) {
        for child in &self.children {
            assert!(!child.exists(), "{} still runs", child.display());
        }
        let left = std::fs::read_dir(self.folder.path()).map(Iterator::count);
        assert!(matches!(left, Ok(0)), "files are left: {left:?}");
    }
}

#[tokio::test]
#[ignore = "cargo xtask test --only demo"]
async fn it_tells_an_address_that_answers_and_leaves_nothing_behind_when_stopped() -> Outcome {
    let mut demo = Demo::start().await?;
    assert_eq!(demo.children.len(), 3, "sandbox, server and shop");
    let address = demo.address.strip_prefix("http://").ok_or("no address")?;
    assert!(std::net::TcpStream::connect(address).is_ok(), "{address} answers");

    let death = demo.program.stop().await?;
    assert!(death.status.success(), "{death}");
    demo.assert_that_nothing_is_left();
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only demo"]
async fn when_one_of_its_programs_dies_it_says_which_and_stops_the_others() -> Outcome {
    let mut demo = Demo::start().await?;
    let server = demo.child("saoma-server").ok_or("no server among the children")?;
    let id = server.file_name().and_then(|id| id.to_str()).ok_or("no number")?;
    Command::new("sh").args(["-c", &format!("kill -KILL {id}")]).status().await?;

    let death = timeout(Duration::from_secs(30), demo.program.wait()).await??;
    assert_eq!(death.status.code(), Some(1));
    let words = death.last_lines.join("\n");
    assert!(words.contains("error: server ended (signal: 9"), "{words}");
    demo.assert_that_nothing_is_left();
    Ok(())
}
