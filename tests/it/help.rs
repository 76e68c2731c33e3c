//! The manual, from the outside: whole, in both languages, for everybody of the house, and no loss to whoever looks into it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fantoccini::key::Key;
use fantoccini::wd::PrintConfiguration;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::browser::Browser;
use super::counter;
use super::counter::Counter;
use super::lan::Neighbour;
use super::tab::Tab;
use super::tab::between;

/// So many chapters, each with its picture.
const CHAPTERS: usize = 16;
const LARGEST_PICTURE: usize = 60 * 1024;
const ALL_PICTURES: usize = 600 * 1024;

/// Head and body of a file of the page.
async fn file(counter: &Counter, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(counter.address).await.unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", counter.address);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer.split_off(end + 4))
}

/// What is wrong with a picture, if anything.
fn fault(content: &[u8], width: &str, height: &str) -> Option<String> {
    if !content.starts_with(b"\x89PNG\r\n\x1a\n") || content.len() > LARGEST_PICTURE {
        return Some(format!("{} bytes, {:?}", content.len(), content.get(..8)));
    }
    let side = |at: usize| u32::from_be_bytes(content[at..at + 4].try_into().unwrap());
    let (depth, kind) = (content[24], content[25]);
    let is_sized = side(16).to_string() == width && side(20).to_string() == height && side(16) > 200 && side(20) > 25;
    (!is_sized || (depth, kind) != (8, 3)).then(|| format!("{} × {}, said to be {width} × {height}, kind {kind}", side(16), side(20)))
}

#[tokio::test]
async fn every_chapter_has_its_picture_in_both_languages_and_nobody_has_to_sign_in_for_it() {
    let counter = Counter::open().await;
    let mut tab = Tab::new(&counter);
    let mut pages = Vec::new();
    for language in ["vi", "en"] {
        let page = tab.get("/help").await;
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
        assert!(page.has(&format!("<html lang=\"{language}\">")), "{}", page.body);
        let chapters: Vec<_> = page.body.split("<section id=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect();
        assert_eq!(chapters.len(), CHAPTERS);
        let (mut whole, mut names) = (0, BTreeSet::new());
        for chapter in &chapters {
            let text = between(&page.body, &format!("<section id=\"{chapter}\""), "</section>").unwrap();
            let picture = between(text, "<img ", ">").unwrap_or_else(|| panic!("{chapter} has no picture"));
            let said = |name: &str| between(picture, &format!("{name}=\""), "\"").unwrap();
            assert!(said("alt").chars().count() > 20, "{chapter}: {picture}");
            let (head, content) = file(&counter, said("src")).await;
            assert!(head.contains("content-type: image/png") && head.contains("immutable") && head.contains("nosniff"), "{head}");
            assert_eq!(fault(&content, said("width"), said("height")), None, "{chapter}");
            whole += content.len();
            names.insert(content);
        }
        assert!(whole <= ALL_PICTURES && names.len() == CHAPTERS, "{whole} bytes in {} pictures", names.len());
        let token = page.hidden("bieu_mau").unwrap().to_owned();
        let switched = tab.act_with("/ngon-ngu", &token, &[("ngon_ngu", "en"), ("ve", "/help")], &[]).await;
        assert_eq!((switched.status, switched.header("location")), (303, Some("/help")), "back to where it was pressed");
        let elsewhere = tab.act_with("/ngon-ngu", &token, &[("ngon_ngu", "en"), ("ve", "//example.com/")], &[]).await;
        assert_eq!(elsewhere.header("location"), Some("/"), "and nowhere else");
        pages.push((chapters, page.body));
    }
    assert!(pages[0].0 == pages[1].0 && pages[0].1 != pages[1].1);
    let kept = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/reception/assets/help")).unwrap().count();
    assert_eq!(kept, CHAPTERS, "no picture lies there that no chapter shows");
    // What would be found.
    let dot = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x03\0\0\0";
    let large = [dot.to_vec(), vec![0; LARGEST_PICTURE]].concat();
    for (content, width) in [(&b"GIF89a"[..], "1"), (&dot[..], "1"), (&large, "1")] {
        assert!(fault(content, width, "1").is_some());
    }
}

#[tokio::test]
async fn a_desk_of_the_house_s_network_that_is_not_paired_gets_no_manual() {
    let counter = Counter::open().await.on_the_lan().await;
    let mut stranger = Neighbour::new(counter.lan());
    let answer = stranger.get("/help").await;
    assert!(answer.status == 403 && answer.has("id=\"ghep\"") && !answer.has("<section"), "{}", answer.body);
}

/// The keys that elements of the page say they answer to, and those that stand in their words.
const KEYS: &str = "
    const said = [...document.querySelectorAll('[aria-keyshortcuts]')].flatMap((part) => part.getAttribute('aria-keyshortcuts').split(' '));
    const written = document.body.innerText.match(/\\bF\\d\\b/g) || [];
    return [...said, ...written].filter((key) => /^F\\d$/.test(key));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_opens_it_and_closes_it_and_the_answer_is_still_there() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    // Where nobody has signed in.
    browser.client.goto(&format!("http://{}/", counter.address)).await.unwrap();
    browser.see("#o-ai").await;
    browser.keys(&Key::F1.to_string()).await;
    browser.see("#locked-out img").await;
    browser.keys(&Key::Escape.to_string()).await;
    browser.see("#o-ai").await;

    browser.visit(&counter).await;
    let mut keys = BTreeSet::new();
    let look = async || {
        let found = browser.ask(KEYS).await;
        found.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.check_ready().await;
    keys.extend(look().await);
    browser.keys(&Key::F1.to_string()).await;
    browser.see("#scan img").await;
    assert!(counter.desk.today().await.unwrap().is_empty());
    let listed = "return [...document.querySelectorAll('#keys th kbd')].map((key) => key.innerText).filter((key) => /^F\\d$/.test(key))";
    let listed = browser.ask(listed).await;
    let drawn = "[...document.images].every((picture) => picture.complete && picture.naturalWidth > 200) && document.images.length === 16";
    browser.until(drawn).await;
    browser.picture("37-manual").await;

    // On paper and on a small screen.
    assert!(browser.client.print(PrintConfiguration::default()).await.unwrap().starts_with(b"%PDF"));
    let own = browser.size().await;
    for size in [(1024, 768), (600, 1024)] {
        browser.screen(size).await;
        assert_eq!(browser.ask("return document.documentElement.scrollWidth <= innerWidth").await, json!(true), "{size:?}");
    }
    browser.own_screen(own).await;

    // Back where she was, with nothing to be looked up again.
    browser.keys(&Key::F1.to_string()).await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.check_ready().await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    keys.extend(look().await);
    let listed: BTreeSet<_> = listed.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, keys, "the manual's keys are the page's");
    assert_eq!(counter.desk.today().await.unwrap().len(), 1);
    browser.close().await;
}
