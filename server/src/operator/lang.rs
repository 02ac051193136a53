//! The language of whoever looks.

/// What the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    Zh,
    En,
}

impl Lang {
    /// For the `lang` attribute, the cookie and the switch.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The one to switch to.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// `zh`, `zh-TW`, `EN_us;q=0.5`.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_', ';']).next().unwrap_or_default().trim();
        if primary.eq_ignore_ascii_case("zh") {
            return Some(Self::Zh);
        }
        primary.eq_ignore_ascii_case("en").then_some(Self::En)
    }

    /// The language that was chosen before, else the first that the browser accepts and the pages
    /// speak, else Chinese.
    pub(crate) fn choose(cookie: Option<&str>, accepted: &str) -> Self {
        let accepted = || accepted.split(',').find_map(Self::of_tag);
        cookie.and_then(Self::of_tag).or_else(accepted).unwrap_or(Self::Zh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_comes_before_the_browser_and_chinese_at_the_end() {
        assert_eq!(Lang::choose(Some("en"), "zh-CN,zh;q=0.9"), Lang::En);
        assert_eq!(Lang::choose(Some("fr"), "en-GB"), Lang::En);
        assert_eq!(Lang::choose(None, "fr-FR,fr;q=0.9,en;q=0.8,zh;q=0.7"), Lang::En);
        assert_eq!(Lang::choose(None, "zh-TW,zh;q=0.9,en;q=0.8"), Lang::Zh);
        for accepted in ["", "de", "english-like"] {
            assert_eq!(Lang::choose(None, accepted), Lang::Zh, "{accepted:?}");
        }
    }
}
