//! The README's sections 3 and 4 read a second time, over plain JSON values.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Whole values by key, by id.
pub(crate) type State = BTreeMap<String, Map<String, Value>>;

/// Opens a sealed file: age, then zstd.
pub(crate) fn unseal(identity: &age::x25519::Identity, folder: &Path, sha256: &str) -> String {
    let sealed = fs::read(folder.join(format!("{sha256}.jsonl.zst.age"))).unwrap();
    assert_eq!(hex(&sealed), sha256, "a sealed file is named by its digest");
    open(identity, &sealed)
}

pub(crate) fn open(identity: &age::x25519::Identity, sealed: &[u8]) -> String {
    let packed = age::decrypt(identity, sealed).unwrap();
    String::from_utf8(zstd::stream::decode_all(packed.as_slice()).unwrap()).unwrap()
}

fn said_by(id: &str) -> Option<(String, &'static str)> {
    if id.len() != 12 {
        return None;
    }
    let digit = id[3..4].parse::<u32>().unwrap();
    let year = format!("{}{}", 19 + digit / 2, &id[4..6]);
    Some((year, ["male", "female"][digit as usize % 2]))
}

fn whole_born(id: &str, given: Option<&str>) -> String {
    match given {
        None => said_by(id).unwrap().0,
        Some(cut) if cut.starts_with('-') => said_by(id).unwrap().0 + cut,
        Some(whole) => whole.to_owned(),
    }
}

fn full(row: &Map<String, Value>, defaults: &Value) -> Map<String, Value> {
    let id = row["id"].as_str().unwrap();
    let mut whole = row.clone();
    whole.insert("born".into(), whole_born(id, row.get("born").map(|born| born.as_str().unwrap())).into());
    if !row.contains_key("sex") {
        whole.insert("sex".into(), said_by(id).unwrap().1.into());
    }
    for key in ["facility", "valid_from", "valid_until"] {
        if !row.contains_key(key) {
            assert!(defaults[key].is_string(), "{key} is left out without a default");
            whole.insert(key.into(), defaults[key].clone());
        }
    }
    whole
}

/// Applies a whole feed file; `state` must be empty for a snapshot.
pub(crate) fn apply(state: &mut State, text: &str) {
    let mut lines = text.lines().map(|line| {
        assert!(line.len() <= 4096);
        serde_json::from_str::<Value>(line).unwrap()
    });
    let header = lines.next().unwrap();
    let defaults = &header["defaults"];
    let (mut rows, mut last) = (0, String::new());
    for line in lines {
        rows += 1;
        let line = line.as_object().unwrap();
        let id = if let Some(gone) = line.get("gone") {
            let id = gone.as_str().unwrap().to_owned();
            assert!(state.remove(&id).is_some(), "a tombstone for somebody unknown");
            id
        } else if let Some(new) = line.get("new") {
            let new = new.as_object().unwrap();
            let id = new["id"].as_str().unwrap().to_owned();
            assert!(state.insert(id.clone(), full(new, defaults)).is_none(), "new, but known");
            id
        } else if header["kind"] == "snapshot" {
            let id = line["id"].as_str().unwrap().to_owned();
            assert!(state.insert(id.clone(), full(line, defaults)).is_none());
            id
        } else {
            let id = line["id"].as_str().unwrap().to_owned();
            let row = state.get_mut(&id).expect("a change of somebody unknown");
            assert!(line.len() > 1, "a change that changes nothing");
            for (key, value) in line {
                match (key.as_str(), value.as_str()) {
                    ("id", _) => {}
                    ("born", given) => drop(row.insert(key.clone(), whole_born(&id, given).into())),
                    ("sex", None) => drop(row.insert(key.clone(), said_by(&id).unwrap().1.into())),
                    _ => drop(row.insert(key.clone(), value.clone())),
                }
            }
            id
        };
        assert!(last < id, "lines are sorted by id");
        last = id;
    }
    assert_eq!(header["rows"], rows);
}

/// The canonical text of a state.
pub(crate) fn state_text(state: &State) -> String {
    let mut text = String::new();
    for row in state.values() {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let plain = |key: &str| row.get(key).map(word).unwrap_or_default();
        let next = |key: &str| row.get("successor").map(|next| word(&next[key])).unwrap_or_default();
        let values = [
            plain("id"),
            plain("card"),
            plain("name"),
            plain("born"),
            plain("sex"),
            plain("hamlet"),
            plain("facility"),
            plain("valid_from"),
            plain("valid_until"),
            plain("five_years_on"),
            plain("copay_exempt_from"),
            plain("area"),
            plain("standing"),
            plain("predecessor"),
            next("card"),
            next("valid_from"),
            next("valid_until"),
            next("facility"),
        ];
        text.push_str(&values.join("\u{1f}"));
        text.push('\n');
    }
    text
}

/// `state_sha256`.
pub(crate) fn digest(state: &State) -> String {
    hex(state_text(state).as_bytes())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
