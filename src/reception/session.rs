//! Which browser a form belongs to.
//!
//! Promise: a form is taken only from a browser that was given it by this process: its token is a keyed hash of the session cookie. The cookie
//! says nothing and is worth nothing elsewhere; whoever signs in gets another one. A second cookie tells browsers apart where people have signed in before. Never: a
//! person's name in a session; who sits there is known to [`super::seats`] alone.

use core::fmt;

use axum::http::HeaderMap;
use axum::http::header;
use sha2::Digest;
use sha2::Sha256;

use crate::desk::messages::Language;
use crate::desk::messages::Messages;
use crate::domain::roster::Sha256Digest;

use super::seats::Whence;

/// Cookies know no ports, so the name is told apart from other programs on this machine.
const COOKIE: &str = "bhyt_phien";
/// In which language the browser wants its pages; it says nothing else.
const LANGUAGE: &str = "bhyt_ngon_ngu";

/// By which a browser is known where somebody has signed in before.
const DESK: &str = "bhyt_quay";

/// How long that is, in seconds: browsers keep nothing longer.
const DESK_LASTS: u32 = 400 * 24 * 3600;

/// How long the language is remembered, in seconds.
const LANGUAGE_LASTS: u32 = 365 * 24 * 3600;

/// 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Token(u128);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// Reads what `to_text` wrote, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }

    pub(super) fn to_text(self) -> String {
        format!("{:032x}", self.0)
    }
}

/// A browser, as far as we tell browsers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: Token,
    /// It did not come with a cookie and is to be given one.
    pub(super) is_new: bool,
    /// In which language it is spoken to.
    pub(super) language: Language,
    /// What it shows to be known by, if anything.
    pub(super) desk: Option<Token>,
    /// Where it is.
    pub(super) whence: Whence,
}

impl Session {
    /// The session of a request, or a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let held = cookies(headers, COOKIE).find_map(Token::parse);
        let language = cookies(headers, LANGUAGE).find_map(Language::parse).unwrap_or_default();
        let desk = cookies(headers, DESK).find_map(Token::parse);
        Self { id: held.unwrap_or_else(Token::random), is_new: held.is_none(), language, desk, whence: Whence::Own }
    }

    /// A browser that shows a cookie given to another one: it is known by nothing.
    pub(super) fn of_nobody(self) -> Self {
        Self { id: Token::random(), is_new: true, desk: None, ..self }
    }

    /// The words of the pages it gets.
    pub(super) fn messages(self) -> &'static Messages {
        Messages::of(self.language)
    }

    /// The header that gives the browser its cookie, for as long as it stays open.
    pub(super) fn cookie(self) -> String {
        format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", self.id.to_text())
    }
}

/// The header that has a browser known again.
pub(super) fn desk_cookie(desk: Token) -> String {
    format!("{DESK}={}; Path=/; Max-Age={DESK_LASTS}; HttpOnly; SameSite=Strict", desk.to_text())
}

/// The mark of a browser, in the access log and where tries are counted: it does not give away the cookie.
pub(super) fn mark(desk: Token) -> String {
    let digest = Sha256Digest(Sha256::new().chain_update(b"bhyt desk 1:").chain_update(desk.0.to_be_bytes()).finalize().into()).to_hex();
    digest[..16].to_owned()
}

/// The header that has a browser remember a language.
pub(super) fn language_cookie(language: Language) -> String {
    format!("{LANGUAGE}={}; Path=/; Max-Age={LANGUAGE_LASTS}; HttpOnly; SameSite=Strict", language.code())
}

/// The values of all cookies of a name.
pub(super) fn cookies<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let named = lines.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    named.filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// What the form tokens of this process are made with.
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn random() -> Self {
        Self(rand::random())
    }

    /// The token that every form of a session carries. Both inputs have a fixed length, so a plain hash of the two is a keyed hash.
    pub(super) fn form_token(&self, session: Token) -> String {
        Sha256Digest(Sha256::new().chain_update(self.0).chain_update(session.0.to_be_bytes()).finalize().into()).to_hex()
    }

    /// What a browser will be known by once somebody has signed in there, so that what was tried before can be told to be the same one's. From the
    /// session alone nobody can make it.
    pub(super) fn desk_token(&self, session: Token) -> Token {
        let digest: [u8; 32] =
            Sha256::new().chain_update(b"desk").chain_update(self.0).chain_update(session.0.to_be_bytes()).finalize().into();
        Token(digest.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte)))
    }

    /// Whether a form belongs to a session. Takes the same time wherever the two differ.
    pub(super) fn is_form_of(&self, session: Token, shown: &str) -> bool {
        let wanted = self.form_token(session);
        let differs = wanted.bytes().zip(shown.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        wanted.len() == shown.len() && differs == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_written_only() {
        let token = Token::random();
        let text = token.to_text();
        assert_eq!(Token::parse(&text), Some(token));
        for other in [text.to_uppercase() + "A", format!("+{}", &text[1..]), text[1..].to_owned(), format!("{text}0"), String::new()] {
            assert_eq!(Token::parse(&other), None, "{other}");
        }
    }

    #[test]
    fn a_form_belongs_to_one_session_of_one_process() {
        let (secret, other) = (Secret::random(), Secret::random());
        let (session, another) = (Token::random(), Token::random());
        let form = secret.form_token(session);
        assert!(secret.is_form_of(session, &form));
        assert!(!secret.is_form_of(another, &form));
        assert!(!other.is_form_of(session, &form));
        for wrong in ["", "0", &form[1..], &format!("{form}0"), &form.to_uppercase().replace('0', "1")] {
            assert!(!secret.is_form_of(session, wrong), "{wrong}");
        }
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let token = Token::random();
        let mut headers = HeaderMap::new();
        assert!(Session::of(&headers).is_new);
        headers.insert(header::COOKIE, format!("a=b; {COOKIE}={} ;c", token.to_text()).parse().unwrap());
        assert_eq!(
            Session::of(&headers),
            Session { id: token, is_new: false, language: Language::Vietnamese, desk: None, whence: Whence::Own }
        );
        headers.insert(header::COOKIE, format!("{COOKIE}=zz").parse().unwrap());
        assert!(Session::of(&headers).is_new);
        for (cookie, language) in [("en", Language::English), ("vi", Language::Vietnamese), ("EN", Language::Vietnamese)] {
            headers.insert(header::COOKIE, format!("{LANGUAGE}={cookie}").parse().unwrap());
            assert_eq!(Session::of(&headers).language, language, "{cookie}");
        }
        headers.insert(header::COOKIE, format!("{DESK}={}", token.to_text()).parse().unwrap());
        assert_eq!(Session::of(&headers).desk, Some(token));
        assert!(mark(token).len() == 16 && !token.to_text().contains(&mark(token)));
        assert!(language_cookie(Language::English).starts_with("bhyt_ngon_ngu=en; "));
    }
}
