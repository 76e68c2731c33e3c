//! A signed set is taken as it was made, and anything else is refused for what it is.

use std::collections::BTreeMap;

use minisign::KeyPair;

use super::*;
use crate::ops::rules::builtin;

/// Somebody who signs, with the key a station trusts him by.
pub(crate) struct Publisher {
    pair: KeyPair,
    pub(crate) key: RulesKey,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let key = RulesKey::parse(&pair.pk.to_base64()).unwrap();
        Self { pair, key }
    }

    /// As `cat rules.json.minisig rules.json` makes it.
    pub(crate) fn signed(&self, text: &str) -> Vec<u8> {
        let signature = minisign::sign(None, &self.pair.sk, text.as_bytes(), None, None).unwrap();
        format!("{}{text}", signature.to_string()).into_bytes()
    }

    /// The built-in set under another version, from a day on.
    pub(crate) fn set(&self, version: &str, valid_from: &str) -> Vec<u8> {
        self.signed(&text(&files(version), version, valid_from))
    }
}

/// The built-in files, with a version of their own.
pub(crate) fn files(version: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<_, _> = BUILTIN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    files.insert("rules.toml".to_owned(), format!("version = \"{version}\"\n"));
    files
}

pub(crate) fn text(files: &BTreeMap<String, String>, version: &str, valid_from: &str) -> String {
    let made_at = "2026-11-20T00:00:00Z";
    serde_json::json!({ "kind": KIND, "form": FORM, "version": version, "valid_from": valid_from, "made_at": made_at, "files": files })
        .to_string()
}

const VERSION: &str = "2027-01-01.1";

fn refusal(file: &[u8], keys: &[RulesKey]) -> BundleError {
    Bundle::open(file, keys).unwrap_err()
}

#[test]
fn the_built_in_set_has_a_version_that_can_be_compared() {
    let version = builtin().unwrap().version;
    let read = RulesVersion::parse(&version).unwrap();
    assert_eq!(read.to_string(), *version);
    let order = ["2026-10-06.3", "2026-10-06.10", "2026-10-07.1"].map(|text| RulesVersion::parse(text).unwrap());
    assert!(order.is_sorted());
    for wrong in ["", "2026-10-06", "2026-10-06.", "2026-10-06.03", "2026-10-6.3", "2026-10-06.3 ", "of the province", "../../etc.1"] {
        assert_eq!(RulesVersion::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_signed_set_is_taken_as_it_was_made() {
    let publisher = Publisher::new();
    let keys = [Publisher::new().key, publisher.key.clone()];
    let bundle = Bundle::open(&publisher.set(VERSION, "2027-01-01"), &keys).unwrap();
    assert_eq!((bundle.version.to_string().as_str(), bundle.valid_from.to_string().as_str()), (VERSION, "2027-01-01"));
    let own = builtin().unwrap();
    assert_eq!((&*bundle.tables.version, bundle.tables.supports.len()), (VERSION, own.supports.len()));
    assert_eq!(bundle.tables.origin.code(), "installed");
}

/// What a publisher makes of the folder in the repository, signed, is what a station takes.
#[test]
fn what_is_packed_can_be_signed_and_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
    let publisher = Publisher::new();
    let day = "2027-01-01".parse().unwrap();
    let text = Bundle::text_of(&folder, day, "2026-12-01T00:00:00Z".parse().unwrap()).unwrap();
    let bundle = Bundle::open(&publisher.signed(&text), core::slice::from_ref(&publisher.key)).unwrap();
    assert_eq!((bundle.tables.version, bundle.valid_from), (builtin().unwrap().version, day));
    let spoilt = tempfile::tempdir().unwrap();
    assert!(Bundle::text_of(spoilt.path(), day, "2026-12-01T00:00:00Z".parse().unwrap()).is_err());
}

#[test]
fn a_foreign_key_and_no_key_are_told_apart() {
    let publisher = Publisher::new();
    let file = publisher.set(VERSION, "2027-01-01");
    assert!(matches!(refusal(&file, &[Publisher::new().key]), BundleError::Stranger));
    assert!(matches!(refusal(&file, &[]), BundleError::NoKeys));
}

/// Every byte of the signature and a sample of the text, one bit each; and every length a copy can break off at.
#[test]
fn a_file_that_was_altered_or_cut_off_anywhere_is_refused() {
    let publisher = Publisher::new();
    let keys = [publisher.key.clone()];
    let whole = publisher.set(VERSION, "2027-01-01");
    let signed_from = whole.len() - text(&files(VERSION), VERSION, "2027-01-01").len();
    let step = whole.len() / 400;
    for at in (0..signed_from).chain((signed_from..whole.len()).step_by(step)) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        let found = Bundle::open(&altered, &keys);
        // The untrusted comment is what its name says.
        let is_comment = whole[..at].iter().all(|byte| *byte != b'\n');
        assert!(found.is_err() || is_comment, "byte {at}");
    }
    for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
        let refused = refusal(&whole[..length], &keys);
        assert!(matches!(refused, BundleError::NoSignature | BundleError::Altered), "{length}: {refused}");
    }
    let mut longer = whole.clone();
    longer.push(b' ');
    assert!(matches!(refusal(&longer, &keys), BundleError::Altered));
    assert!(matches!(refusal(&vec![b'a'; usize::try_from(LONGEST).unwrap() + 1], &keys), BundleError::TooLong));
}

#[test]
fn a_wrong_table_inside_is_refused_though_it_is_signed() {
    let publisher = Publisher::new();
    let refused = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut files = files(VERSION);
        change(&mut files);
        refusal(&publisher.signed(&text(&files, VERSION, "2027-01-01")), core::slice::from_ref(&publisher.key))
    };
    let put = |name: &str, text: &str| {
        let (name, text) = (name.to_owned(), text.to_owned());
        refused(&move |files| {
            files.insert(name.clone(), text.clone());
        })
    };
    // A row that cannot be read, a table that is missing, a reference to nothing, a version that is another one inside.
    let BundleError::Tables(error) =
        put("base_salary.toml", "[[row]]\nvalid_from = 2027-01-01\nsource = \"a\"\ndong = 0\nsmall_visit_percent = 15\n")
    else {
        panic!()
    };
    assert!(error.to_string().contains("base_salary.toml, row 1: dong is not a salary"), "{error}");
    let missing = refused(&|files| {
        files.remove("renewal.toml");
    });
    assert!(matches!(&missing, BundleError::Tables(error) if error.to_string() == "renewal.toml: missing"), "{missing}");
    let class = "[[row]]\nvalid_from = 2025-07-01\nsource = \"a\"\nclass = \"commune_station\"\ncategory = \"9.9\"\n";
    assert!(put("facility_classes.toml", class).to_string().contains("category 9.9 has no row"));
    assert!(matches!(put("rules.toml", "version = \"2027-01-01.2\"\n"), BundleError::Form(_)));
    // Names that no set has, among them those that lead elsewhere.
    for stranger in ["../../../etc/passwd", "/etc/passwd", "support/../rules.toml", "support/1.toml", "support/", "notes.txt"] {
        assert!(matches!(put(stranger, "version = \"1\""), BundleError::Form(_)), "{stranger}");
    }
    // What the key signed for something else.
    for other in [
        "{}",
        "[]",
        "not json",
        &text(&files(VERSION), VERSION, "2027-01-01").replace(KIND, "bhyt-index"),
        &text(&files(VERSION), "newest", "2027-01-01"),
    ] {
        let refused = refusal(&publisher.signed(other), core::slice::from_ref(&publisher.key));
        assert!(matches!(refused, BundleError::Form(_)), "{refused}");
    }
}
