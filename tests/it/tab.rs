//! A browser tab without script, over a real socket: keeps its cookie and the page it shows, and says what it sends byte by byte.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::counter::Counter;

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// All that came back until the end.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        Self { status: head[9..12].parse().unwrap(), head: head.into(), body: body.into() }
    }

    /// All values of a header.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The value of the first attribute of a name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        between(&self.body, &format!("{name}=\""), "\"")
    }

    pub(crate) fn hidden(&self, field: &str) -> Option<&str> {
        between(&self.body, &format!("name=\"{field}\" value=\""), "\"")
    }

    pub(crate) fn label(&self) -> &str {
        self.body.split_once("id=\"loi\"").and_then(|(_, rest)| between(rest, "data-label=\"", "\"")).unwrap_or("none")
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(value, _)| value)
}

/// Sends bytes and reads to the end.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    Answer::read(&text)
}

/// A tab of a browser: keeps the cookie and the page it shows.
#[derive(Clone)]
pub(crate) struct Tab {
    address: SocketAddr,
    pub(crate) cookie: Option<String>,
    pub(crate) page: Option<Answer>,
}

impl Tab {
    pub(crate) fn new(counter: &Counter) -> Self {
        Self::at(counter.address)
    }

    /// A tab for a page that is not a fixture's.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, cookie: None, page: None }
    }

    /// A tab that shows the page.
    pub(crate) async fn open(counter: &Counter) -> Self {
        let mut tab = Self::new(counter);
        assert_eq!(tab.get("/").await.status, 200);
        tab
    }

    /// The page's address is another one now; cookie and page stay.
    pub(crate) fn follow(&mut self, counter: &Counter) {
        self.address = counter.address;
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, extra: &[(&str, &str)], body: &str) -> Answer {
        let host = self.address.to_string();
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".into(), format!("Content-Length: {}", body.len())];
        if !extra.iter().any(|(name, _)| *name == "Host") {
            lines.push(format!("Host: {host}"));
        }
        lines.extend(self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}")));
        lines.extend(extra.iter().map(|(name, value)| format!("{name}: {value}")));
        let answer = send(self.address, format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes()).await;
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split_once(';').map(|(cookie, _)| cookie.to_owned());
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let answer = self.ask("GET", path, &[], "").await;
        self.page = Some(answer.clone());
        answer
    }

    /// The form of the page shown, filled.
    pub(crate) fn form(&self, text: &str) -> String {
        let page = self.page.as_ref().unwrap();
        let mut form = form_urlencoded::Serializer::new(String::new());
        for field in ["bieu_mau", "luot"] {
            page.hidden(field).map(|value| form.append_pair(field, value));
        }
        form.append_pair("ma", text).finish()
    }

    pub(crate) async fn post(&mut self, extra: &[(&str, &str)], body: &str) -> Answer {
        self.post_to("/tra-cuu", extra, body).await
    }

    /// Whether the province has answered: as a script asks, for a part of the page.
    pub(crate) async fn improve(&mut self) -> Answer {
        let form = format!("{}&phan=1", self.form(""));
        self.post_to("/tra-cuu/moi", &[], &form).await
    }

    pub(crate) async fn post_to(&mut self, path: &str, extra: &[(&str, &str)], body: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        let mut headers =
            vec![("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
        headers.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        headers.extend(extra);
        self.ask("POST", path, &headers, body).await
    }

    /// A form of the list, with the page's token, redirects followed.
    pub(crate) async fn act(&mut self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.page.as_ref().unwrap().hidden("bieu_mau").unwrap().to_owned();
        let answer = self.act_with(address, &token, fields, &[]).await;
        if answer.status == 303 {
            assert_eq!(answer.header("location"), Some("/"));
            return self.get("/").await;
        }
        self.page = Some(answer.clone());
        answer
    }

    /// The same with a token and headers of the test's choice; redirects are left alone.
    pub(crate) async fn act_with(&mut self, address: &str, token: &str, fields: &[(&str, &str)], extra: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let body = form.append_pair("bieu_mau", token).extend_pairs(fields).finish();
        let origin = format!("http://{}", self.address);
        let mut headers =
            vec![("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
        headers.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        headers.extend(extra);
        self.ask("POST", address, &headers, &body).await
    }

    /// Enter, as the browser does it, redirects followed.
    pub(crate) async fn enter(&mut self, text: &str) -> Answer {
        let form = self.form(text);
        let answer = self.post(&[], &form).await;
        if answer.status == 303 {
            assert_eq!(answer.header("location"), Some("/"));
            return self.get("/").await;
        }
        self.page = Some(answer.clone());
        answer
    }
}

/// How many visits are on the disk.
pub(crate) async fn saved(counter: &Counter) -> usize {
    counter.desk.today().await.unwrap().len()
}
