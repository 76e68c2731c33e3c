//! Who may fetch what, and how: certificates, `ETag`, `Range`, refusals, faults.

use provincial::Fault;
use reqwest::header;

use crate::{
    naive,
    station::{STATION, Served, refusal, visit},
};

#[tokio::test]
async fn without_a_certificate_only_enrolment_answers() {
    let served = Served::new().await;
    served.enrol(STATION).await;
    let stranger = served.stranger();
    let feed = stranger.get(format!("{}/v1/feed/99001/index.json", served.base)).send().await.unwrap();
    assert_eq!(refusal(feed).await, (401, "no_certificate".to_owned()));
    let visits = stranger.post(format!("{}/v1/visits", served.base)).body("{}").send().await.unwrap();
    assert_eq!(refusal(visits).await, (401, "no_certificate".to_owned()));
    served.stop().await;
}

#[tokio::test]
async fn another_stations_feed_is_closed() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    served.enrol("99002").await;
    let other = station.get("/v1/feed/99002/index.json").await;
    assert_eq!(refusal(other).await, (403, "other_station".to_owned()));
    served.stop().await;
}

#[tokio::test]
async fn a_certificate_of_another_province_is_no_certificate() {
    let (served, elsewhere) = (Served::new().await, Served::new().await);
    let code = elsewhere.province.enrolment_code(STATION).unwrap();
    let request = crate::station::Request::new(STATION, &code);
    let response = elsewhere.stranger().post(format!("{}/v1/enrol", elsewhere.base)).body(request.body()).send().await.unwrap();
    let answer = crate::station::json_of(response).await;
    let client = served.client(&request, &answer);
    assert!(client.get(format!("{}/v1/feed/99001/index.json", served.base)).send().await.is_err());
    served.stop().await;
    elsewhere.stop().await;
}

#[tokio::test]
async fn an_index_that_did_not_change_is_not_sent_again() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let url = format!("{}/v1/feed/99001/index.json", served.base);
    let first = station.client.get(&url).send().await.unwrap();
    let tag = first.headers()[header::ETAG].clone();
    let again = station.client.get(&url).header(header::IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert!(again.bytes().await.unwrap().is_empty());
    served.province.publish(STATION, served.province.now() + chrono::TimeDelta::hours(1)).unwrap();
    let later = station.client.get(&url).header(header::IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!(later.status(), 200);
    served.stop().await;
}

#[tokio::test]
async fn a_sealed_file_goes_on_from_any_byte() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let index = station.index().await;
    let sha256 = index["snapshot"]["sha256"].as_str().unwrap().to_owned();
    let path = format!("/v1/feed/99001/{sha256}.jsonl.zst.age");
    let whole = station.get(&path).await;
    assert_eq!(whole.status(), 200);
    let whole = whole.bytes().await.unwrap();
    assert_eq!(whole.len() as u64, index["snapshot"]["bytes"].as_u64().unwrap());
    assert_eq!(naive::hex(&whole), sha256);
    let mut state = naive::State::new();
    naive::apply(&mut state, &naive::open(&station.key, &whole));
    assert_eq!(naive::digest(&state), index["state_sha256"].as_str().unwrap());

    let url = format!("{}{path}", served.base);
    let rest = station.client.get(&url).header(header::RANGE, "bytes=1000-").send().await.unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.headers()[header::CONTENT_RANGE], format!("bytes 1000-{}/{}", whole.len() - 1, whole.len()));
    assert_eq!(rest.bytes().await.unwrap(), whole[1000..]);
    let range = format!("bytes={}-", whole.len());
    let beyond = station.client.get(&url).header(header::RANGE, range).send().await.unwrap();
    assert_eq!(beyond.headers()[header::CONTENT_RANGE], format!("bytes */{}", whole.len()));
    assert_eq!(refusal(beyond).await.0, 416);
    served.stop().await;
}

#[tokio::test]
async fn a_part_goes_on_only_if_it_is_a_part_of_this_file() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let sha256 = station.index().await["snapshot"]["sha256"].as_str().unwrap().to_owned();
    let path = format!("/v1/feed/99001/{sha256}.jsonl.zst.age");
    let whole = station.get(&path).await;
    assert_eq!(whole.headers()[header::ETAG], format!("\"{sha256}\""));
    let whole = whole.bytes().await.unwrap();
    let ask = async |range: &str, condition: String| {
        let request = station.client.get(format!("{}{path}", served.base)).header(header::RANGE, range).header(header::IF_RANGE, condition);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()[header::ETAG], format!("\"{sha256}\""));
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    assert_eq!(ask("bytes=700-", format!("\"{sha256}\"")).await, (206, whole.slice(700..)));
    let others = [format!("\"{}\"", "0".repeat(64)), format!("W/\"{sha256}\""), "Sun, 22 Nov 2026 10:00:00 GMT".to_owned()];
    for other in others {
        assert_eq!(ask("bytes=700-", other.clone()).await, (200, whole.clone()), "{other}");
        // Behind the end too: what does not fit is answered whole, not refused.
        assert_eq!(ask("bytes=99999999-", other.clone()).await, (200, whole.clone()), "{other}");
    }
    served.stop().await;
}

#[tokio::test]
async fn nothing_but_the_feed_is_served() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    for path in [
        "/".to_owned(),
        "/v1/feed/99001/index.key".to_owned(),
        "/v1/feed/99001/..%2f..%2fprovince.db".to_owned(),
        format!("/v1/feed/99001/{}.jsonl.zst.age", "0".repeat(64)),
        "/v1/enrol".to_owned(),
    ] {
        assert_eq!(refusal(station.get(&path).await).await, (404, "not_found".to_owned()), "{path}");
    }
    served.stop().await;
}

#[tokio::test]
async fn faults_of_the_feed_do_what_they_say() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let index = station.index().await;
    let sha256 = index["snapshot"]["sha256"].as_str().unwrap().to_owned();
    let path = format!("/v1/feed/99001/{sha256}.jsonl.zst.age");
    let faults = served.province.faults();

    faults.set(Fault::FeedBreaksOff);
    assert!(station.get(&path).await.bytes().await.is_err());
    faults.clear();
    faults.set(Fault::FeedWrongByte);
    assert_ne!(naive::hex(&station.get(&path).await.bytes().await.unwrap()), sha256);
    faults.clear();
    faults.set(Fault::FeedFails);
    assert_eq!(refusal(station.get(&path).await).await.0, 500);
    faults.clear();
    faults.set(Fault::CaptivePortal);
    let portal = station.get(&path).await;
    assert_eq!(portal.status(), 200);
    assert!(portal.text().await.unwrap().starts_with("<!doctype html>"));
    faults.clear();
    assert_eq!(naive::hex(&station.get(&path).await.bytes().await.unwrap()), sha256);
    served.stop().await;
}

#[tokio::test]
async fn the_server_stops_although_a_connection_is_open() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    station.receipts(&[visit(1)]).await;
    // The client keeps its connection for the next request.
    tokio::time::timeout(std::time::Duration::from_secs(10), served.stop()).await.unwrap();
    drop(station);
}
