//! Copies of `visits.db` elsewhere: made while it is used, examined before they count, thinned out by rule.
//!
//! A backup is two files: `visits-STATION-INSTANT.db`, encrypted with the database's own key, and beside it `….key.age`, that key sealed to whoever the
//! administrator has named, because a copy whose key was lost with the machine is worth nothing. Both open with ordinary tools (age, sqlcipher).
//! Promise: nothing bears a backup's name that is not whole, flushed and examined; the database comes last, so whatever has that name has its key
//! beside it. Old ones go only after a new one is there. Never: a folder that is made (a stick that is not in is not a folder to fill the disk with);
//! room that the visits need; a file removed that is no backup of this station.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use chrono::DateTime;
use chrono::Datelike;
use chrono::NaiveDateTime;
use chrono::Utc;
use rusqlite::Connection;
use rustix::fs::Advice;

use super::aside;
use super::error::Error;
use super::files;
use super::folder;
use super::key::DatabaseKey;
use super::open;
use super::salvage;
use super::visits;
use crate::domain::clock;
use crate::domain::facility::FacilityCode;

/// What a file is called until it is whole.
const UNFINISHED: &str = ".part";
const DATABASE: &str = ".db";
const SEALED_KEY: &str = ".key.age";
const INSTANT: &str = "%Y%m%dT%H%M%SZ";

/// How many backups stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest of each of so many days that have one,
    pub days: u16,
    /// and of each of so many weeks.
    pub weeks: u16,
}

/// What is in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Revisions of visits.
    pub visits: u64,
    /// The last of their numbers; 0: none.
    pub highest: u64,
    /// Of these, not confirmed by the province when it was made.
    pub unsent: u64,
}

/// A backup that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its database.
    pub file: PathBuf,
    /// How large.
    pub bytes: u64,
    /// What is in it.
    pub contents: Contents,
    /// How many older ones were removed.
    pub removed: usize,
    /// Why older ones that would have gone have stayed.
    pub all_kept: Option<AllKept>,
    /// Whether it lies on the disk of the data: who loses that loses both.
    pub same_disk: bool,
}

/// Why nothing was thinned out: what is older may be all that is left of some visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllKept {
    /// A file with visits that are not in the record was set aside.
    SetAside,
    /// Some are of another record of visits and hold what no newer one has, or cannot be read.
    OtherRecord,
    /// It holds more than the new one.
    Fuller,
}

impl AllKept {
    /// The stable text of the contract.
    pub fn code(self) -> &'static str {
        match self {
            Self::SetAside => "set_aside",
            Self::OtherRecord => "other_record",
            Self::Fuller => "fuller",
        }
    }
}

/// What is to be copied where.
#[derive(Clone)]
pub struct Plan {
    /// The data folder.
    pub data: PathBuf,
    /// Its key,
    pub key: DatabaseKey,
    /// those that were in use before, which older backups may be under,
    pub former: Vec<DatabaseKey>,
    /// and that key, sealed.
    pub sealed_key: Vec<u8>,
    /// Where to; it must be there.
    pub folder: PathBuf,
    /// Whose.
    pub station: FacilityCode,
    /// When, by the station's time.
    pub at: DateTime<Utc>,
    /// What stays of older ones.
    pub keep: Keep,
    /// Whether a file with visits that are not in the record was set aside.
    pub is_set_aside: bool,
}

/// Makes a backup, below whatever else this computer does. Beside the one writer, which goes on.
pub async fn make(plan: Plan) -> Result<Made, Error> {
    aside::run("backup", move || plan.carry_out()).await
}

impl Plan {
    fn carry_out(&self) -> Result<Made, Error> {
        let source = self.data.join(visits::FILE);
        let began = { contents(&open::reader(&source, &self.key, &visits::SCHEMA)?)? };
        remove_unfinished(&self.folder, &self.station)?;
        self.check_room(&source)?;
        let stem = self.free_stem()?;
        let (database, sealed) = (self.folder.join(format!("{stem}{DATABASE}")), self.folder.join(format!("{stem}{SEALED_KEY}")));
        let (part, sealed_part) = (unfinished(&database), unfinished(&sealed));
        let made = self.write(&source, &part, &sealed_part, began).and_then(|found| {
            rename(&sealed_part, &sealed)?;
            rename(&part, &database)?;
            open::sync_folder(&self.folder)?;
            Ok(found)
        });
        let contents = made.inspect_err(|_| {
            // What is not whole has no other use; where it cannot be removed, the next one does it.
            let _ = (fs::remove_file(&part), fs::remove_file(&sealed_part));
        })?;
        let bytes = fs::metadata(&database).map_err(Error::file(&database, "cannot be read"))?.len();
        let (removed, all_kept) = self.thin_out(&database).unwrap_or_else(|error| {
            tracing::warn!(name: "backup.not-thinned", %error, "older backups cannot be thinned out");
            (0, None)
        });
        let same_disk = folder::are_on_one_disk(&self.data, &self.folder).map_err(Error::file(&self.folder, "cannot be looked at"))?;
        Ok(Made { file: database, bytes, contents, removed, all_kept, same_disk })
    }

    /// A backup that a key of this station's opens; `None`: none does.
    fn opened(&self, file: &Path) -> Option<Connection> {
        core::iter::once(&self.key).chain(&self.former).find_map(|key| open::untouched(file, key).ok())
    }

    /// Whose record a backup is, and how many revisions are in it; `None`: it cannot be read.
    fn whose(&self, file: &Path) -> Option<(String, u64)> {
        let sql = "SELECT install_id, (SELECT count(*) FROM visit) FROM identity";
        self.opened(file)?.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).ok()
    }

    /// Removes older ones by the rule. One of another record of visits goes only if all that it holds is in one that stays, or was taken out.
    fn thin_out(&self, newest: &Path) -> Result<(usize, Option<AllKept>), Error> {
        let mut found = list(&self.folder, &self.station)?;
        // Of one second too.
        found.sort_by_key(|(at, path)| (Reverse(*at), path != newest));
        let kept = kept(&found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), self.keep);
        let (stay, unwanted): (Vec<_>, Vec<_>) =
            found.iter().map(|(_, path)| path).enumerate().partition(|(at, path)| kept.contains(at) || *path == newest);
        if unwanted.is_empty() {
            return Ok((0, None));
        }
        if self.is_set_aside {
            return Ok((0, Some(AllKept::SetAside)));
        }
        let (install, visits) = self.whose(newest).ok_or_else(open::damaged)?;
        let before = found.iter().map(|(_, path)| path).find(|path| *path != newest).and_then(|path| self.whose(path));
        if before.is_some_and(|(same, more)| same == install && more > visits) {
            return Ok((0, Some(AllKept::Fuller)));
        }
        let mut held = None;
        let (mut removed, mut all_kept) = (0, None);
        for (_, path) in unwanted {
            let is_superseded = match self.whose(path) {
                None => false,
                // A record only grows, but for what is taken out by rule or on request.
                Some((same, _)) if same == install => true,
                Some(_) => {
                    let held = match &mut held {
                        Some(held) => held,
                        none => none.insert(self.held_by(stay.iter().map(|(_, path)| path.as_path()), newest)?),
                    };
                    self.opened(path).is_some_and(|connection| held.takes_up(&connection).unwrap_or(false))
                }
            };
            if !is_superseded {
                all_kept = Some(AllKept::OtherRecord);
                continue;
            }
            // The database first: a key without one is nothing, a database without its key looks like a backup.
            files::remove(path)?;
            files::remove(&sealed_key_of(path))?;
            removed += 1;
        }
        if removed > 0 {
            open::sync_folder(&self.folder)?;
        }
        Ok((removed, all_kept))
    }

    /// All visits in the backups that stay, and those that the newest says were taken out. One that cannot be read holds nothing.
    fn held_by<'a>(&self, stay: impl Iterator<Item = &'a Path>, newest: &Path) -> Result<Held, Error> {
        let mut held = Held::default();
        for path in stay {
            let Some(connection) = self.opened(path) else { continue };
            let read = revisions(&connection);
            if path == newest {
                held.removed = removed(&connection)?;
                held.revisions.extend(read?);
            } else {
                held.revisions.extend(read.unwrap_or_default());
            }
        }
        Ok(held)
    }

    /// Writes both files and reads the database back.
    fn write(&self, source: &Path, part: &Path, sealed_part: &Path, began: Contents) -> Result<Contents, Error> {
        new_private(part)?;
        open::copy_into(source, &self.key, part)?;
        let mut sealed = new_private(sealed_part)?;
        sealed.write_all(&self.sealed_key).and_then(|()| sealed.sync_all()).map_err(Error::file(sealed_part, "cannot be written"))?;
        flush(part)?;
        let found = check(part, &self.key)?;
        // Nothing is taken out of the file while it is copied but by retention, which only takes what was delivered.
        if found.highest < began.highest { Err(open::damaged()) } else { Ok(found) }
    }

    /// Where the visits lie on the same disk, their reserve is left to them.
    fn check_room(&self, source: &Path) -> Result<(), Error> {
        let of = |path: &Path| fs::metadata(path).map_err(Error::file(path, "cannot be read"));
        let (from, to) = (of(source)?, of(&self.folder)?);
        let reserve = if from.dev() == to.dev() { folder::RESERVED } else { 0 };
        // The log may hold as much again as is new in it; what was deleted makes the copy smaller.
        let log = fs::metadata(self.data.join("visits.db-wal")).map_or(0, |log| log.len());
        if folder::free_bytes(&self.folder)? < from.len() + log + reserve { Err(Error::Full) } else { Ok(()) }
    }

    /// A name that no backup has.
    fn free_stem(&self) -> Result<String, Error> {
        let first = format!("visits-{}-{}", self.station.as_str(), self.at.format(INSTANT));
        let is_free = |stem: &String| !self.folder.join(format!("{stem}{DATABASE}")).exists();
        let others = (2..100).map(|n| format!("{first}-{n}"));
        let taken = || Error::file(&self.folder, "has a backup of this second")(io::ErrorKind::AlreadyExists.into());
        core::iter::once(first.clone()).chain(others).find(is_free).ok_or_else(taken)
    }
}

/// What is safe elsewhere.
#[derive(Default)]
struct Held {
    revisions: BTreeSet<(String, u32)>,
    removed: BTreeSet<String>,
}

impl Held {
    /// Whether all of a backup is among it. If not, the backup stays, and what it holds is safe in it.
    fn takes_up(&mut self, connection: &Connection) -> Result<bool, Error> {
        let theirs = revisions(connection)?;
        let is_held = theirs.iter().all(|one| self.revisions.contains(one) || self.removed.contains(&one.0));
        if !is_held {
            self.revisions.extend(theirs);
        }
        Ok(is_held)
    }
}

fn revisions(connection: &Connection) -> Result<BTreeSet<(String, u32)>, Error> {
    let mut statement = connection.prepare("SELECT id, revision FROM visit")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}

fn removed(connection: &Connection) -> Result<BTreeSet<String>, Error> {
    let mut statement = connection.prepare("SELECT id FROM removed_visit")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Examines a backup: that every page is what was written under this key, that they fit together, and what is in it. Changes nothing, also beside it.
pub fn check(path: &Path, key: &DatabaseKey) -> Result<Contents, Error> {
    let connection = open::untouched(path, key)?;
    open::version(&connection, path, &visits::SCHEMA)?;
    open::examine(&connection)?;
    contents(&connection)
}

/// No database is smaller than its first page.
pub const SHORTEST: u64 = 4096;

/// Whether any page of a file was written under this key, whatever became of the others.
pub fn is_under(path: &Path, key: &DatabaseKey) -> Result<bool, Error> {
    let found = salvage::read(path, key)?;
    Ok(found.damaged < found.pages)
}

/// Whose record a backup is; `None`: it is from before that was written into it.
pub fn facility(path: &Path, key: &DatabaseKey) -> Result<Option<String>, Error> {
    visits::facility(&open::untouched(path, key)?)
}

/// Whose record a backup is by its name, if it has the name of one.
pub fn facility_by_name(path: &Path) -> Option<FacilityCode> {
    let name = path.file_name()?.to_str()?;
    let station = FacilityCode::parse(name.strip_prefix("visits-")?.split('-').next()?).ok()?;
    made_as(name, &station).map(|_| station)
}

/// The sealed key that belongs to a backup.
pub fn sealed_key_of(database: &Path) -> PathBuf {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    database.with_file_name(format!("{}{SEALED_KEY}", name.strip_suffix(DATABASE).unwrap_or(&name)))
}

pub(super) fn contents(connection: &Connection) -> Result<Contents, Error> {
    let sql = "SELECT (SELECT count(*) FROM visit), (SELECT ifnull(max(sequence), 0) FROM visit), \
        (SELECT count(*) FROM outbox WHERE state IN ('pending', 'parked'))";
    Ok(connection.query_row(sql, [], |row| Ok(Contents { visits: row.get(0)?, highest: row.get(1)?, unsent: row.get(2)? }))?)
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

fn new_private(path: &Path) -> Result<File, Error> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(Error::file(path, "cannot be created"))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::file(to, "cannot be given its name"))
}

/// Flushes a file and has its next reader ask the disk, not the system's memory of what was written.
fn flush(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::file(path, "cannot be read"))?;
    file.sync_all().map_err(Error::file(path, "cannot be flushed"))?;
    if let Err(error) = rustix::fs::fadvise(&file, 0, None, Advice::DontNeed) {
        tracing::debug!(%error, "a backup is examined as the system remembers it");
    }
    Ok(())
}

fn names(folder: &Path, station: &FacilityCode) -> Result<Vec<String>, Error> {
    let prefix = format!("visits-{}-", station.as_str());
    let entries = fs::read_dir(folder).map_err(Error::file(folder, "cannot be listed"))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.starts_with(&prefix)).collect())
}

fn remove_unfinished(folder: &Path, station: &FacilityCode) -> Result<(), Error> {
    for name in names(folder, station)? {
        // SQLite's own, beside one that was cut off.
        if name.ends_with(UNFINISHED) || name.ends_with(".part-journal") {
            files::remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// When a backup was made, by its name.
fn made_as(name: &str, station: &FacilityCode) -> Option<DateTime<Utc>> {
    let stamp = name.strip_prefix("visits-")?.strip_prefix(station.as_str())?.strip_prefix('-')?.strip_suffix(DATABASE)?;
    // A second one of the same second has its number behind.
    let stamp = match stamp.split_once('-') {
        Some((stamp, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => stamp,
        Some(_) => return None,
        None => stamp,
    };
    NaiveDateTime::parse_from_str(stamp, INSTANT).ok().map(|at| at.and_utc())
}

/// The backups of a station in a folder, newest first.
pub fn list(folder: &Path, station: &FacilityCode) -> Result<Vec<(DateTime<Utc>, PathBuf)>, Error> {
    let mut found: Vec<_> = names(folder, station)?.iter().filter_map(|name| Some((made_as(name, station)?, folder.join(name)))).collect();
    found.sort_by(|one, other| other.cmp(one));
    Ok(found)
}

/// When a backup was made, if its name tells.
pub fn made_at(file: &Path, station: &FacilityCode) -> Option<DateTime<Utc>> {
    made_as(file.file_name()?.to_str()?, station)
}

/// Which of some instants, newest first, stay. Days and weeks count that have one: a station that was off for a month keeps what it has.
fn kept(found: &[DateTime<Utc>], keep: Keep) -> BTreeSet<usize> {
    let newest_of = |most: u16, of: &dyn Fn(&DateTime<Utc>) -> (i32, u32)| {
        let mut seen = BTreeSet::new();
        let newest = |(_, at): &(usize, &DateTime<Utc>)| seen.insert(of(at));
        found.iter().enumerate().filter(newest).take(most.into()).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let days = newest_of(keep.days, &|at| {
        let day = clock::vietnam_day(*at);
        (day.year(), day.ordinal())
    });
    let weeks = newest_of(keep.weeks, &|at| {
        let week = clock::vietnam_day(*at).iso_week();
        (week.year(), week.week())
    });
    days.into_iter().chain(weeks).collect()
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
