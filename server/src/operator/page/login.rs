//! The login.

use super::super::files::ICON;
use super::super::{Lang, Words};
use super::frame::{document, language_link};
use super::parts::csrf_field;
use maud::{Markup, html};

/// What the login shows.
#[derive(Clone, Debug)]
pub(crate) struct LoginPage<'a> {
    pub(crate) lang: Lang,
    /// Bound to the browser, because there is no session yet.
    pub(crate) csrf: &'a str,
    /// Where to go afterwards; a path of ours.
    pub(crate) to: &'a str,
    /// The name that was typed before.
    pub(crate) name: &'a str,
    /// One sentence for a wrong name and a wrong password.
    pub(crate) error: Option<&'a str>,
}

/// The login page.
pub(crate) fn login(page: &LoginPage<'_>) -> Markup {
    let w = Words::of(page.lang);
    document(
        page.lang,
        w.log_in,
        &html! {
            main #main .alone {
                img src=(ICON.path) alt="" width="56" height="56";
                h1 { (w.log_in_title) }
                @if let Some(error) = page.error {
                    p .problem role="alert" { (error) }
                }
                form .fields method="post" action="/operator/login" {
                    (csrf_field(page.csrf))
                    input type="hidden" name="to" value=(page.to);
                    label { (w.name)
                        input type="text" name="name" value=(page.name) required maxlength="64"
                            autocomplete="username" autocapitalize="none" spellcheck="false"
                            autofocus[page.name.is_empty()];
                    }
                    label { (w.password)
                        input type="password" name="password" required maxlength="256"
                            autocomplete="current-password" autofocus[!page.name.is_empty()];
                    }
                    button .button.strong.wide { (w.log_in) }
                }
                p { (language_link(page.lang, "/operator")) }
            }
        },
    )
}
