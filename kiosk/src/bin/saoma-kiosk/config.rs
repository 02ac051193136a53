//! The configuration file: the options of the command line by the same names, and the menu.

use crate::args::Args;
use clap::{ArgAction, CommandFactory as _, Parser as _};
use saoma_kiosk::{
    call::{AMOUNT_MAX_FEN, Goods},
    menu::{ITEMS_MAX, Item, MENU, Symbol},
    texts::Language,
};
use std::{
    collections::BTreeSet,
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The options that make no sense in a file.
const NOT_IN_A_FILE: [&str; 5] = ["config", "check-config", "help", "version", "once"];
/// What a line of the menu may say.
const MENU_KEYS: [&str; 6] = ["no", "name", "zh", "en", "price-fen", "picture"];

/// All that a terminal is told.
pub(crate) struct Config {
    pub(crate) args: Args,
    pub(crate) menu: &'static [Item],
}

/// Reads command line, environment and file. A wrong command line ends the program.
pub(crate) fn read() -> Result<Config, String> {
    let words: Vec<OsString> = env::args_os().collect();
    let args = Args::parse_from(&words);
    let Some(file) = args.config.clone() else { return Ok(Config { args, menu: &MENU }) };
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("cannot read the configuration {}: {error}", file.display()))?;
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    with_file(&text, words, is_set).map_err(|problem| format!("{}: {problem}", file.display()))
}

/// The words of the command line behind those of the file: the later one counts.
fn with_file(
    text: &str,
    words: Vec<OsString>,
    is_set: impl Fn(&str) -> bool,
) -> Result<Config, String> {
    let mut table: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let menu = match table.remove("menu") {
        Some(menu) => self::menu(&menu)?,
        None => &MENU,
    };
    let options = options(table, is_set)?;
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_default();
    // The file alone first, so that its mistakes are told as its own.
    let alone = std::iter::once(program.clone()).chain(options.iter().cloned());
    Args::try_parse_from(alone).map_err(|error| error.to_string())?;
    let all = std::iter::once(program).chain(options).chain(words);
    Ok(Config { args: Args::parse_from(all), menu })
}

/// The file's options as words of a command line, but for those that the environment sets.
fn options(table: Table, is_set: impl Fn(&str) -> bool) -> Result<Vec<OsString>, String> {
    let command = Args::command();
    let mut words = vec![];
    for (key, value) in table {
        let known = command.get_arguments().find(|one| one.get_long() == Some(key.as_str()));
        let known = known.filter(|_| !NOT_IN_A_FILE.contains(&key.as_str()));
        let known = known.ok_or_else(|| format!("`{key}` is no option; --help lists them"))?;
        if known.get_env().and_then(|name| name.to_str()).is_some_and(&is_set) {
            continue;
        }
        let is_switch = matches!(known.get_action(), ArgAction::SetTrue);
        let word = match value {
            Value::Boolean(is_on) if is_switch => {
                if !is_on {
                    continue;
                }
                format!("--{key}")
            }
            Value::String(text) if !is_switch => format!("--{key}={text}"),
            Value::Integer(number) if !is_switch => format!("--{key}={number}"),
            _ if is_switch => return Err(format!("`{key}` must be true or false")),
            _ => return Err(format!("`{key}` must be a text or a number")),
        };
        words.push(word.into());
    }
    Ok(words)
}

/// The menu of the file, for as long as the program runs.
fn menu(value: &Value) -> Result<&'static [Item], String> {
    let lines = value.as_array().ok_or("the menu is a list: begin each item with [[menu]]")?;
    if lines.is_empty() || lines.len() > ITEMS_MAX {
        return Err(format!("a menu has 1 to {ITEMS_MAX} items"));
    }
    let mut items = vec![];
    for (at, line) in lines.iter().enumerate() {
        let problem = |problem: String| format!("item {} of the menu: {problem}", at + 1);
        let table = line.as_table().ok_or_else(|| problem("it is no [[menu]]".into()))?;
        items.push(item(table).map_err(problem)?);
    }
    let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
    for item in &items {
        if !numbers.insert(item.no) || !names.insert(item.name) {
            return Err(format!("two items of the menu are {} or {:?}", item.no, item.name));
        }
    }
    Ok(items.leak())
}

fn item(table: &Table) -> Result<Item, String> {
    if let Some(key) = table.keys().find(|key| !MENU_KEYS.contains(&key.as_str())) {
        return Err(format!("`{key}` is none of {}", MENU_KEYS.join(", ")));
    }
    let text = |key: &str| match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
        _ => Err(format!("`{key}` must be a text")),
    };
    let number = |key: &str| match table.get(key) {
        Some(Value::Integer(number)) => Ok(*number),
        _ => Err(format!("`{key}` must be a whole number")),
    };
    let name = text("name")?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Err("`name` has letters, digits, - and _ only".into());
    }
    let no = u16::try_from(number("no")?).map_err(|_| "`no` must be 0 to 65535")?;
    let amount_fen = u32::try_from(number("price-fen")?).ok();
    let amount_fen = amount_fen.filter(|fen| (1..=AMOUNT_MAX_FEN).contains(fen));
    let amount_fen = amount_fen.ok_or(format!("`price-fen` must be 1 to {AMOUNT_MAX_FEN}"))?;
    let symbol = match table.get("picture") {
        None => Symbol::default(),
        Some(_) => Symbol::from_name(text("picture")?).ok_or_else(|| {
            format!("`picture` must be one of {}", Symbol::ALL.map(Symbol::name).join(", "))
        })?,
    };
    let kept = |text: &str| -> &'static str { text.to_owned().leak() };
    let (zh, en) = (text("zh")?, text("en")?);
    let item = Item { no, name: kept(name), zh: kept(zh), en: kept(en), amount_fen, symbol };
    for language in Language::ALL {
        Goods::new(item.description(language), item.amount()).map_err(|error| error.to_string())?;
    }
    Ok(item)
}

/// Where the journal is.
pub(crate) fn journal(args: &Args) -> PathBuf {
    let state = || {
        // systemd gives several, where the unit names several.
        let folders = env::var("STATE_DIRECTORY").ok()?;
        let first = folders.split(':').next().filter(|folder| !folder.is_empty())?;
        Some(Path::new(first).join("journal"))
    };
    args.journal.clone().or_else(state).unwrap_or_else(|| "saoma-kiosk.journal".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display;

    const MENU_LINE: &str = "[[menu]]\nno = 7\nname = \"tea\"\nzh = \"茉莉绿茶\"\nen = \"Tea\"\n\
                             price-fen = 500\npicture = \"pot\"\n";

    fn read(text: &str, line: &str) -> Result<Config, String> {
        let words = ["saoma-kiosk"].into_iter().chain(line.split_whitespace());
        with_file(text, words.map(OsString::from).collect(), |name| name == "SAOMA_KIOSK_SERVER")
    }

    fn problem(text: &str) -> String {
        read(text, "").err().unwrap()
    }

    #[test]
    fn options_have_the_same_names_in_the_file_and_the_command_line_counts_more() {
        let text = "display = \"png:here\"\nlang = \"en\"\ndispense-within = 9\n\
                    command-recalls = true\nserver = \"http://file\"\n";
        let config = read(text, "--lang zh").unwrap();
        let args = config.args;
        assert_eq!(args.display, Some(display::Kind::Png("here".into())));
        assert_eq!((args.lang, args.dispense_within), (crate::args::Lang::Zh, 9));
        assert!(args.command_recalls);
        assert_eq!(args.server, "http://127.0.0.1:8080", "the environment counts more");
        assert_eq!(config.menu.len(), MENU.len());
    }

    #[test]
    fn a_menu_is_read_line_by_line() {
        let config = read(MENU_LINE, "").unwrap();
        let [item] = config.menu else { panic!("one item") };
        assert_eq!((item.no, item.name, item.zh, item.en), (7, "tea", "茉莉绿茶", "Tea"));
        assert_eq!((item.amount_fen, item.symbol), (500, Symbol::Pot));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("displai = \"window\"", "`displai`"),
            ("once = true", "`once`"),
            ("config = \"x\"", "`config`"),
            ("command-recalls = \"yes\"", "`command-recalls`"),
            ("lang = true", "`lang`"),
            ("lang = \"fr\"", "--lang"),
            ("dispense-within = 0", "--dispense-within"),
            ("display = ", "display"),
            ("menu = 5", "[[menu]]"),
            ("menu = []", "1 to"),
        ] {
            assert!(problem(text).contains(named), "{text}: {}", problem(text));
        }
        for (good, bad, named) in [
            ("no = 7", "no = -1", "`no`"),
            ("no = 7", "", "`no`"),
            ("price-fen = 500", "price-fen = 5.0", "`price-fen`"),
            ("price-fen = 500", "price-fen = 0", "`price-fen`"),
            ("price-fen = 500", "price-fen = 10000000", "`price-fen` must be 1 to 9999999"),
            ("\"pot\"", "\"pott\"", "`picture`"),
            ("name = \"tea\"", "name = \"te a\"", "`name`"),
            ("zh = \"茉莉绿茶\"", "zh = \" \"", "`zh`"),
            ("en = \"Tea\"", "en = \"a\\nb\"", "control"),
            ("picture", "pictures", "`pictures`"),
        ] {
            let text = MENU_LINE.replace(good, bad);
            assert!(problem(&text).contains("item 1") || problem(&text).contains(named), "{text}");
            assert!(problem(&text).contains(named), "{text}: {}", problem(&text));
        }
        assert!(problem(&MENU_LINE.repeat(2)).contains("two items"));
    }
}
