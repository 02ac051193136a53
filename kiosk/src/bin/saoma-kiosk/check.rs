//! `--check-config`: whatever can be found wrong before a customer finds it.

use crate::{
    config::{self, Config},
    http::{KeyState, Uplink},
    journal::JournalFile,
    key::DeviceKey,
};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// Checks one thing after another, and says a line about each.
pub(crate) fn check(config: &Config) -> Result<ExitCode, String> {
    let mut is_good = true;
    let mut say = |what: &str, found: Result<String, String>| {
        let (word, text) = match found {
            Ok(text) => ("ok", text),
            Err(problem) => {
                is_good = false;
                ("WRONG", problem)
            }
        };
        let _ = writeln!(io::stdout(), "{word:5}  {what}: {text}");
    };
    let args = &config.args;
    say("options", Ok("understood".into()));
    let display = args.display.as_ref().map(|kind| format!("{kind:?}"));
    say("display", display.ok_or_else(|| NO_DISPLAY.into()));
    say("menu", Ok(format!("{} items", config.menu.len())));
    let journal = config::journal(args);
    say(
        "journal",
        JournalFile::open(&journal).map(|(_, found)| {
            let open = found.journal.entries.len();
            format!("{}, {open} open orders", journal.display())
        }),
    );
    let key = DeviceKey::of(args);
    match key {
        Err(problem) => say("key", Err(problem)),
        Ok(key) => {
            say("key", Ok("a line that may be one".into()));
            say("server", server(config, key));
        }
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Said when nobody has said where to show the screens.
pub(crate) const NO_DISPLAY: &str =
    "there is no display: give --display, such as --display window; --help lists them";

fn server(config: &Config, key: DeviceKey) -> Result<String, String> {
    let args = &config.args;
    let uplink = Uplink::new(&args.server, key, args.root_certificate_file.as_deref())?;
    match uplink.key_state()? {
        KeyState::Known => Ok(format!("{} knows the key", args.server)),
        KeyState::Unknown => Err(format!("{} does not know the key", args.server)),
    }
}
