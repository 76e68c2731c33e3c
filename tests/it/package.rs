//! What is generated for the package, and what its scripts take for granted.
//!
//! Manual pages, completions and the list of what is inside are made from the program and `Cargo.lock`, and lie in `systemd/package`, so that `cargo deb` needs
//! nothing but a clone. These tests make them again and hold them against each other. **To make them anew:**
//!
//! ```sh
//! BHYT_PACKAGE=new cargo test --test it package::
//! ```

#![allow(clippy::print_stdout, reason = "what was made anew, for a person to read")]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use bhyt_agent::cli;
use bhyt_agent::storage;
use clap_complete::Shell;
use serde_json::Value;
use serde_json::json;

const STALE: &str = "stale; make them anew with: BHYT_PACKAGE=new cargo test --test it package::";

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(home().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Name and content of every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

/// Holds what was made against what lies in the repository, or puts it there.
fn is_fresh(folder: &str, made: &BTreeMap<String, String>) {
    let kept = home().join("systemd/package").join(folder);
    if env::var_os("BHYT_PACKAGE").is_some() {
        for name in files(&kept).keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(kept.join(name)).unwrap();
        }
        fs::create_dir_all(&kept).unwrap();
        for (name, content) in made {
            fs::write(kept.join(name), content).unwrap();
        }
        println!("made anew: {}", kept.display());
        return;
    }
    let lies = files(&kept);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&lies), names(made), "{folder}: {STALE}");
    for (name, content) in made {
        assert!(lies[name] == *content, "{folder}/{name}: {STALE}");
    }
}

#[test]
fn the_manual_pages_are_those_of_the_program() {
    let made = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(cli::command(), made.path()).unwrap();
    let pages = files(made.path());
    assert!(pages["bhyt-agent.1"].contains("bhyt\\-agent\\-check\\-config(1)"), "a page for each verb");
    is_fresh("man", &pages);
}

#[test]
fn the_completions_are_those_of_the_program() {
    let made = tempfile::tempdir().unwrap();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut cli::command(), "bhyt-agent", made.path()).unwrap();
    }
    is_fresh("completions", &files(made.path()));
}

/// `preinst` stands in the package of the older program and must know what that one reads.
#[test]
fn f68_the_package_knows_which_databases_its_program_reads() {
    let script = read("systemd/maintainer/preinst");
    for (name, schema) in [("visits", &storage::visits::SCHEMA), ("cards", &storage::cards::SCHEMA)] {
        let line = format!("{name}={}", schema.version());
        assert!(
            script.lines().any(|have| have == line),
            "systemd/maintainer/preinst must say {line}: it refuses to put an older program over newer data"
        );
    }
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).args(["--locked", "--offline"]).current_dir(home()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is linked into the program, or makes what is: no test, no tool.
fn shipped() -> BTreeSet<(String, String)> {
    let target = "x86_64-unknown-linux-gnu";
    let tree = cargo(&["tree", "-p", "bhyt-agent", "-e", "normal,build", "--target", target, "--prefix", "none", "-f", "{p}"]);
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
    };
    tree.lines().filter_map(package).collect()
}

/// `CycloneDX` 1.5: a component for every crate inside, with its licence, its digest and what it uses. No clock and no folder in it.
fn bill_of_materials() -> String {
    let shipped = shipped();
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--filter-platform", "x86_64-unknown-linux-gnu"])).unwrap();
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let digest = |name: &str, version: &str| {
        let found = lock["package"]
            .as_array()?
            .iter()
            .find(|package| package["name"].as_str() == Some(name) && package["version"].as_str() == Some(version));
        Some(found?.get("checksum")?.as_str()?.to_owned())
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<_, _> = metadata["packages"].as_array().unwrap().iter().map(|package| (text(package, "id"), package)).collect();
    let reference = |id: &str| {
        let package = packages[id];
        let (name, version) = (text(package, "name"), text(package, "version"));
        shipped.contains(&(name.clone(), version.clone())).then(|| format!("pkg:cargo/{name}@{version}"))
    };
    let (mut components, mut uses, mut own) = (BTreeMap::new(), BTreeMap::new(), Value::Null);
    for (id, package) in &packages {
        let Some(purl) = reference(id) else { continue };
        let (name, version) = (text(package, "name"), text(package, "version"));
        let kind = if name == "bhyt-agent" { "application" } else { "library" };
        let mut component = json!({ "type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl });
        if let Some(licence) = package["license"].as_str() {
            component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
        }
        if let Some(digest) = digest(&name, &version) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
        }
        if name == "bhyt-agent" { own = component } else { drop(components.insert(purl, component)) }
    }
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let Some(purl) = reference(node["id"].as_str().unwrap()) else { continue };
        let is_shipped = |dep: &&Value| dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].as_str() != Some("dev"));
        let below = node["deps"].as_array().unwrap().iter().filter(is_shipped);
        let below: BTreeSet<_> = below.filter_map(|dep| reference(dep["pkg"].as_str().unwrap())).collect();
        uses.insert(purl.clone(), json!({ "ref": purl, "dependsOn": below }));
    }
    // One line for each, so that a change shows as what it is.
    let lines = |values: BTreeMap<String, Value>| values.values().map(|value| format!("  {value}")).collect::<Vec<_>>().join(",\n");
    format!(
        "{{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.5\", \"version\": 1,\n\"metadata\": {{\"component\": {own}}},\n\"components\": [\n{}\n],\n\
         \"dependencies\": [\n{}\n]}}\n",
        lines(components),
        lines(uses)
    )
}

/// F71: who learns of a vulnerable crate can see in the package on a machine whether it is inside.
#[test]
fn f71_what_is_inside_is_listed() {
    let made = bill_of_materials();
    let parsed: Value = serde_json::from_str(&made).unwrap();
    let listed = |name: &str| parsed["components"].as_array().unwrap().iter().any(|component| component["name"] == name);
    assert!(listed("rusqlite") && listed("openssl-src") && listed("rustls"), "what is linked, C included");
    assert!(!listed("criterion") && !listed("provincial"), "and nothing that only tests use");
    let kept = home().join("systemd/package/sbom.cdx.json");
    if env::var_os("BHYT_PACKAGE").is_some() {
        fs::write(kept, made).unwrap();
    } else {
        assert!(fs::read_to_string(kept).unwrap_or_default() == made, "sbom.cdx.json: {STALE}");
    }
}

/// The package's version is the program's, and its changelog begins with it.
#[test]
fn the_changelog_begins_with_this_version() {
    let first = read("systemd/package/changelog");
    let first = first.lines().next().unwrap();
    assert!(first.starts_with(&format!("bhyt-agent ({}-", env!("CARGO_PKG_VERSION"))), "{first}");
}
