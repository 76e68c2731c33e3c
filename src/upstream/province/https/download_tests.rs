//! Files over links that break, from servers that lie.
//!
//! Promise: what was cut is continued and costs what the specification says; what is not the index's file is never accepted. Never: milliseconds
//! waited for.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::download::PART;
use super::download::flushed;
use super::scripted_tests::Act;
use super::scripted_tests::Scripted;
use super::scripted_tests::Seen;
use super::scripted_tests::Station;
use super::scripted_tests::answer;
use super::scripted_tests::sealed;
use super::*;
use crate::upstream::Fault;

fn range(seen: &Seen) -> usize {
    seen.header("range").map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap())
}

/// What an honest server answers.
fn honest(content: &[u8], seen: &Seen) -> Vec<u8> {
    let from = range(seen);
    if from == 0 {
        return answer("200 OK", "", content);
    }
    let headers = format!("content-range: bytes {from}-{}/{}\r\n", content.len() - 1, content.len());
    answer("206 Partial Content", &headers, &content[from..])
}

/// How much of a file the server was asked for, by its requests, where each answer was cut after `each` bytes at most.
fn sent(server: &Scripted, whole: usize, each: usize) -> usize {
    server.seen().iter().map(|seen| each.min(whole - range(seen))).sum()
}

/// The bytes of an answer, cut after some of its body.
fn cut(mut bytes: Vec<u8>, body: usize) -> Vec<u8> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    bytes.truncate(head + body);
    bytes
}

#[tokio::test]
async fn f32_a_download_that_is_cut_again_and_again_sends_nothing_twice() {
    const EACH: usize = 200 << 10;
    let station = Station::new();
    let (content, file) = sealed(5_000_000);
    let body = content.clone();
    let (server, province) = station.served(Arc::new(move |_, seen| Act::Cut(cut(honest(&body, seen), EACH)))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    let mut tries = 1;
    while let Err(error) = province.fetch(&file, &path, u64::MAX).await {
        assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
        tries += 1;
        assert!(tries < 200, "it comes to an end");
    }
    assert_eq!(fs::read(&path).unwrap(), content);
    let sent = sent(&server, content.len(), EACH);
    println!("5 MB in {tries} tries, at most {sent} bytes sent");
    assert!(sent < content.len() * 11 / 10, "{sent} of {}", content.len());
    let tag = format!("\"{}\"", file.sha256.to_hex());
    assert!(server.seen().iter().skip(1).all(|seen| seen.header("if-range") == Some(&tag)));
    assert!(province.traffic() >= file.bytes && province.traffic() < file.bytes * 102 / 100, "{}", province.traffic());
}

#[test]
fn below_the_last_multiple_everything_is_flushed() {
    for (length, kept) in
        [(0, 0), (1, 0), (PART, 0), (PART + 1, PART), (2 * PART, PART), (2 * PART + 1, 2 * PART), (5 * PART - 1, 4 * PART)]
    {
        assert_eq!(flushed(length), kept, "{length}");
    }
}

#[tokio::test]
async fn f32_a_pulled_plug_costs_one_part_and_what_the_disk_made_of_the_rest_is_not_trusted() {
    let station = Station::new();
    let length = usize::try_from(3 * PART).unwrap() + 1000;
    let (content, file) = sealed(length);
    let part = usize::try_from(PART).unwrap();
    for held in [1, part - 1, part, part + 1, 2 * part, 2 * part + 77, 3 * part + 999] {
        let body = content.clone();
        let (server, province) = station.served(Arc::new(move |_, seen| Act::Say(honest(&body, seen)))).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        // The length is on the disk, the bytes of the last part are not.
        let mut left = content[..held].to_vec();
        let certain = usize::try_from(flushed(u64::try_from(held).unwrap())).unwrap();
        left[certain..].fill(0);
        fs::write(&path, left).unwrap();
        province.fetch(&file, &path, u64::MAX).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), content, "{held}");
        let asked: Vec<_> = server.seen().iter().map(range).collect();
        assert_eq!(asked, [certain], "{held}: once, from the last flush on");
        assert!(held - certain <= part);
    }
}

#[tokio::test]
async fn a_whole_file_of_an_earlier_life_proves_itself_and_a_damaged_one_costs_a_part() {
    let station = Station::new();
    let (content, file) = sealed(usize::try_from(PART).unwrap() + 5000);
    let body = content.clone();
    let (server, province) = station.served(Arc::new(move |_, seen| Act::Say(honest(&body, seen)))).await;
    let folder = tempfile::tempdir().unwrap();
    let (whole, damaged, longer) = (folder.path().join("whole"), folder.path().join("damaged"), folder.path().join("longer"));
    fs::write(&whole, &content).unwrap();
    province.fetch(&file, &whole, 0).await.unwrap();
    assert!(server.seen().is_empty(), "nothing is asked for what is there");
    let mut bytes = content.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    province.fetch(&file, &damaged, u64::MAX).await.unwrap();
    bytes.push(0);
    fs::write(&longer, &bytes).unwrap();
    province.fetch(&file, &longer, u64::MAX).await.unwrap();
    for path in [&damaged, &longer] {
        assert_eq!(fs::read(path).unwrap(), content);
    }
    let asked: Vec<_> = server.seen().iter().map(range).collect();
    assert_eq!(asked, [usize::try_from(PART).unwrap(), 0]);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_begins_again() {
    let station = Station::new();
    let (content, file) = sealed(100_000);
    let body = content.clone();
    let script = move |number, _: &Seen| {
        let whole = answer("200 OK", "", &body);
        if number == 0 { Act::Cut(cut(whole, 60_000)) } else { Act::Say(whole) }
    };
    let (_server, province) = station.served(Arc::new(script)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    assert!(matches!(province.fetch(&file, &path, u64::MAX).await, Err(Error::Unreachable(_))));
    province.fetch(&file, &path, u64::MAX).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[tokio::test]
async fn a_range_other_than_the_one_asked_for_is_a_breach_and_the_next_try_gets_through() {
    let (content, file) = sealed(100_000);
    for said in [
        "content-range: bytes 0-99999/100000\r\n",
        "content-range: bytes 60001-99999/100000\r\n",
        "content-range: bytes 60000-99998/100000\r\n",
        "content-range: bytes 60000-99999/100001\r\n",
        "content-range: bytes */100000\r\n",
        "content-range: nonsense\r\n",
        "",
    ] {
        let station = Station::new();
        let body = content.clone();
        let script = move |number, seen: &Seen| match number {
            0 => Act::Cut(cut(honest(&body, seen), 60_000)),
            1 => Act::Say(answer("206 Partial Content", said, &body[60_000..])),
            _ => Act::Say(honest(&body, seen)),
        };
        let (_server, province) = station.served(Arc::new(script)).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        assert!(matches!(province.fetch(&file, &path, u64::MAX).await, Err(Error::Unreachable(_))));
        let refused = province.fetch(&file, &path, u64::MAX).await.unwrap_err();
        assert!(matches!(refused, Error::Contract(Fault::Range)), "{said}: {refused:?}");
        province.fetch(&file, &path, u64::MAX).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), content, "{said}");
    }
}

#[tokio::test]
async fn a_part_that_the_server_cannot_continue_is_dropped() {
    let station = Station::new();
    let (content, file) = sealed(100_000);
    let body = content.clone();
    let script = move |number, seen: &Seen| match number {
        0 => Act::Cut(cut(honest(&body, seen), 60_000)),
        1 => Act::Say(answer("416 Range Not Satisfiable", "content-range: bytes */5\r\n", b"")),
        _ => Act::Say(honest(&body, seen)),
    };
    let (server, province) = station.served(Arc::new(script)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    assert!(matches!(province.fetch(&file, &path, u64::MAX).await, Err(Error::Unreachable(_))));
    assert!(matches!(province.fetch(&file, &path, u64::MAX).await, Err(Error::Contract(Fault::Digest))));
    assert!(!path.exists());
    province.fetch(&file, &path, u64::MAX).await.unwrap();
    assert_eq!(server.seen().iter().map(range).collect::<Vec<_>>(), [0, 60_000, 0]);
}

#[tokio::test]
async fn f64_an_endless_body_ends_at_the_size_the_index_names() {
    let station = Station::new();
    let (content, file) = sealed(100_000);
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    let first = [head, content].concat();
    let (_server, province) = station.served(Arc::new(move |_, _| Act::Drip(first.clone(), vec![0; 16 << 10], Duration::ZERO))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    let refused = province.fetch(&file, &path, u64::MAX).await.unwrap_err();
    assert!(matches!(refused, Error::Contract(Fault::Digest)), "{refused:?}");
    assert!(!path.exists());
    let too_large = FeedFile { bytes: 33 << 20, ..file };
    assert!(matches!(province.fetch(&too_large, &path, u64::MAX).await, Err(Error::Contract(Fault::TooLarge))));
}

#[tokio::test]
async fn f64_one_byte_now_and_then_is_no_progress_and_what_came_stays() {
    let mut station = Station::new();
    station.limits.window = Duration::from_millis(400);
    station.limits.idle = Duration::from_secs(10);
    let (content, file) = sealed(100_000);
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let first = [&head[..], &content[..1000]].concat();
    let drip = move |_, _: &Seen| Act::Drip(first.clone(), vec![content[1000]], Duration::from_millis(20));
    let (_server, province) = station.served(Arc::new(drip)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    let ended = province.fetch(&file, &path, u64::MAX).await.unwrap_err();
    assert!(matches!(ended, Error::Unreachable(_)), "{ended:?}");
    assert!(fs::metadata(&path).unwrap().len() >= 1000);
}

/// Far above the floor, so that a machine may stand still for a moment: a window is over several times while this goes through.
#[tokio::test]
async fn a_thin_link_that_moves_is_not_cut_off() {
    let mut station = Station::new();
    station.limits.window = Duration::from_secs(2);
    station.limits.floor = 60;
    let (content, file) = sealed(3000);
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3000\r\n\r\n".to_vec();
    // The script's pieces are all alike, so the body is made of one of them.
    let piece = vec![b'x'; 22];
    let mut body = content[..22].to_vec();
    while body.len() < 3000 {
        body.extend_from_slice(&piece);
    }
    body.truncate(3000);
    let sha256 = crate::domain::roster::Sha256Digest(<sha2::Sha256 as sha2::Digest>::digest(&body).into());
    let file = FeedFile { sha256, ..file };
    let first = [&head[..], &body[..22]].concat();
    let drip = move |_, _: &Seen| Act::Drip(first.clone(), piece.clone(), Duration::from_millis(40));
    let (_server, province) = station.served(Arc::new(drip)).await;
    let folder = tempfile::tempdir().unwrap();
    province.fetch(&file, &folder.path().join("part"), u64::MAX).await.unwrap();
}

#[tokio::test]
async fn the_days_allowance_stops_a_download_that_is_continued_with_the_next() {
    let station = Station::new();
    let (content, file) = sealed(300_000);
    let body = content.clone();
    let (server, province) = station.served(Arc::new(move |_, seen| Act::Say(honest(&body, seen)))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    assert!(matches!(province.fetch(&file, &path, 100_000).await, Err(Error::AllowanceUsed)));
    assert!(matches!(province.fetch(&file, &path, 0).await, Err(Error::AllowanceUsed)));
    province.fetch(&file, &path, 250_000).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    let asked: Vec<_> = server.seen().iter().map(range).collect();
    assert!(asked.len() == 2 && asked[1] >= 100_000, "{asked:?}");
}

/// Dropped in the middle of everything, as the engine does at a stop: what had come stays, and its digest goes on.
#[tokio::test]
async fn a_download_that_is_dropped_half_way_goes_on_from_there() {
    let station = Station::new();
    let (content, file) = sealed(400_000);
    let body = content.clone();
    let script = move |number, seen: &Seen| {
        let whole = honest(&body, seen);
        // The first answer stands still after 300,000 bytes: a link that hangs.
        if number == 0 { Act::Drip(cut(whole, 300_000), Vec::new(), Duration::from_millis(5)) } else { Act::Say(whole) }
    };
    let (server, province) = station.served(Arc::new(script)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    let has_come = async {
        while fs::metadata(&path).map_or(0, |found| found.len()) < 300_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        outcome = province.fetch(&file, &path, u64::MAX) => panic!("it came to an end: {outcome:?}"),
        () = has_come => {}
    }
    province.fetch(&file, &path, u64::MAX).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(server.seen().iter().map(range).collect::<Vec<_>>(), [0, 300_000]);
}

/// 360 flips and 40 lengths over the wire; `F31_MUTATIONS` asks for more. Every byte of a real file is in the tests of `feed`.
#[tokio::test]
async fn f31_no_flipped_or_cut_byte_of_a_download_is_accepted() {
    let count: usize = std::env::var("F31_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    let station = Station::new();
    let (content, file) = sealed(3001);
    let (body, whole) = (content.clone(), content.len());
    // Each request in turn gets its own damage.
    let script = move |number: usize, _: &Seen| {
        let mut bytes = body.clone();
        let at = number.wrapping_mul(7919) % whole;
        if number % 10 == 9 {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << (number % 8);
        }
        Act::Say(answer("200 OK", "", &bytes))
    };
    let (_server, province) = station.served(Arc::new(script)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part");
    for number in 0..count {
        let refused = province.fetch(&file, &path, u64::MAX).await.unwrap_err();
        assert!(matches!(refused, Error::Contract(Fault::Digest) | Error::Stranger(_)), "{number}: {refused:?}");
        assert!(!path.exists(), "{number}: nothing of it is kept");
    }
}
