//! The configuration as it is written, for whoever helps from afar.
//!
//! Promise: known keys with their values, and nothing else of the file: no comment, no unknown key, no value that a message would not repeat either. Never:
//! a name, an address with a user or a query.

use std::fs;
use std::path::Path;

use toml::de::DeTable;
use toml::de::DeValue;

use super::KEYS;
use super::problem::shown;

/// One line for each key, under its whole name; why there is none, otherwise.
pub fn without_secrets(path: &Path) -> String {
    let source = match fs::read_to_string(path) {
        Ok(source) => source,
        Err(error) => return format!("# {error}\n"),
    };
    let (table, errors) = DeTable::parse_recoverable(&source);
    let mut lines: Vec<_> = errors.iter().map(|_| "# the file is no TOML: see check-config".to_owned()).take(1).collect();
    let mut line = |full: &str, leaf: &str, written: Option<&str>| {
        if KEYS.contains(&full) {
            let value = written.and_then(|written| shown(leaf, written));
            lines.push(format!("{full} = {}", value.as_deref().unwrap_or("\"(not shown)\"")));
        }
    };
    for (key, value) in table.get_ref() {
        match value.get_ref() {
            DeValue::Table(inner) => {
                for (leaf, value) in inner {
                    line(&format!("{}.{}", key.get_ref(), leaf.get_ref()), leaf.get_ref(), source.get(value.span()));
                }
            }
            _ => line(key.get_ref(), key.get_ref(), source.get(value.span())),
        }
    }
    lines.sort();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_are_told_and_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        let text = "# Chị Mẫu 0912345678\nfacility = \"99001\" # bí mật\noperator = \"Nguyễn Thị Mẫu\"\nstation-name = \"Nhà chị Mẫu\"\nmatkhau = \"x\"\n[province]\nurl = \"https://a@b/\"\n\
                    [sync]\nrecheck-days = 30\n";
        fs::write(&path, text).unwrap();
        let told = without_secrets(&path);
        assert_eq!(
            told,
            "facility = \"99001\"\noperator = \"(not shown)\"\nprovince.url = \"(not shown)\"\nstation-name = \"(not shown)\"\nsync.recheck-days = 30\n"
        );
        fs::write(&path, "facility = \"99001\"\noperator \"Nguyễn Thị Mẫu\"\n").unwrap();
        let told = without_secrets(&path);
        assert!(told.starts_with("# the file is no TOML") && !told.contains("Mẫu"), "{told}");
    }
}
