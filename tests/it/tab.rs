//! A browser tab without script, over a real socket: keeps its cookie and the page it shows, and says what it sends byte by byte.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::form_urlencoded;

use crate::support;
use crate::support::TestStation;

use super::counter;
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

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// All headers of a name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
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

    /// A tab in which somebody has signed in and that shows the page.
    pub(crate) async fn open(counter: &Counter) -> Self {
        let mut tab = Self::new(counter);
        tab.sign_in("1", counter::PIN).await;
        tab
    }

    /// Signs in as a person does, number first, and shows the page.
    pub(crate) async fn sign_in(&mut self, who: &str, pin: &str) {
        let answer = self.try_sign_in(who, pin).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let next = answer.header("location").unwrap().to_owned();
        assert_eq!(self.get(&next).await.status, 200);
    }

    /// The two Enters of signing in; the answer to the second one, which is not followed.
    pub(crate) async fn try_sign_in(&mut self, who: &str, pin: &str) -> Answer {
        let page = self.get("/dang-nhap").await;
        let token = page.hidden("bieu_mau").unwrap().to_owned();
        let asked = self.act_with("/dang-nhap", &token, &[("ai", who)], &[]).await;
        let Some(chosen) = asked.hidden("chon") else { return asked };
        let answer = self.act_with("/dang-nhap", &token, &[("chon", chosen), ("pin", pin)], &[]).await;
        if answer.status != 303 {
            self.page = Some(answer.clone());
        }
        answer
    }

    /// A tab of a station's daemon, in which somebody has signed in.
    pub(crate) async fn at_station(station: &TestStation) -> Self {
        station.staff().await;
        let mut tab = Self::at(station.page);
        tab.sign_in("1", support::PIN).await;
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
        for cookie in answer.headers("set-cookie") {
            let cookie = cookie.split_once(';').map_or(cookie, |(cookie, _)| cookie);
            let name = cookie.split_once('=').map_or(cookie, |(name, _)| name);
            let held = self.cookie.take().unwrap_or_default();
            let others = held.split("; ").filter(|held| !held.is_empty() && held.split_once('=').is_none_or(|(held, _)| held != name));
            self.cookie = Some(others.chain([cookie]).collect::<Vec<_>>().join("; "));
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
        for field in ["bieu_mau", "luot", "ma_luot"] {
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
