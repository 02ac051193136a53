//! The cookies: the session, the language, what binds the login's form to the browser, and what
//! lets a page say once what was done.

use axum::http::{HeaderMap, header};

/// How cookies are written: with the `__Host-` prefix and only over TLS, where the server is
/// reached over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    pub(crate) is_secure: bool,
}

impl Cookies {
    /// The full name of a cookie.
    pub(crate) fn name(self, name: &str) -> String {
        format!("{}saoma-{name}", if self.is_secure { "__Host-" } else { "" })
    }

    /// `Set-Cookie` for a value that scripts cannot read. `max_age_s` 0 takes it away.
    pub(crate) fn set(self, name: &str, value: &str, max_age_s: u64) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.name(name);
        format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The value of a cookie of ours that the browser sent.
    pub(crate) fn get(self, headers: &HeaderMap, name: &str) -> Option<String> {
        cookie_of(headers, &self.name(name))
    }
}

/// The value of a cookie; `None` as well when two of the name were sent, because then somebody
/// else may have set one of them.
fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(each, _)| each.trim() == name).map(|(_, value)| value.trim());
    let value = values.next()?;
    values.next().is_none().then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_a_cookie_belongs_to_this_host_alone() {
        let set = Cookies { is_secure: true }.set("session", "T", 60);
        let expected = "__Host-saoma-session=T; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(set, expected);
        let plain = Cookies { is_secure: false }.set("session", "T", 0);
        assert_eq!(plain, "saoma-session=T; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_only_when_it_is_one() {
        let cookies = Cookies { is_secure: false };
        for (header, value) in [
            ("saoma-session=T", Some("T")),
            ("a=b; saoma-session=T ;c=d", Some("T")),
            ("xsaoma-session=T", None),
            ("saoma-session=T; saoma-session=U", None),
            ("saoma-session", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::COOKIE, header.parse().unwrap())]);
            assert_eq!(cookies.get(&headers, "session").as_deref(), value, "{header}");
        }
    }
}
