//! The chain of index keys as stations are served it.

use minisign_verify::{PublicKey, Signature};
use provincial::wire::KeySuccessor;

use crate::station::{STATION, Served, refusal};

fn id(line: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(line).unwrap();
    format!("{:016x}", u64::from_be_bytes(bytes[2..10].try_into().unwrap()))
}

#[tokio::test]
async fn a_station_that_missed_rotations_finds_the_way_to_the_key_of_the_index() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let enrolled_with = station.answer["index_public_key"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        served.province.rotate_index_key().unwrap();
        served.province.publish(STATION, served.province.now()).unwrap();
    }
    let text = async |path: String| station.get(&path).await.text().await.unwrap();
    let mut line = enrolled_with;
    for _ in 0..3 {
        let path = format!("/v1/feed/keys/{}.json", id(&line));
        let (bytes, signature) = (text(path.clone()).await, text(format!("{path}.minisig")).await);
        PublicKey::from_base64(&line).unwrap().verify(bytes.as_bytes(), &Signature::decode(&signature).unwrap(), false).unwrap();
        let statement: KeySuccessor = serde_json::from_str(&bytes).unwrap();
        assert_eq!(statement.after, id(&line));
        line = statement.index_public_key;
    }
    assert_eq!(line, served.province.index_public_key().unwrap());
    let end = station.get(&format!("/v1/feed/keys/{}.json", id(&line))).await;
    assert_eq!(refusal(end).await, (404, "not_found".to_owned()));
    let index = text("/v1/feed/99001/index.json".into()).await;
    let signature = Signature::decode(&text("/v1/feed/99001/index.json.minisig".into()).await).unwrap();
    PublicKey::from_base64(&line).unwrap().verify(index.as_bytes(), &signature, false).unwrap();
    assert_eq!(served.enrol("99002").await.answer["index_public_key"], line.as_str(), "who enrols gets the newest");
    served.stop().await;
}

#[tokio::test]
async fn the_chain_is_for_stations_and_holds_nothing_else() {
    let served = Served::new().await;
    let station = served.enrol(STATION).await;
    let key = id(station.answer["index_public_key"].as_str().unwrap());
    served.province.rotate_index_key().unwrap();
    let stranger = served.stranger().get(format!("{}/v1/feed/keys/{key}.json", served.base)).send().await.unwrap();
    assert_eq!(refusal(stranger).await, (401, "no_certificate".to_owned()));
    for name in ["index.key", "..%2Findex.key", "index.json", &key] {
        assert_eq!(refusal(station.get(&format!("/v1/feed/keys/{name}")).await).await.0, 404, "{name}");
    }
    served.stop().await;
}
