//! A reader as a keyboard, in a real browser: every key an event of its own, at its own pace, with the input method of the desk switched on or off.
//!
//! Promise: whatever the reader is set to, each person who came is one visit of that person, or none if nobody pressed Enter for it: never two, never another
//! person's. The matrix is [`settings`], in the ordinary run with the long code at the slow pace for two endings only (`tests/run --scanner` has all); what
//! Telex does to the keys is [`telex`], and arrives as an input method's composition does. Never: a wait that stands for the page's answer.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::env;
use std::time::Duration;

use bhyt_agent::domain::roster::Column;
use chrono::DateTime;
use chrono::Utc;
use fantoccini::actions::InputSource;
use fantoccini::actions::KeyAction;
use fantoccini::actions::KeyActions;
use fantoccini::key::Key;
use serde_json::Value;
use serde_json::json;
use tokio::time;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;
use super::tab::saved;

/// Between two characters.
const PACES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(30)];

/// What a reader sends after a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Cr,
    Lf,
    CrLf,
    Tab,
    None,
}

const ENDINGS: [Ending; 5] = [Ending::Cr, Ending::Lf, Ending::CrLf, Ending::Tab, Ending::None];

impl Ending {
    /// The keys. A line feed is Enter too, as keyboards have no other.
    fn keys(self) -> &'static [Key] {
        match self {
            Self::Cr | Self::Lf => &[Key::Enter],
            Self::CrLf => &[Key::Enter, Key::Enter],
            Self::Tab => &[Key::Tab],
            Self::None => &[],
        }
    }
}

/// One person who comes with one thing to scan.
struct Shown {
    what: &'static str,
    text: String,
    /// The card number of whoever it is.
    of: &'static str,
    is_long: bool,
}

fn shown() -> [Shown; 2] {
    // With letters of both kinds that Telex joins.
    let qr = counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985");
    assert!(telex(&qr).iter().any(|keyed| matches!(keyed, Keyed::Joined(..))), "{qr}");
    [
        Shown { what: "number", text: DOUBLED.into(), of: DOUBLED, is_long: false },
        Shown { what: "QR", text: qr, of: counter::VALID, is_long: true },
    ]
}

/// A card whose number begins with what Telex takes for one letter.
const DOUBLED: &str = "DD2220100000005";

/// What Telex makes of the keys of a code: a second A, E or D joins the first. Tones need a syllable that they fit, which no number and no hex has.
fn telex(text: &str) -> Vec<Keyed> {
    let mut keyed: Vec<Keyed> = Vec::new();
    for letter in text.chars() {
        let joined = match (keyed.last(), letter) {
            (Some(Keyed::Letter('A')), 'A') => Some('Â'),
            (Some(Keyed::Letter('E')), 'E') => Some('Ê'),
            (Some(Keyed::Letter('D')), 'D') => Some('Đ'),
            _ => None,
        };
        match joined {
            Some(joined) => {
                keyed.pop();
                keyed.push(Keyed::Joined(letter, joined));
            }
            None => keyed.push(Keyed::Letter(letter)),
        }
    }
    keyed
}

/// What the input method hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keyed {
    Letter(char),
    /// Two keys, and the letter they become.
    Joined(char, char),
}

impl Browser {
    /// Keys as a reader sends them: each pressed and let go, then a pause.
    async fn send(&self, text: &str, then: &[Key], pace: Duration) {
        let keys = text.chars().chain(then.iter().map(|key| char::from(*key)));
        let actions = keys.fold(KeyActions::new("reader".to_owned()), |actions, value| {
            let pressed = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
            pressed.then(KeyAction::Pause { duration: pace })
        });
        self.client.perform_actions(actions).await.unwrap();
    }

    /// The same through an input method.
    async fn send_through_telex(&self, text: &str, then: &[Key], pace: Duration) {
        let mut plain = String::new();
        for keyed in telex(text) {
            match keyed {
                Keyed::Letter(letter) => plain.push(letter),
                Keyed::Joined(letter, joined) => {
                    self.send(&core::mem::take(&mut plain), &[], pace).await;
                    self.compose(letter, joined).await;
                }
            }
        }
        self.send(&plain, then, pace).await;
    }

    /// The same with the hour of each key told to the browser: the page tells a reader that ends with TAB by its pace, and a machine that runs other tests keeps
    /// none.
    pub(crate) async fn send_stamped(&self, text: &str, telex: bool, then: &[Key], pace: Duration) {
        let mut at = Utc::now();
        let keyed = if telex { self::telex(text) } else { text.chars().map(Keyed::Letter).collect() };
        for keyed in keyed {
            at += pace;
            match keyed {
                Keyed::Letter(letter) => self.stamped(&letter.to_string(), &letter.to_string(), 0, at).await,
                Keyed::Joined(letter, joined) => self.compose(letter, joined).await,
            }
        }
        for key in then {
            at += pace;
            let (name, text, code) = if matches!(key, Key::Tab) { ("Tab", "", 9) } else { ("Enter", "\r", 13) };
            self.stamped(name, text, code, at).await;
        }
        // No key is to come before one that was.
        time::sleep((at - Utc::now()).to_std().unwrap_or_default()).await;
    }

    async fn stamped(&self, key: &str, text: &str, code: u32, at: DateTime<Utc>) {
        let at = Duration::from_millis(at.timestamp_millis().unsigned_abs()).as_secs_f64();
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let down = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code, "timestamp": at });
        self.devtools("Input.dispatchKeyEvent", down).await;
        self.devtools("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "timestamp": at }))
            .await;
    }

    /// What the input method joins stands underlined until the next key, and comes as one letter.
    async fn compose(&self, letter: char, joined: char) {
        let compose = |letter: char| json!({ "text": letter.to_string(), "selectionStart": 1, "selectionEnd": 1 });
        self.devtools("Input.imeSetComposition", compose(letter)).await;
        self.devtools("Input.imeSetComposition", compose(joined)).await;
        self.devtools("Input.insertText", json!({ "text": joined.to_string() })).await;
    }

    async fn scan(&self, text: &str, telex: bool, ending: Ending, pace: Duration) {
        match (ending, telex) {
            (Ending::Tab, _) => self.send_stamped(text, telex, ending.keys(), pace).await,
            (_, true) => self.send_through_telex(text, ending.keys(), pace).await,
            (_, false) => self.send(text, ending.keys(), pace).await,
        }
    }

    async fn input(&self) -> Value {
        self.ask("return document.getElementById('o-nhap').value").await
    }

    /// No question is under way and none waits.
    pub(crate) async fn is_answered(&self, number: &str) {
        let about = format!("document.getElementById('nguoi')?.textContent.includes('{number}')");
        self.until(&format!("{about} && !document.getElementById('mau-quay').hasAttribute('aria-busy')")).await;
        self.check_ready().await;
    }
}

async fn station() -> Counter {
    let counter = Counter::running().await;
    counter.publish(1841, |rows| rows[4].set(Column::Card, Some(DOUBLED.into()))).await;
    counter
}

/// Who is in the day's list, the oldest first.
async fn people(counter: &Counter) -> Vec<String> {
    let today = counter.desk.today().await.unwrap();
    today.iter().rev().map(|logged| logged.visit.content.person.card_number.as_ref().unwrap().as_str().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_reader_is_set_to_one_person_is_one_visit_and_the_right_one() {
    let counter = station().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let is_full = env::var_os("BHYT_SCANNER").is_some();
    let (mut cases, mut wanted) = (0, Vec::new());
    for Shown { what, text, of, is_long } in shown() {
        for (pace, telex, ending, times) in settings() {
            let is_short = pace == PACES[0] || telex && times == 1 && matches!(ending, Ending::CrLf | Ending::Tab);
            if is_long && !is_short && !is_full {
                continue;
            }
            let case = format!("{what}, {pace:?}, Telex {telex}, {ending:?}, {times} times");
            cases += 1;
            for _ in 0..times {
                browser.scan(&text, telex, ending, pace).await;
            }
            if ending == Ending::None {
                // Nothing is asked until somebody presses Enter; a code that stands there twice is nobody's.
                assert_ne!(browser.input().await, json!(""), "{case}");
                browser.enter().await;
            }
            if ending == Ending::None && times == 2 {
                browser.see("#loi").await;
                browser.check_ready().await;
            } else {
                browser.is_answered(of).await;
                assert_eq!(people(&counter).await, wanted, "{case}: a reader alone saves nothing");
                browser.read().await;
                browser.enter().await;
                browser.see("#da-luu").await;
                wanted.push(of.to_owned());
            }
            assert_eq!(people(&counter).await, wanted, "{case}");
        }
    }
    println!("{cases} settings: {} visits, each once and of whoever came", wanted.len());
    browser.close().await;
}

/// Every setting of the reader and the desk: pace, Telex, ending, how often it is pulled.
fn settings() -> impl Iterator<Item = (Duration, bool, Ending, usize)> {
    let endings = || ENDINGS.into_iter().flat_map(|ending| [1, 2].map(|times| (ending, times)));
    let paces = || PACES.into_iter().flat_map(|pace| [false, true].map(|telex| (pace, telex)));
    paces().flat_map(move |(pace, telex)| endings().map(move |(ending, times)| (pace, telex, ending, times)))
}

/// Answers to forms and to the list come late, as long as told.
const SLOW: &str = "
    const own = window.fetch;
    window.late = 0;
    window.fetch = async (...of) => {
        const answer = await own(...of);
        if (window.late > 0) await new Promise((resolve) => setTimeout(resolve, window.late));
        return answer;
    };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_comes_while_another_is_under_way_has_its_turn_and_saves_nobody() {
    let counter = station().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.ask(SLOW).await;
    let late = async |millis: u32| browser.ask(&format!("window.late = {millis}")).await;

    // Two people, one right after the other, with both Enters each: the second's verdict stands there in the end.
    late(600).await;
    browser.ask("window.said = []; new MutationObserver(() => { said.push(document.getElementById('noi').textContent); }).observe(document.getElementById('noi'), { childList: true })").await;
    for text in [counter::VALID, counter::EXPIRED] {
        browser.send(text, Ending::CrLf.keys(), PACES[0]).await;
    }
    assert_eq!(browser.input().await, json!(""), "both are taken");
    browser.is_answered(counter::EXPIRED).await;
    let said = browser.ask("return said.join()").await;
    assert!(said.as_str().unwrap().contains("Đang tra"), "{said}");
    assert_eq!(saved(&counter).await, 0);

    // A save under way, and the next person is scanned already: one visit, of the first; the second is looked up.
    late(3000).await;
    browser.read().await;
    browser.enter().await;
    browser.send(counter::VALID, Ending::Cr.keys(), PACES[0]).await;
    // Somebody is impatient: nobody has seen a verdict yet.
    browser.enter().await;
    browser.enter().await;
    browser.is_answered(counter::VALID).await;
    assert_eq!(people(&counter).await, [counter::EXPIRED]);

    // What is typed meanwhile stays in the input, which is the same element.
    browser.ask("window.held = document.getElementById('o-nhap')").await;
    browser.read().await;
    browser.enter().await;
    browser.send("GD42201", &[], PACES[0]).await;
    browser.see("#da-luu").await;
    assert_eq!(browser.ask("return [window.held.value, window.held === document.activeElement]").await, json!(["GD42201", true]));
    late(0).await;
    browser.send("00000002", Ending::Cr.keys(), PACES[1]).await;
    browser.is_answered(counter::EXPIRED).await;
    assert_eq!(people(&counter).await, [counter::EXPIRED, counter::VALID]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_was_not_saved_is_seen_before_the_next_person() {
    let counter = station().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.send(counter::VALID, Ending::Cr.keys(), PACES[0]).await;
    browser.is_answered(counter::VALID).await;
    browser.read().await;
    let held = counter.lock_visits();
    browser.enter().await;
    browser.send(counter::EXPIRED, Ending::CrLf.keys(), PACES[0]).await;
    browser.see("#loi").await;
    browser.is_answered(counter::VALID).await;
    assert_eq!(saved(&counter).await, 0);
    drop(held);
    browser.read().await;
    // Enter tries again, as the page says; then whoever waits has the turn.
    browser.enter().await;
    browser.is_answered(counter::EXPIRED).await;
    assert_eq!(people(&counter).await, [counter::VALID]);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_by_tab_goes_on() {
    let counter = station().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    let left = "document.activeElement.id !== 'o-nhap'";
    // As people type, and as the quickest of them do.
    for pace in [130, 80] {
        browser.send_stamped(counter::VALID, false, Ending::Tab.keys(), Duration::from_millis(pace)).await;
        browser.until(left).await;
        assert_eq!(browser.input().await, json!(counter::VALID));
        browser.ask("document.getElementById('o-nhap').value = ''; document.getElementById('o-nhap').focus()").await;
    }
    // Scanned without an ending, looked at, and left.
    browser.send(counter::VALID, &[], PACES[0]).await;
    browser.read().await;
    browser.send("", Ending::Tab.keys(), PACES[0]).await;
    browser.until(left).await;
    // Pasted, and nothing at all.
    for text in [counter::VALID, ""] {
        browser.ask("document.getElementById('o-nhap').value = ''; document.getElementById('o-nhap').focus()").await;
        browser.devtools("Input.insertText", json!({ "text": text })).await;
        browser.send("", Ending::Tab.keys(), PACES[0]).await;
        browser.until(left).await;
    }
    assert_eq!(browser.ask("return document.getElementById('ket-qua') === null").await, json!(true));
    browser.close().await;
}
