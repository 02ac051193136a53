//! What the pages load: one style sheet, one script, one icon. The name holds a digest of the
//! content, so a browser may keep a file for ever and still never has an old one.

use crate::random::hex;
use hmac::digest::Digest as _;
use sha2::Sha256;
use std::sync::LazyLock;

/// A file that pages load.
#[derive(Debug)]
pub(crate) struct PageFile {
    /// `/operator/files/page-0123456789abcdef.css`.
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) content: &'static str,
}

pub(crate) static STYLE: LazyLock<PageFile> =
    LazyLock::new(|| PageFile::new("page", "css", "text/css", include_str!("files/page.css")));
pub(crate) static SCRIPT: LazyLock<PageFile> =
    LazyLock::new(|| PageFile::new("page", "js", "text/javascript", include_str!("files/page.js")));
pub(crate) static ICON: LazyLock<PageFile> =
    LazyLock::new(|| PageFile::new("icon", "svg", "image/svg+xml", include_str!("files/icon.svg")));

impl PageFile {
    fn new(name: &str, kind: &str, content_type: &'static str, content: &'static str) -> Self {
        let digest = hex(&Sha256::digest(content)[..8]);
        Self { path: format!("/operator/files/{name}-{digest}.{kind}"), content_type, content }
    }

    /// The file of this name, `page-0123456789abcdef.css`.
    pub(crate) fn of_name(name: &str) -> Option<&'static Self> {
        let files = [&*STYLE, &*SCRIPT, &*ICON];
        files.into_iter().find(|file| file.path.rsplit('/').next() == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_whole_name_only() {
        let name = STYLE.path.rsplit('/').next().unwrap();
        assert_eq!(PageFile::of_name(name).unwrap().content, STYLE.content);
        for other in ["page.css", "page-0123456789abcdef.css", "", "../mod.rs"] {
            assert!(PageFile::of_name(other).is_none(), "{other}");
        }
    }

    #[test]
    fn the_style_loads_nothing_from_elsewhere() {
        assert!(!STYLE.content.contains("url(") && !STYLE.content.contains("@import"));
    }
}
