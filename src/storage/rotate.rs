//! Another key for both databases.
//!
//! Both are written anew beside the old ones, under the new key, and only when both copies are whole and flushed is a file made that says so. Before it
//! exists everything is as it was and whatever was begun is thrown away; after it exists the copies, the mark and at last the key take their places, however
//! often that is cut off.
//! Promise: at every moment one of the two keys opens all there is, and which one is known. Never: while anybody else works on the folder; a key in the
//! data folder; a file of the old key that is thrown away before its copy is in its place.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use super::cards;
use super::error::Error;
use super::files;
use super::files::LOG;
use super::files::LOG_INDEX;
use super::folder::DataFolder;
use super::key;
use super::key::DatabaseKey;
use super::open;
use super::open::Schema;
use super::restore;
use super::salvage::SALT;
use super::salvage::SALT_END;
use super::visits;
use crate::domain::roster::hex;

/// A copy under the next key.
const COPY: &str = ".rekeyed";
/// The next key, cut off while it was written.
const HALF: &str = ".new";
/// Says that all copies are whole. In the data folder.
const DECIDED: &str = "rekey.decided";
/// A key that was in use before, by when it ended.
pub const FORMER: &str = "database.key.before-";

/// Where the keys are.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The key in use.
    pub present: &'a Path,
    /// The one that is to take its place.
    pub next: &'a Path,
}

/// Whether a change of keys was begun and not ended.
pub fn is_open(data: &Path, keys: Keys<'_>) -> bool {
    keys.next.exists() || files::beside(keys.next, HALF).exists() || data.join(DECIDED).exists()
}

/// Brings a change that was begun to its end, or undoes it. Whoever calls holds the folder. Without one it changes nothing.
pub fn settle(folder: &DataFolder, keys: Keys<'_>) -> Result<(), Error> {
    if folder.path().join(DECIDED).exists() { finish(folder, keys) } else { undo(folder, keys) }
}

/// Gives both databases the key `next`. `former`: under what name the old one stays, where files that were set aside are under it or, `always`, backups
/// may be. Whoever calls holds the folder.
pub fn rotate(
    folder: &DataFolder,
    keys: Keys<'_>,
    (present, next): (&DatabaseKey, &DatabaseKey),
    former: (&str, bool),
) -> Result<(), Error> {
    settle(folder, keys)?;
    // What is still to take the place of the visits is under the present key.
    restore::settle(folder.path())?;
    next.write_new(keys.next)?;
    let mut files = vec![(folder.path().join(visits::FILE), &visits::SCHEMA)];
    files.extend(cards::current_file(&folder.path().join("cards"))?.map(|path| (path, &cards::SCHEMA)));
    for (path, schema) in files.into_iter().filter(|(path, _)| path.exists()) {
        copy(&path, schema, present, next)?;
    }
    let (stamp, always) = former;
    if always || !folder.set_aside().is_empty() {
        let former = keys.present.with_file_name(format!("{FORMER}{stamp}"));
        present.write_new(&former)?;
    }
    key::write_new_secret(&folder.path().join(DECIDED), format!("{}\n", next.mark()).as_bytes())?;
    finish(folder, keys)
}

/// The files of keys that were in use before, oldest first.
pub fn former_files(dir: &Path) -> Vec<PathBuf> {
    files_called(dir, &[FORMER])
}

/// What lies in a folder under names that begin like one of these, by name.
pub fn files_called(dir: &Path, beginnings: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let begins = |name: &str| beginnings.iter().any(|beginning| name.starts_with(beginning));
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| begins(&name.to_string_lossy()));
    let mut found: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_one).collect();
    found.sort();
    found
}

/// Keys that were in use before, for backups and files set aside under them.
pub fn former(dir: &Path) -> Vec<DatabaseKey> {
    former_files(dir).iter().filter_map(|path| DatabaseKey::read(path).ok()).collect()
}

/// Writes one database anew beside itself, and looks at all of it.
fn copy(path: &Path, schema: &Schema, present: &DatabaseKey, next: &DatabaseKey) -> Result<(), Error> {
    let beside = files::beside(path, COPY);
    {
        // The file itself is to hold everything: its log goes when the copy takes its place.
        let writer = open::writer(path, present, schema)?;
        open::settle(&writer, path)?;
    }
    open::copy_into(path, present, &beside)?;
    open::rekey(&beside, present, next)?;
    open::examine(&open::untouched(&beside, next)?)?;
    File::open(&beside).and_then(|file| file.sync_all()).map_err(Error::file(&beside, "cannot be flushed"))?;
    if path.ends_with(visits::FILE) {
        // A new file has a salt of its own: the old one's would open no page of it.
        let mut salt = [0; SALT];
        File::open(&beside).and_then(|mut file| file.read_exact(&mut salt)).map_err(Error::file(&beside, "cannot be read"))?;
        key::replace_secret(&files::beside(&path.with_extension(SALT_END), COPY), format!("{}\n", hex(&salt)).as_bytes())?;
    }
    open::sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn finish(folder: &DataFolder, keys: Keys<'_>) -> Result<(), Error> {
    let decided = folder.path().join(DECIDED);
    for place in [folder.path().to_owned(), folder.path().join("cards")] {
        for copy in copies(&place)? {
            let path = PathBuf::from(copy.to_string_lossy().strip_suffix(COPY).unwrap_or_default());
            // What it holds is in the file, and the file is in the copy.
            for end in [LOG, LOG_INDEX] {
                files::remove(&files::beside(&path, end))?;
            }
            fs::rename(&copy, &path).map_err(Error::file(&path, "cannot be put in its place"))?;
        }
        if place.exists() {
            open::sync_folder(&place)?;
        }
    }
    refuse_left_behind(&folder.path().join(visits::FILE), keys)?;
    let mark = fs::read(&decided).map_err(Error::file(&decided, "cannot be read"))?;
    key::replace_secret(&folder.path().join(key::MARK_FILE), &mark)?;
    match fs::rename(keys.next, keys.present) {
        // It has its place already.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file(keys.present, "cannot be replaced")(error)),
        _ => {}
    }
    open::sync_folder(keys.present.parent().unwrap_or(Path::new(".")))?;
    files::remove(&decided)?;
    open::sync_folder(folder.path())
}

/// The key is not given up while the visits are still under it. A file that neither key opens is damaged, which whoever opens it next deals with.
fn refuse_left_behind(path: &Path, keys: Keys<'_>) -> Result<(), Error> {
    if !path.exists() || !keys.next.exists() {
        return Ok(());
    }
    let (present, next) = (DatabaseKey::read(keys.present)?, DatabaseKey::read(keys.next)?);
    if open::untouched(path, &next).is_err() && open::reader(path, &present, &visits::SCHEMA).is_ok() {
        let gone = io::Error::new(io::ErrorKind::NotFound, "it is under the former key, and its copy under the next one is gone");
        return Err(Error::file(path, "cannot be given the next key")(gone));
    }
    Ok(())
}

fn undo(folder: &DataFolder, keys: Keys<'_>) -> Result<(), Error> {
    for place in [folder.path().to_owned(), folder.path().join("cards")] {
        for copy in copies(&place)? {
            files::remove(&copy)?;
        }
    }
    files::remove(&files::beside(keys.next, HALF))?;
    // Last: as long as it is there, there may be copies.
    files::remove(keys.next)
}

/// The copies of a folder. One that SQLite was still writing has its journal beside it.
fn copies(place: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // What cannot be listed may hold some.
        Err(error) => return Err(Error::file(place, "cannot be listed")(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::file(place, "cannot be listed"))?.path();
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(&format!("{COPY}-journal")) {
            files::remove(&path)?;
        } else if name.ends_with(COPY) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
