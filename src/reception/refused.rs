//! What stands at the page's address while the service may not run: why, and what to do.
//!
//! Promise: nothing of the station but the reason; under no other name than the page's; the browser asks again by itself and finds the page as soon as it is
//! back. Never: a form, a script, a person.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::desk::words;
use crate::desk::words::Sentence;

use super::guard;
use super::server;

/// A reason, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the desk.
    pub vi: String,
    /// For whoever helps from afar.
    pub en: String,
    /// Whether it is that what this computer held was given up.
    pub is_wiped: bool,
}

#[derive(askama::Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    title: String,
    blocks: [Told<'a>; 2],
}

/// All of it in one language.
struct Told<'a> {
    language: &'static str,
    heading: String,
    meanwhile: String,
    for_whom: String,
    why: &'a str,
    then: String,
}

impl<'a> RefusedPage<'a> {
    fn new(why: &'a Refusal) -> Self {
        let is_wiped = why.is_wiped;
        let told = |language, why, of: fn(Sentence) -> String| {
            let [heading, meanwhile, for_whom, then] = words::service::refused_page(is_wiped).map(of);
            Told { language, heading, meanwhile, for_whom, why, then }
        };
        let blocks = [told("vi", &why.vi, |said| said.vi), told("en", &why.en, |said| said.en)];
        Self { title: blocks[0].heading.clone(), blocks }
    }
}

/// Answers every question with the reason until stopped.
pub async fn serve(listener: TcpListener, hosts: Vec<String>, why: Refusal, stop: CancellationToken) -> Result<(), io::Error> {
    let shared = Arc::new((hosts, why));
    let router = Router::new().fallback(move |request: Request| {
        let shared = Arc::clone(&shared);
        async move { answer(&shared.0, &shared.1, &request) }
    });
    server::listen(listener, router, server::OWN, None, stop).await
}

fn answer(hosts: &[String], why: &Refusal, request: &Request) -> Response {
    let mut response = if guard::is_for_us(hosts, request) {
        match askama::Template::render(&RefusedPage::new(why)) {
            Ok(page) => (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    };
    guard::harden(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::body::to_bytes;

    use super::*;

    fn asked(host: &str) -> Response {
        let why = Refusal { vi: "Thiếu khóa <b>".into(), en: "The key is missing".into(), is_wiped: false };
        let request = Request::get("/tra-cuu?x=1").header(header::HOST, host).body(Body::empty()).unwrap();
        answer(&["127.0.0.1:8686".into()], &why, &request)
    }

    #[tokio::test]
    async fn the_reason_stands_there_in_both_languages_and_nothing_of_it_is_markup() {
        let response = asked("127.0.0.1:8686");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let page = String::from_utf8(to_bytes(response.into_body(), 100_000).await.unwrap().to_vec()).unwrap();
        assert!(page.contains("Thiếu khóa &#60;b&#62;") && page.contains("The key is missing"), "{page}");
        assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    }

    #[tokio::test]
    async fn under_another_name_nothing_is_told() {
        for host in ["127.0.0.1", "evil.example:8686", "127.0.0.1:8686."] {
            let response = asked(host);
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert!(to_bytes(response.into_body(), 100_000).await.unwrap().is_empty());
        }
    }
}
