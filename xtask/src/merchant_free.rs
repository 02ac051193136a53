//! The proof that what runs in a browser or in a kiosk cannot sign: the feature `merchant` of
//! the core is not in its tree, and the words of signing and of messages are not in its binary.
//!
//! Both searches are tried on the server first, where they must find something.

use std::path::Path;

use crate::cross::Target;
use crate::failure::Failure;
use crate::process::{cargo, output, run};
use crate::workspace;

/// Text that only a program that signs (`key=`) or writes messages to WeChat contains.
const MERCHANT_WORDS: [&str; 4] = ["key=", "nonce_str", "out_trade_no", "unifiedorder"];

/// How an error of the reader of configuration files begins, which a compiler may put before its
/// `=`: that is no `key=` of signing.
const TOML_ERROR: &[u8] = b"missing value for ";

/// The features that browsers and kiosks are built without.
const MERCHANT_FEATURES: [&str; 2] = ["merchant", "native"];

/// Proves it for both, once the server and the npm package are built.
pub(crate) fn prove() -> Result<(), Failure> {
    if merchant_features(&core_features("saoma-server")?).is_empty() {
        return Err(Failure::new("found no `merchant` in the server: this proof proves nothing"));
    }
    for package in ["saoma-wasm", "saoma-kiosk"] {
        let features = core_features(package)?;
        let found = merchant_features(&features);
        if !found.is_empty() {
            return Err(Failure::new(format!(
                "{package} is built with saoma-core/{}: a key could leak from it",
                found.join(", ")
            )));
        }
        println!("    {package}: no `merchant` in its feature tree");
    }
    let found = merchant_words(&read(&workspace::binary("saoma-server"))?);
    if let Some(word) = MERCHANT_WORDS.iter().find(|word| !found.contains(word)) {
        let why = "to look for it elsewhere would prove nothing";
        return Err(Failure::new(format!("`{word}` is not even in the server: {why}")));
    }
    // By itself: built together with others, cargo would give it the features of all.
    run(&mut cargo(&["build", "--package", "saoma-kiosk"]))?;
    binary_is_free(&workspace::binary("saoma-kiosk"))?;
    binary_is_free(&workspace::binary("saoma-kiosk-bridge"))?;
    binary_is_free(&Target::Wasm.release_folder().join("saoma_wasm.wasm"))?;
    binary_is_free(&Target::WideWasm.release_folder().join("saoma_wasm.wasm"))
}

/// Proves it for one program.
pub(crate) fn binary_is_free(path: &Path) -> Result<(), Failure> {
    let found = merchant_words(&read(path)?);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !found.is_empty() {
        return Err(Failure::new(format!("{name} contains {}", found.join(" and "))));
    }
    println!("    {name}: none of {}", MERCHANT_WORDS.join(", "));
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(Failure::io(format!("cannot read {}", path.display())))
}

/// What cargo says about `saoma-core` in the tree of a package: its features, comma separated.
fn core_features(package: &str) -> Result<String, Failure> {
    let arguments = ["tree", "--package", package, "--edges", "no-dev", "--prefix", "none"];
    let tree = output(cargo(&arguments).args(["--format", "{lib} {f}"]))?;
    let core: Vec<_> = tree.lines().filter_map(|line| line.strip_prefix("saoma_core ")).collect();
    if core.is_empty() {
        return Err(Failure::new(format!("{package} does not use saoma-core at all")));
    }
    Ok(core.join(","))
}

fn merchant_features(features: &str) -> Vec<&str> {
    let among = |feature: &&str| MERCHANT_FEATURES.contains(feature);
    features.split([',', ' ']).filter(among).collect()
}

fn merchant_words(binary: &[u8]) -> Vec<&'static str> {
    let contains = |word: &&str| {
        let mut places = binary.windows(word.len()).enumerate();
        places.any(|(at, bytes)| bytes == word.as_bytes() && !binary[..at].ends_with(TOML_ERROR))
    };
    MERCHANT_WORDS.into_iter().filter(contains).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merchant_is_found_among_features() {
        assert_eq!(merchant_features("default,merchant,serde"), ["merchant"]);
        assert_eq!(merchant_features("merchant,native (*)"), ["merchant", "native"]);
        assert!(merchant_features("default,serde").is_empty());
    }

    #[test]
    fn merchant_words_are_found_anywhere_in_a_binary() {
        assert_eq!(merchant_words(b"\0\xff&key=\0"), ["key="]);
        assert_eq!(merchant_words(b"out_trade_no key="), ["key=", "out_trade_no"]);
        assert!(merchant_words(b"out_trade_n &key").is_empty());
        assert!(merchant_words(b"missing value for key=key with no value").is_empty());
        assert_eq!(merchant_words(b"missing value for key=key=x"), ["key="]);
    }
}
