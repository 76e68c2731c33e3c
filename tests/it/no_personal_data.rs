//! F56: a whole day, with everything that goes wrong on one, and then nobody of it in what an administrator reads or sends on.
//!
//! Promise: the real program writes its log at debug level; log, status, figures, error texts, the page's addresses and the support bundle are searched for every
//! name, number and birth date of the roster and every PIN, in each form in which a program spells a text. The searcher is tested on made-up leaks first.
//! Never: a form that was thought of and not searched for.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bhyt_agent::control::contract::Request;
use bhyt_agent::control::contract::operators::OperatorRequest;
use provincial::Fault;
use provincial::Person;
use provincial::payload;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use url::form_urlencoded;
use uuid::Uuid;

use crate::support::AGENT;
use crate::support::Daemon;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::ports;
use crate::tab::Answer;
use crate::tab::Tab;

/// Long ones: six digits stand in every log, as the microseconds of a time.
const HEADS_PIN: &str = "739182645017";
const WRONG_PINS: [&str; 3] = ["918273645546", "827364551928", "736455192837"];
const HEAD: &str = "Phạm Thị Thử Nghiệm";
/// Of somebody who is on no list, and one that is no number at all.
const STRANGER: &str = "079199000123";
const NO_NUMBER: &str = "4096123450";

/// Whether a text holds one of these in any spelling.
struct Searcher(Vec<(String, Vec<Vec<u8>>)>);

impl Searcher {
    fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        Self(secrets.into_iter().map(|secret| (secret.clone(), spellings(&secret))).collect())
    }

    /// What is found, with where it stands.
    fn found(&self, place: &str, text: &[u8]) -> Vec<String> {
        let finds = |spelling: &Vec<u8>| position(text, spelling);
        let hit = |(secret, spellings): &(String, Vec<Vec<u8>>)| {
            let at = spellings.iter().find_map(finds)?;
            let around = String::from_utf8_lossy(&text[at.saturating_sub(80)..text.len().min(at + 80)]).into_owned();
            Some(format!("{place}: {secret} in …{around}…"))
        };
        self.0.iter().filter_map(hit).collect()
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    match (core::str::from_utf8(text), core::str::from_utf8(wanted)) {
        (Ok(text), Ok(wanted)) => text.find(wanted),
        _ => text.windows(wanted.len()).position(|window| window == wanted),
    }
}

/// The forms in which a program may spell a text.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let without_marks = |text: &str| text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().replace('đ', "d").replace('Đ', "D");
    let mut plain = vec![text.to_owned(), text.to_uppercase(), text.to_lowercase(), text.nfd().collect()];
    plain.extend([without_marks(text), without_marks(&text.to_lowercase()), without_marks(&text.to_uppercase())]);
    let mut all: Vec<Vec<u8>> = Vec::new();
    for form in &plain {
        let percent: String = form_urlencoded::byte_serialize(form.as_bytes()).collect();
        let hex: String =
            form.bytes().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        all.extend([form.clone().into_bytes(), percent.replace('+', "%20").into_bytes(), percent.into_bytes()]);
        let json: String = form
            .encode_utf16()
            .map(|unit| {
                u8::try_from(unit).ok().filter(u8::is_ascii).map_or_else(|| format!("\\u{unit:04x}"), |byte| char::from(byte).to_string())
            })
            .collect();
        all.extend(
            [form.escape_default().to_string(), form.escape_unicode().to_string(), json, hex.to_uppercase(), hex].map(String::into_bytes),
        );
        all.push(form.encode_utf16().flat_map(u16::to_le_bytes).collect());
        all.push(form.encode_utf16().flat_map(u16::to_be_bytes).collect());
        // In the middle of something that is longer, at each of the three places where a group of three bytes can begin.
        for shift in 0..3 {
            let padded = [&b"\0\0"[..shift], form.as_bytes()].concat();
            let coded = STANDARD.encode(&padded);
            let whole = padded.len() / 3 * 4;
            let begin = if shift == 0 { 0 } else { 4 };
            all.push(coded.as_bytes()[begin..whole].to_vec());
        }
    }
    all.retain(|spelling| spelling.len() >= 6);
    all.sort();
    all.dedup();
    all
}

#[test]
fn f56_the_searcher_finds_each_spelling_of_a_leak() {
    let searcher = Searcher::of(["Nguyễn Thị Đào".to_owned(), "079185001234".to_owned()]);
    let utf16: Vec<u8> = "x Nguyễn Thị Đào y".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let coded = STANDARD.encode("id=079185001234;");
    let leaks: [&[u8]; 10] = [
        "ten=NGUYỄN THỊ ĐÀO".as_bytes(),
        b"nguyen thi dao",
        b"?q=Nguy%E1%BB%85n+Th%E1%BB%8B+%C4%90%C3%A0o",
        b"?q=Nguy%E1%BB%85n%20Th%E1%BB%8B%20%C4%90%C3%A0o",
        b"GD4790079185001234",
        coded.as_bytes(),
        b"303739313835303031323334",
        &utf16,
        r#""Nguy\u{1ec5}n Th\u{1ecb} \u{110}\u{e0}o""#.as_bytes(),
        r#""Nguy\u1ec5n Th\u1ecb \u0110\u00e0o""#.as_bytes(),
    ];
    for leak in leaks {
        assert_eq!(searcher.found("made up", leak).len(), 1, "{}", String::from_utf8_lossy(leak));
    }
    assert!(searcher.found("made up", b"2026-11-23T07:18:50.918500Z nguyen 07918500123").is_empty());
}

/// Everything of a person that may stand nowhere.
fn secrets_of(person: &Person) -> Vec<String> {
    let mut secrets = vec![person.id.clone(), person.card.clone(), person.card[5..].to_owned(), person.name.clone()];
    secrets.extend(person.predecessor.clone());
    secrets.extend(person.successor.as_ref().map(|next| next.card.clone()));
    if let [year, month, day] = person.born.split('-').collect::<Vec<_>>()[..] {
        secrets.extend([
            format!("{year}-{month}-{day}"),
            format!("{day}/{month}/{year}"),
            format!("{day}{month}{year}"),
            format!("{year}{month}{day}"),
        ]);
    }
    secrets
}

/// All addresses that an answer names: where it leads and what its page leads to.
fn addresses(answer: &Answer) -> String {
    let mut found: Vec<&str> = answer.headers("location");
    for attribute in ["href=\"", "action=\"", "src=\"", "formaction=\"", "content=\""] {
        found.extend(answer.body.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    found.join("\n")
}

/// What was read in the course of the day.
#[derive(Default)]
struct Told(Vec<(String, Vec<u8>)>);

impl Told {
    fn keep(&mut self, place: &str, text: impl Into<Vec<u8>>) {
        self.0.push((place.to_owned(), text.into()));
    }

    fn page(&mut self, tab: &Tab) {
        self.keep("an address of the page", addresses(tab.page.as_ref().unwrap()));
    }

    /// What is said on standard error. Whoever asks about a person is answered on standard output.
    fn errors(&mut self, verb: &str, output: &Output) {
        self.keep(&format!("what {verb} says"), output.stderr.clone());
        if !output.status.success() {
            self.keep(&format!("what {verb} answers"), output.stdout.clone());
        }
    }

    async fn state(&mut self, station: &TestStation) {
        for arguments in [&["status"][..], &["status", "--english"], &["status", "--json"], &["metrics"]] {
            let output = station.run(arguments).await;
            self.keep(&arguments.join(" "), [output.stdout, output.stderr].concat());
        }
    }
}

/// A day of one station.
struct Day {
    province: TestProvince,
    station: TestStation,
    people: Vec<Person>,
    read: Told,
    figures: std::net::SocketAddr,
}

impl Day {
    async fn begin() -> Self {
        let province = TestProvince::new(150).await;
        let station = TestStation::enrolled(&province).await;
        let figures = ports::address();
        let text = fs::read_to_string(&station.config).unwrap();
        let stick = station.dir.path().join("stick");
        fs::create_dir(&stick).unwrap();
        fs::write(stick.join("bhyt.stick"), "").unwrap();
        let text =
            text.replacen("[page]", &format!("stick-folders = [\"{}\"]\n[metrics]\nlisten = \"{figures}\"\n[page]", stick.display()), 1);
        fs::write(&station.config, text).unwrap();
        let people = province.province.people(STATION).unwrap();
        Self { province, station, people, read: Told::default(), figures }
    }

    fn secrets(&self) -> Vec<String> {
        let own = [HEADS_PIN, HEAD, STRANGER, NO_NUMBER].into_iter().chain(WRONG_PINS).map(str::to_owned);
        let mut secrets: Vec<_> = self.people.iter().flat_map(secrets_of).chain(own).collect();
        secrets.sort();
        secrets.dedup();
        secrets
    }

    fn start(&self) -> Daemon {
        self.station.start_with(&[("BHYT_LOG", Path::new("debug"))])
    }

    async fn loaded(&self) -> Daemon {
        let daemon = self.start();
        self.station.status_when("a roster is held", |status| status["roster"]["serial"].is_u64()).await;
        daemon
    }

    /// At the page: wrong PINs, look-ups of every kind, visits, one corrected and one taken back.
    async fn at_the_page(&mut self) {
        let operator =
            OperatorRequest::Add { name: HEAD.to_owned(), personal_id: None, role: "head".to_owned(), pin: HEADS_PIN.to_owned() };
        self.station.ask(&Request::Operator { operator }).await.unwrap();
        let mut tab = Tab::at(self.station.page);
        for wrong in WRONG_PINS {
            let answer = tab.try_sign_in("1", wrong).await;
            assert_ne!(answer.status, 303, "a wrong PIN opens nothing");
            self.read.keep("an address of the page", addresses(&answer));
        }
        tab.sign_in("1", HEADS_PIN).await;
        self.read.page(&tab);
        let people = self.people.clone();
        for (number, person) in people.iter().take(12).enumerate() {
            let typed = match number % 4 {
                0 => person.id.clone(),
                1 => payload::bhyt_card(person),
                2 => payload::citizen_id(person).unwrap_or_else(|| person.card.clone()),
                _ => format!("{} {}", person.name.to_lowercase(), &person.born[..4]),
            };
            let answer = tab.enter(&typed).await;
            assert!(answer.status == 200, "{}", answer.body);
            self.read.page(&tab);
            tokio::time::sleep(Duration::from_millis(400)).await;
            if answer.attribute("data-standing").is_some() {
                tab.enter("").await;
                self.read.page(&tab);
            }
        }
        for nobody in [STRANGER, NO_NUMBER, "0912", "không có ai tên này 1950"] {
            tab.enter(nobody).await;
            self.read.page(&tab);
        }
        for address in ["/ca-ngay", "/gia-han", "/bao-phu", "/tai-khoan", "/help", &format!("/tra-cuu?ma={}", people[0].id)] {
            let answer = tab.get(address).await;
            let own = addresses(&answer).replace(address, "");
            self.read.keep("an address of the page", own);
        }
        let [first, second] = [20, 21].map(|at| people[at].clone());
        let saved = [self.station.check_in(&first.id).await.unwrap(), self.station.check_in(&second.card).await.unwrap()];
        let text = people[22].id.clone();
        let note = Some(format!("thẻ của {}", people[22].name));
        self.station.ask(&Request::Correct { id: saved[0], text: Some(text), category: None, note }).await.unwrap();
        self.station.ask(&Request::Void { id: saved[1], reason: format!("nhầm người: {}", second.name) }).await.unwrap();
        assert!(self.station.ask(&Request::Correct { id: Uuid::nil(), text: Some(first.id), category: None, note: None }).await.is_err());
    }

    /// On the command line, right and wrong.
    async fn on_the_command_line(&mut self) {
        let person = self.people[30].clone();
        let cut: String = payload::bhyt_card(&person).chars().take(60).collect();
        for arguments in [
            vec!["lookup", &person.id],
            vec!["lookup", "--json", &cut],
            vec!["lookup", NO_NUMBER],
            vec!["lookup", &person.name],
            vec!["check-in", &person.card],
            vec!["check-in", &cut],
            vec!["visit", &person.id],
            vec!["verify-log", "--head", &person.card],
            vec!["carry-in", "/nowhere"],
            vec!["outbox"],
        ] {
            let output = self.station.run(&arguments).await;
            let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
            // clap repeats what was typed to whoever typed it.
            if output.status.code() == Some(64) {
                said = said.replace(arguments[1], "");
            }
            let verb = format!("{} ({:?})", arguments[0], output.status.code());
            self.read.errors(&verb, &Output { stderr: said.into_bytes(), ..output });
        }
        let pin = WRONG_PINS[0];
        let mut add = Command::new(AGENT);
        add.args(["operator", "add", "Lê Thị Ngắn", "--config"]).arg(&self.station.config);
        let mut add = add.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        add.stdin.take().unwrap().write_all(format!("{pin}0\n").as_bytes()).unwrap();
        let output = tokio::task::spawn_blocking(move || add.wait_with_output().unwrap()).await.unwrap();
        assert!(!output.status.success(), "a PIN of 13 digits");
        self.read.errors("operator add", &output);
    }

    /// The province refuses, is not there, is another, and is busy.
    async fn with_a_bad_province(&mut self) {
        for fault in [
            Fault::RejectVisits(1),
            Fault::CaptivePortal,
            Fault::FeedWrongByte,
            Fault::FeedBreaksOff,
            Fault::FeedFails,
            Fault::IntakeFailsAfterCommit(1),
        ] {
            self.province.province.faults().set(fault);
            self.province.change(0.1, 3).await;
            let person = self.people[31].clone();
            self.station.check_in(&person.id).await.unwrap();
            self.station.lookup(STRANGER).await;
            self.read.errors("sync-now", &self.station.run(&["sync-now"]).await);
            self.read.state(&self.station).await;
            self.province.province.faults().clear();
        }
        self.province.switch_off().await;
        let person = self.people[32].clone();
        self.station.check_in(&person.id).await.unwrap();
        self.read.errors("sync-now", &self.station.run(&["sync-now"]).await);
        self.read.state(&self.station).await;
        let stick = self.station.dir.path().join("stick");
        let stick_text = stick.to_str().unwrap();
        self.read.errors("carry-out", &self.station.run(&["carry-out", stick_text]).await);
        let (province, folder) = (self.province.province.clone(), stick.clone());
        tokio::task::spawn_blocking(move || province.carry_out(STATION, &folder).unwrap()).await.unwrap();
        self.read.errors("carry-in", &self.station.run(&["carry-in", stick_text]).await);
        self.province.switch_on().await;
        self.read.errors("sync-now", &self.station.run(&["sync-now"]).await);
        self.station.status_when("the link works again", |status| status["push"]["failing"].is_null()).await;
    }

    async fn figures(&mut self) {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.figures);
        let mut stream = TcpStream::connect(self.figures).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&text));
        self.read.keep("the port of the figures", text);
    }

    async fn bundle(&mut self, name: &str) {
        let file = self.station.dir.path().join(name);
        let output = self.station.run(&["support-bundle", file.to_str().unwrap()]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.read.keep("what support-bundle says", output.stdout);
        for (part, text) in unpacked(&file) {
            self.read.keep(&format!("{part} of the support bundle"), text);
        }
    }
}

/// The parts of a support bundle.
pub(crate) fn unpacked(file: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = zstd::decode_all(fs::File::open(file).unwrap()).unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let part = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut text = Vec::new();
        entry.read_to_end(&mut text).unwrap();
        (entry.path().unwrap().display().to_string(), text)
    };
    archive.entries().unwrap().map(part).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f56_nobody_of_a_whole_day_is_in_log_status_figures_errors_addresses_or_support_bundle() {
    let mut day = Day::begin().await;
    let mut daemon = day.loaded().await;
    day.at_the_page().await;
    day.on_the_command_line().await;
    day.read.state(&day.station).await;
    day.with_a_bad_province().await;
    day.figures().await;
    day.bundle("running.tar.zst").await;

    // A hard end, and a file that was damaged meanwhile.
    daemon.kill();
    let pages = day.station.dir.path().join("data/visits.db");
    let mut bytes = fs::read(&pages).unwrap();
    bytes[4096..8192].fill(0x5a);
    fs::write(&pages, bytes).unwrap();
    let daemon = day.loaded().await;
    let damaged = day
        .station
        .status_when("the damaged file is set aside", |status| status["quarantined"].as_array().is_some_and(|files| !files.is_empty()));
    damaged.await;
    let person = day.people[33].clone();
    day.station.check_in(&person.id).await.unwrap();
    day.read.state(&day.station).await;
    day.bundle("damaged.tar.zst").await;
    assert_eq!(daemon.terminate().await, Some(0));
    day.read.state(&day.station).await;
    day.bundle("stopped.tar.zst").await;

    let log = fs::read(day.station.dir.path().join("agent.log")).unwrap();
    // Whoever reads nothing finds nothing.
    let text = String::from_utf8_lossy(&log);
    let lines = text.lines().count();
    for said in ["DEBUG", "a try failed", "the province refused a visit", "set aside untouched", "stick", "page"] {
        assert!(text.contains(said), "the log says nothing of {said}");
    }
    day.read.keep("the log", log);
    let searcher = Searcher::of(day.secrets());
    let (count, bytes) = (day.read.0.len(), day.read.0.iter().map(|(_, text)| text.len()).sum::<usize>());
    println!("{} secrets searched for in {count} texts of {bytes} bytes, {lines} lines of log", searcher.0.len());
    assert!(searcher.0.len() > 500 && lines > 200 && count > 60);
    let found =
        tokio::task::spawn_blocking(move || day.read.0.iter().flat_map(|(place, text)| searcher.found(place, text)).collect::<Vec<_>>());
    let found = found.await.unwrap();
    assert_eq!(found, [""; 0], "{} leaks", found.len());
}

/// F56: the program itself, where a library gives up because it gets no thread: what it would say of that is left out like all that is put together at run time.
#[tokio::test]
async fn f56_a_panic_of_the_program_leaves_its_place_and_no_words_of_the_moment() {
    let province = TestProvince::new(20).await;
    let station = TestStation::enrolled(&province).await;
    let (source, shim) = (station.dir.path().join("no_threads.c"), station.dir.path().join("no_threads.so"));
    fs::write(&source, "int pthread_create(void *a, const void *b, void *c, void *d) { return 11; }\n").unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).status();
    assert!(built.unwrap().success(), "cc is what SQLCipher is built with");
    let daemon = station.start_with(&[("LD_PRELOAD", &shim)]);
    assert_ne!(daemon.ended().await, Some(0), "nothing runs without threads");
    let log = fs::read_to_string(station.dir.path().join("agent.log")).unwrap();
    assert!(log.contains("panic at ") && log.contains("it may be of somebody"), "{log}");
    // The control: what it would have said.
    assert!(!log.contains("can't spawn") && !log.contains("Resource temporarily unavailable"), "{log}");
}
