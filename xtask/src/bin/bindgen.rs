//! `bindgen INPUT.wasm OUT_DIR`: wasm-bindgen for browsers ("web"), with its TypeScript
//! declarations, written as `OUT_DIR/INPUT.js`, `INPUT.d.ts` and `INPUT_bg.wasm`.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [input, out_dir] = arguments.as_slice() else {
        eprintln!("usage: bindgen INPUT.wasm OUT_DIR");
        return ExitCode::from(2);
    };
    match generate(Path::new(input), Path::new(out_dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bindgen: {message}");
            ExitCode::FAILURE
        }
    }
}

fn generate(input: &Path, out_dir: &Path) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).typescript(true).remove_producers_section(true);
    bindgen.web(true).map_err(|error| format!("{error:#}"))?;
    bindgen.generate(out_dir).map_err(|error| format!("{error:#}"))
}
