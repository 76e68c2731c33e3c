//! Eight hours of three desks in minutes: the real daemon, one desk in a real browser with every key an event, two over the house's network, and the province
//! taking in what they save.
//!
//! Promise: after as many look-ups and visits as a long day has, the daemon holds the memory it held after the first tenth of them, within a tenth, and the page as
//! many bytes, nodes and listeners; each tenth is printed. The ordinary run is a sixteenth of the day (there the first third is the warming up, for
//! the list on the page has to be full);
//! `tests/run --long-day` is all of it. Never: a figure taken while something is still being done.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "figures for a person to read")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fantoccini::key::Key;
use provincial::Person;
use serde_json::json;
use tokio::time;

use super::browser::Browser;
use super::flood::memory_of;
use super::lan::Neighbour;
use super::lan::open_code;
use super::tab::Tab;
use crate::support::Daemon;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;
use crate::support::ports;
use crate::support::wait_for;

/// Steps of what was typed that the browser keeps to be undone, each with a piece of text: so many are held in the end whatever the page does.
const FILL_HISTORY: &str = "
    const input = document.getElementById('o-nhap');
    for (let step = 0; step < 1000; step += 1) {
        document.execCommand('insertText', false, 'x');
        input.value = '';
    }";

/// Between two keys of a reader.
const KEY: Duration = Duration::from_millis(1);

/// Longer than a reader's second Enter takes.
const READ: Duration = Duration::from_millis(400);

/// Whoever is saved is looked up once; others have a question only. 5,000 look-ups for 1,600 visits.
const LOOK_UPS: [usize; 2] = [25, 8];

/// Visits of a day: in the browser, and at each of the desks on the network.
struct Day {
    in_browser: usize,
    at_each_other: usize,
    /// Of this many parts the first is the warming up.
    parts: usize,
}

impl Day {
    fn wanted() -> Self {
        if env::var_os("BHYT_LONG_DAY").is_some() {
            Self { in_browser: 400, at_each_other: 600, parts: 10 }
        } else {
            Self { in_browser: 24, at_each_other: 38, parts: 3 }
        }
    }

    fn visits(&self) -> usize {
        self.in_browser + 2 * self.at_each_other
    }

    /// What is done in each part.
    fn spans(&self, of: usize) -> impl Iterator<Item = Range<usize>> {
        let parts = self.parts;
        (0..parts).map(move |part| part * of / parts..(part + 1) * of / parts)
    }
}

/// What is held at one moment.
#[derive(Debug)]
struct Held {
    daemon: u64,
    page: BTreeMap<String, f64>,
}

impl Held {
    async fn now(daemon: &Daemon, browser: &Browser) -> Self {
        let devtools = async |command| browser.devtools(command, json!({})).await;
        devtools("Performance.enable").await;
        // What only waits to be collected is not held.
        devtools("HeapProfiler.collectGarbage").await;
        devtools("HeapProfiler.collectGarbage").await;
        let metrics = devtools("Performance.getMetrics").await;
        let kept = ["JSHeapUsedSize", "Nodes", "JSEventListeners", "Documents"];
        let all = metrics["metrics"].as_array().unwrap().iter();
        let page = all.map(|metric| (metric["name"].as_str().unwrap().to_owned(), metric["value"].as_f64().unwrap()));
        let mut samples = Vec::new();
        for _ in 0..9 {
            samples.push(memory_of(daemon.id()));
            time::sleep(Duration::from_millis(100)).await;
        }
        samples.sort_unstable();
        Self { daemon: samples[4], page: page.filter(|(name, _)| kept.contains(&name.as_str())).collect() }
    }

    /// What has grown by more than a tenth.
    fn grown(&self, before: &Self) -> Vec<String> {
        let as_float = |bytes: u64| f64::from(u32::try_from(bytes >> 10).unwrap());
        let daemon = ("daemon".to_owned(), as_float(before.daemon), as_float(self.daemon));
        let page = self.page.iter().map(|(name, now)| (name.clone(), before.page[name], *now));
        let grown = [daemon].into_iter().chain(page).filter(|(_, before, now)| *now > before * 1.1);
        grown.map(|(name, before, now)| format!("{name}: {before} and then {now}")).collect()
    }
}

/// Look-ups before the visit of this number is saved, and in the last place whoever it is of.
fn asked(visit: usize) -> usize {
    let [many, few] = LOOK_UPS;
    (visit + 1) * many / few - visit * many / few
}

/// By the browser's own protocol, and the keys too: of every script and every element that goes through the driver it keeps something in the page.
async fn until(browser: &Browser, expression: &str) {
    let question = json!({ "expression": format!("Boolean({expression})"), "returnByValue": true });
    wait_for(expression, async || {
        let answer = browser.devtools("Runtime.evaluate", question.clone()).await;
        (answer["result"]["value"] == json!(true)).then_some(())
    })
    .await;
}

async fn at_the_browser(browser: &Browser, people: &[Person], visits: Range<usize>) {
    let is_free = "!document.getElementById('mau-quay').hasAttribute('aria-busy') && document.getElementById('o-nhap').value === ''";
    for visit in visits {
        for number in 0..asked(visit) {
            let card = &people[(visit * 4 + number) % people.len()].card;
            browser.send_stamped(card, false, &[Key::Enter], KEY).await;
            until(browser, &format!("{is_free} && document.getElementById('nguoi')?.textContent.includes('{card}')")).await;
        }
        time::sleep(READ).await;
        browser.send_stamped("", false, &[Key::Enter], KEY).await;
        until(browser, "document.getElementById('da-luu')").await;
    }
}

async fn at_another(desk: &mut Neighbour, people: &[Person], visits: Range<usize>) {
    for visit in visits {
        for number in 0..asked(visit) {
            let card = &people[(visit * 4 + number) % people.len()].card;
            let answer = desk.post("/tra-cuu", &[("ma", card)]).await;
            assert!(answer.attribute("data-standing").is_some() && answer.has(card), "{}", answer.body);
        }
        time::sleep(READ).await;
        assert_eq!(desk.post("/tra-cuu", &[("ma", "")]).await.status, 303);
        assert!(desk.get("/").await.has("id=\"da-luu\""));
    }
}

/// Everything saved has arrived, the page says so and has a full list, so that nothing is under way any more.
async fn is_calm(province: &TestProvince, browser: &Browser, visits: usize) {
    wait_for("all visits are with the province", async || (province.stored().len() == visits).then_some(())).await;
    until(browser, "document.querySelectorAll('#hom-nay tr[data-delivery=delivered]').length === 25").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_day_of_three_desks_holds_no_more_memory_in_the_end() {
    let day = Day::wanted();
    let province = TestProvince::new(2_000).await;
    let station = TestStation::enrolled(&province).await;
    let lan = ports::address();
    let config = fs::read_to_string(&station.config).unwrap();
    fs::write(&station.config, format!("{config}[lan]\nlisten = \"{lan}\"\n")).unwrap();
    let daemon = station.loaded().await;
    let people: Arc<[Person]> = province.province.people(STATION).unwrap().into();
    let mut tab = Tab::at_station(&station).await;
    let authority = fs::read_to_string(station.dir.path().join("keys/desks-ca.crt.pem")).unwrap();
    let mut desks = Vec::new();
    for name in ["Bàn 2", "Bàn 3"] {
        let mut desk = Neighbour::at(lan, &authority);
        let code = open_code(&mut tab).await;
        // A second after a try the next one is looked at.
        wait_for("the desk is let in", async || (desk.pair(&code, name).await.status == 303).then_some(())).await;
        desk.sign_in().await;
        desks.push(desk);
    }
    let browser = Browser::open().await;
    browser.visit_at(station.page).await;
    browser.ask(FILL_HISTORY).await;

    let [second, third] = &mut desks[..] else { unreachable!("two were let in") };
    let mut measured = Vec::new();
    let mut visits = 0;
    for (first, other) in day.spans(day.in_browser).zip(day.spans(day.at_each_other)) {
        visits += first.len() + 2 * other.len();
        tokio::join!(
            at_the_browser(&browser, &people, first),
            at_another(second, &people[500..], other.clone()),
            at_another(third, &people[1_000..], other)
        );
        is_calm(&province, &browser, visits).await;
        let held = Held::now(&daemon, &browser).await;
        println!("{visits} visits, {} look-ups: {held:?}", visits * LOOK_UPS[0] / LOOK_UPS[1]);
        measured.push(held);
    }
    let [first, .., last] = &measured[..] else { unreachable!("a day has parts") };
    assert_eq!(visits, day.visits());
    assert!(province.stored().values().all(|times| *times == 1), "each once");
    assert_eq!(last.grown(first), [""; 0]);
    // What would be found.
    browser.ask("window.held = [...Array(200000)].map((_, number) => ({ number }))").await;
    assert_eq!(Held::now(&daemon, &browser).await.grown(first).len(), 1);
    browser.close().await;
    assert_eq!(daemon.terminate().await, Some(0));
}
