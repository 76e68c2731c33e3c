//! Writes single values into a configuration that people edit.
//!
//! Promise: everything else, comments too, stays letter by letter; a value that is there is not touched. Never: a file half written.

use std::fs;
use std::fs::File;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use toml::Value;
use toml::de::DeTable;

/// The configuration as the package brings it: nobody has answered anything in it.
const SHIPPED: &str = include_str!("../../../config/bhyt-agent.toml");

/// Longest file of an authority.
const LONGEST_CA: u64 = 256 << 10;

/// A configuration's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    text: String,
    /// As it was read.
    before: Option<String>,
}

impl Text {
    /// Reads it; a missing file begins as the package's.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self { before: Some(text.clone()), text }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { text: SHIPPED.to_owned(), before: None }),
            Err(error) => Err(error),
        }
    }

    /// Whether it is no TOML at all.
    pub(super) fn is_broken(&self) -> bool {
        toml::from_str::<toml::Table>(&self.text).is_err()
    }

    /// The value of a key, if it has one; of a key in a table as `table.key`.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        value_in(&self.text, key)
    }

    /// What somebody has written for a key: the package's own code for a station is nobody's word, whatever else was changed around it.
    pub(super) fn written(&self, key: &str) -> Option<String> {
        self.value(key).filter(|value| value_in(SHIPPED, key).as_ref() != Some(value))
    }

    /// Writes a text value over the one that is there, or at the top of the file.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        let written = Value::String(value.to_owned()).to_string();
        if let Some(span) = self.span(key) {
            self.text.replace_range(span, &written);
            return;
        }
        // Below the facility, which is always there, or first of all: in any case before the first table.
        let after = self.span("facility").and_then(|span| self.text[span.end..].find('\n').map(|line| span.end + line + 1));
        self.text.insert_str(after.unwrap_or_default(), &format!("{key} = {written}\n"));
    }

    /// Adds the table of the province.
    pub(super) fn add_province(&mut self, url: &str, ca_file: &str) {
        let [url, ca_file] = [url, ca_file].map(|value| Value::String(value.to_owned()).to_string());
        let line_end = if self.text.ends_with('\n') { "" } else { "\n" };
        self.text = format!("{}{line_end}\n[province]\nurl = {url}\nca-file = {ca_file}\n", self.text);
    }

    fn span(&self, key: &str) -> Option<core::ops::Range<usize>> {
        let document = DeTable::parse(&self.text).ok()?;
        let mut table = document.get_ref();
        let (tables, key) = key.rsplit_once('.').unwrap_or(("", key));
        for name in tables.split('.').filter(|name| !name.is_empty()) {
            table = table.get(name)?.get_ref().as_table()?;
        }
        table.get(key).map(|value| value.span())
    }

    /// Whether there is something to write.
    pub(super) fn has_changed(&self) -> bool {
        self.before.as_ref() != Some(&self.text)
    }

    /// Writes it in place of what is there, for everybody to read, unless `is_refused` refuses it as it lies beside.
    pub(super) fn write<E: From<io::Error>>(&mut self, path: &Path, check: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        replace(path, self.text.as_bytes(), check)?;
        self.before = Some(self.text.clone());
        Ok(())
    }
}

fn value_in(text: &str, key: &str) -> Option<String> {
    let document = toml::from_str::<Value>(text).ok()?;
    key.split('.').try_fold(&document, |value, name| value.get(name))?.as_str().map(str::to_owned)
}

/// Puts a file that everybody may read in the place of another, whole or not at all, if `check` takes it as it lies beside.
fn replace<E: From<io::Error>>(path: &Path, content: &[u8], check: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let written = || -> io::Result<()> {
        let mut file = File::create(beside)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(content)?;
        file.sync_all()
    };
    let placed = written().map_err(E::from).and_then(|()| check(beside)).and_then(|()| Ok(fs::rename(beside, path)?));
    if placed.is_err() {
        let _ = fs::remove_file(beside);
    }
    placed?;
    Ok(File::open(folder).and_then(|folder| folder.sync_all())?)
}

/// Whether two paths lead to the same content.
pub(super) fn is_same_file(one: &str, other: &str) -> bool {
    let read = |path: &str| {
        let mut content = Vec::new();
        File::open(path)?.take(LONGEST_CA).read_to_end(&mut content).map(|_| content)
    };
    matches!((read(one), read(other)), (Ok(one), Ok(other)) if one == other)
}

/// Puts the province's authority beside the configuration, where the service can read it.
pub(super) fn place_authority(from: &Path, to: &Path) -> io::Result<()> {
    let mut content = Vec::new();
    File::open(from)?.take(LONGEST_CA).read_to_end(&mut content)?;
    replace(to, &content, |_| Ok::<_, io::Error>(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text { text: text.to_owned(), before: None }
    }

    #[test]
    fn nobody_has_answered_anything_in_the_package_s_file() {
        let mut shipped = text(SHIPPED);
        assert!(shipped.written("facility").is_none() && shipped.value("facility").is_some() && shipped.written("province.url").is_none());
        shipped.set("facility", "79012");
        shipped.set("station-name", "Trạm \"A\"");
        shipped.add_province("https://bhyt.example.vn/", "/etc/bhyt-agent/province-ca.pem");
        assert_eq!(shipped.written("facility").as_deref(), Some("79012"));
        assert_eq!(shipped.written("province.url").as_deref(), Some("https://bhyt.example.vn/"));
        shipped.set("province.url", "https://other.example.vn/");
        assert_eq!(shipped.value("province.url").as_deref(), Some("https://other.example.vn/"));
        let table: toml::Table = toml::from_str(&shipped.text).unwrap();
        assert_eq!(table["facility"].as_str(), Some("79012"));
        assert_eq!(table["station-name"].as_str(), Some("Trạm \"A\""));
        assert_eq!(table["province"]["ca-file"].as_str(), Some("/etc/bhyt-agent/province-ca.pem"));
        assert!(SHIPPED.lines().filter(|line| line.starts_with('#')).all(|line| shipped.text.contains(line)), "every comment stays");
    }

    #[test]
    fn the_package_s_code_is_nobody_s_answer_whatever_else_was_changed() {
        let touched = text(&SHIPPED.replace("Nhân viên tiếp đón", "Người Mẫu"));
        assert_eq!((touched.written("facility"), touched.written("operator").as_deref()), (None, Some("Người Mẫu")));
    }

    #[test]
    fn what_an_administrator_wrote_stays_letter_by_letter() {
        let theirs = "# ours\nsync = { pull-schedule = \"0 * * * *\" } # odd\n\n[page]\nlisten = \"127.0.0.1:9999\"   # so";
        let mut changed = text(theirs);
        changed.set("facility", "79012");
        changed.add_province("https://a/", "/b");
        assert!(changed.text.contains(theirs), "{}", changed.text);
        let table: toml::Table = toml::from_str(&changed.text).unwrap();
        assert!(table["facility"].as_str() == Some("79012") && table["page"].get("facility").is_none());
    }

    #[test]
    fn a_file_that_is_refused_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bhyt-agent.toml");
        fs::write(&path, "facility = \"79012\"\n").unwrap();
        let mut changed = Text::read(&path).unwrap();
        assert!(!changed.has_changed());
        changed.set("facility", "79013");
        assert!(changed.has_changed());
        let refused = changed.write(&path, |_| Err(io::Error::other("no")));
        assert!(refused.is_err() && fs::read_to_string(&path).unwrap().contains("79012"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        changed.write(&path, |_| Ok::<_, io::Error>(())).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("79013") && !changed.has_changed());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
