//! Writes the corpus that the targets begin with, from the fixtures.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = here.join("../fixtures");
    let json = |name: &str| -> io::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(fixtures.join(name))?)?)
    };
    let messages = json("v2-messages.json")?;
    let documents = messages.as_array().into_iter().flatten().filter_map(|m| m["xml"].as_str());
    for (index, xml) in documents.enumerate() {
        for target in ["xml", "pay_notice", "answers", "differential"] {
            write(here, target, &format!("message-{}", index + 1), xml.as_bytes())?;
        }
    }
    let notices = json("v2-refund-notices.json")?;
    for (index, notice) in notices["notices"].as_array().into_iter().flatten().enumerate() {
        for part in ["xml", "inner"] {
            let text = notice[part].as_str().unwrap_or_default();
            write(here, "refund_notice", &format!("{part}-{index}"), text.as_bytes())?;
            write(here, "xml", &format!("refund-{part}-{index}"), text.as_bytes())?;
        }
    }
    for file in fs::read_dir(fixtures.join("bills"))? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The first byte is the size of the chunks.
        write(here, "bill", &name, &[&[64], &fs::read(&path)?[..]].concat())?;
    }
    for text in ["20261123193142", "2026-11-23 19:31:42", "20280229", "19700101080000", "2599"] {
        write(here, "beijing_time", &text.replace([' ', ':'], "-"), text.as_bytes())?;
    }
    Ok(())
}

fn write(here: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder: PathBuf = here.join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
