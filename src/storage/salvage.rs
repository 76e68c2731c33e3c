//! What can still be read of a `visits.db` that was set aside: row by row, from every page that is what was written.
//!
//! SQLite opens a file as a whole or not at all, and one damaged page near the root of a table hides all below it. So this reads the pages themselves: each
//! is decrypted alone and believed only if its code (HMAC-SHA-512 over page and place) is right, and the rows of its leaves are taken. A saved visit and its
//! receipt never change, so any genuine page that holds one tells the truth about it.
//! Promise: a row is what was written or it is not taken; the file is only read. What the log holds counts as far as it was committed. Never: a guess at a
//! damaged page; a file of the running database.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aes::Aes256;
use aes::cipher::BlockDecrypt;
use aes::cipher::KeyInit;
use aes::cipher::generic_array::GenericArray;
use hmac::Hmac;
use hmac::Mac;
use rusqlite::types::Value;
use sha2::Sha512;
use zeroize::Zeroizing;

use super::error::Error;
use super::files;
use super::files::LOG;
use super::key::DatabaseKey;

// SQLCipher 4, as every file of this program is written.
const PAGE: usize = 4096;
pub(super) const SALT: usize = 16;
const IV: usize = 16;
const CODE: usize = 64;
/// What SQLite sees of a page.
const USABLE: usize = PAGE - IV - CODE;
/// Rounds and mask by which the key of the codes is made of the key and the salt.
const ROUNDS: usize = 2;
const MASK: u8 = 0x3a;

/// Header of a write-ahead log, and of each of its frames.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Largest file looked at: more than a station saves in a century.
const LARGEST: u64 = 4 << 30;

/// The file's salt, kept apart since one damaged byte of it makes every page unreadable.
pub(super) const SALT_END: &str = "salt";

/// A row as it lies in a leaf: the columns after the number that is its key.
pub(super) type Columns = Vec<Value>;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows of visits by their numbers; of the columns the first is the number's place.
    pub(super) visits: BTreeMap<i64, Columns>,
    /// Receipts by the numbers of their visits.
    pub(super) receipts: BTreeMap<i64, Columns>,
    /// What was kept beside visits.
    pub(super) circumstances: BTreeMap<i64, Columns>,
    /// Visits that had been taken out: id, why and when.
    pub(super) removed: BTreeSet<(String, String, String)>,
    /// What the record is and was called, and since when. The province's list of receipts has a name of the same form, which is nobody else's either.
    pub(super) names: BTreeSet<(String, String)>,
    /// The province's record that the receipts are of, and until when that one is complete.
    pub(super) ledger: Option<(String, String)>,
    /// Spans of numbers that are not to be looked for.
    pub(super) gaps: BTreeMap<i64, i64>,
    /// Those of one number, and since when.
    pub(super) gone: BTreeMap<i64, String>,
    /// Every number that anything tells of.
    pub(super) numbers: BTreeSet<i64>,
    /// Whether the file's own record of the last number it gave can be read: else later ones may be missing that nothing tells of.
    pub(super) end_is_known: bool,
    /// Pages, and how many of them are not what was written.
    pub(super) pages: usize,
    pub(super) damaged: usize,
    /// How many were, of the file and its log: none says that it is under another key.
    pub(super) opened: usize,
    /// On which page of the file a visit lies; 0: in the log.
    #[cfg(test)]
    pub(super) places: BTreeMap<i64, usize>,
}

impl Found {
    /// Numbers that must have been visits and whose rows are not here.
    pub(super) fn missing(&self) -> Vec<i64> {
        let last = self.numbers.last().copied().unwrap_or_default();
        let is_gap = |number: i64| self.gaps.range(..=number).any(|(_, end)| *end >= number);
        (1..=last).filter(|number| !self.visits.contains_key(number) && !is_gap(*number)).collect()
    }
}

/// Reads a file that was set aside, and its log.
pub(super) fn read(path: &Path, key: &DatabaseKey) -> Result<Found, Error> {
    // Of one that was removed the log alone may be left.
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::file(path, "cannot be read")(error)),
    };
    let length = match &file {
        Some(file) => file.metadata().map_err(Error::file(path, "cannot be read"))?.len(),
        None => 0,
    };
    let read_at = |bytes: &mut [u8], at: usize| file.as_ref()?.read_exact_at(bytes, at as u64).ok();
    if length > LARGEST {
        return Err(Error::file(path, "is larger than any of ours")(io::ErrorKind::FileTooLarge.into()));
    }
    let pages = usize::try_from(length / PAGE as u64).unwrap_or_default();
    // Where it lies beside a file that was set aside, and where beside the one in use; it may be of a file before this one, and the file's own may be damaged.
    let kept = [files::beside(path, &format!(".{SALT_END}")), path.with_extension(SALT_END)];
    let mut salts: Vec<[u8; SALT]> =
        kept.iter().filter_map(|path| std::fs::read_to_string(path).ok()).filter_map(|text| salt_of(text.trim())).collect();
    let mut beginning = [0; SALT];
    if read_at(&mut beginning, 0).is_some() {
        salts.push(beginning);
    }
    salts.dedup();
    let openers: Vec<_> = salts.into_iter().map(|salt| Opener::new(key, salt)).collect();
    let opened = |number: usize, bytes: &[u8; PAGE]| openers.iter().find_map(|opener| opener.open(number, bytes));
    let log = Log::read(&files::beside(path, LOG))?;

    let mut found = Found { pages, ..Found::default() };
    let mut bytes = [0; PAGE];
    let mut page_of = |number: usize, log: &Log| -> Option<Zeroizing<Vec<u8>>> {
        if let Some(frame) = log.newest.get(&number) {
            return opened(number, frame);
        }
        read_at(&mut bytes, number.checked_sub(1)? * PAGE)?;
        opened(number, &bytes)
    };
    // What is still in the file counts too where the log has a newer state: rows stay, and the newer page may be the damaged one.
    let mut of_file = [0; PAGE];
    for number in 1..=pages {
        match read_at(&mut of_file, (number - 1) * PAGE).and_then(|()| opened(number, &of_file)) {
            Some(page) => take(&mut found, number, &page, &mut |number| page_of(number, &log), number),
            None => found.damaged += 1,
        }
    }
    for (number, frame) in &log.frames {
        match opened(*number, frame) {
            Some(page) => take(&mut found, *number, &page, &mut |number| page_of(number, &log), 0),
            None => found.damaged += 1,
        }
    }
    Ok(found)
}

/// What every page that can be read holds, for tests that look for what must not be there.
#[cfg(test)]
pub(super) fn plain(path: &Path, key: &DatabaseKey) -> Result<Vec<Zeroizing<Vec<u8>>>, Error> {
    let bytes = std::fs::read(path).map_err(Error::file(path, "cannot be read"))?;
    let mut salt = [0; SALT];
    salt.copy_from_slice(&bytes[..SALT]);
    let opener = Opener::new(key, salt);
    let pages = bytes.chunks_exact(PAGE).enumerate().filter_map(|(at, page)| opener.open(at + 1, page.try_into().ok()?));
    let log = Log::read(&files::beside(path, LOG))?;
    Ok(pages.chain(log.frames.iter().filter_map(|(number, frame)| opener.open(*number, frame))).collect())
}

fn salt_of(hex: &str) -> Option<[u8; SALT]> {
    bytes_of(hex)?.try_into().ok()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// Opens pages, each alone.
struct Opener {
    cipher: Aes256,
    code_key: Zeroizing<[u8; 32]>,
}

impl Opener {
    fn new(key: &DatabaseKey, salt: [u8; SALT]) -> Self {
        let raw = Zeroizing::new(bytes_of(key.text().trim_end()).unwrap_or_default());
        let masked = salt.map(|byte| byte ^ MASK);
        // PBKDF2 whose one block is longer than the key wanted.
        let mut round = code(&raw, &[&masked, &1_u32.to_be_bytes()]);
        let mut sum = round;
        for _ in 1..ROUNDS {
            round = code(&raw, &[&round]);
            sum.iter_mut().zip(round).for_each(|(sum, byte)| *sum ^= byte);
        }
        let mut code_key = Zeroizing::new([0; 32]);
        code_key.copy_from_slice(&sum[..32]);
        // A key file is checked to be of 32 bytes when it is read.
        let mut whole = Zeroizing::new([0; 32]);
        whole.iter_mut().zip(raw.iter()).for_each(|(to, from)| *to = *from);
        Self { cipher: Aes256::new(GenericArray::from_slice(&*whole)), code_key }
    }

    /// A page as SQLite sees it; `None`: it is not what was written at this place under this key.
    fn open(&self, number: usize, bytes: &[u8; PAGE]) -> Option<Zeroizing<Vec<u8>>> {
        let begin = if number == 1 { SALT } else { 0 };
        let place = u32::try_from(number).ok()?.to_le_bytes();
        if code(&*self.code_key, &[&bytes[begin..USABLE + IV], &place])[..] != bytes[USABLE + IV..] {
            return None;
        }
        let mut plain = Zeroizing::new(vec![0; begin]);
        let mut before = &bytes[USABLE..USABLE + IV];
        for block in bytes[begin..USABLE].chunks_exact(16) {
            let mut open = *GenericArray::from_slice(block);
            self.cipher.decrypt_block(&mut open);
            plain.extend(open.iter().zip(before).map(|(byte, mask)| byte ^ mask));
            before = block;
        }
        Some(plain)
    }
}

fn code(key: &[u8], parts: &[&[u8]]) -> [u8; CODE] {
    // HMAC takes a key of any length; without one nothing is genuine.
    let Ok(mut hmac) = <Hmac<Sha512> as hmac::KeyInit>::new_from_slice(key) else { return [0; CODE] };
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// The committed frames of a write-ahead log.
#[derive(Default)]
struct Log {
    frames: Vec<(usize, Box<[u8; PAGE]>)>,
    newest: BTreeMap<usize, Box<[u8; PAGE]>>,
}

impl Log {
    fn read(path: &Path) -> Result<Self, Error> {
        let bytes = match std::fs::metadata(path) {
            Ok(found) if found.len() <= LARGEST => std::fs::read(path).map_err(Error::file(path, "cannot be read"))?,
            _ => return Ok(Self::default()),
        };
        let Some(salts) = bytes.get(16..24) else { return Ok(Self::default()) };
        let mut frames: Vec<(usize, bool, Box<[u8; PAGE]>)> = Vec::new();
        for frame in bytes.get(LOG_HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + PAGE) {
            // What an earlier use of the log has left behind has other salts.
            if frame[8..16] != *salts {
                continue;
            }
            let word = |at: usize| u32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
            let Ok(page) = <Box<[u8; PAGE]>>::try_from(frame[FRAME_HEADER..].to_vec().into_boxed_slice()) else { continue };
            frames.push((word(0) as usize, word(4) != 0, page));
        }
        // What follows the last commit was never called saved.
        let committed = frames.iter().rposition(|(_, ends, _)| *ends).map_or(0, |at| at + 1);
        frames.truncate(committed);
        let newest = frames.iter().map(|(number, _, page)| (*number, page.clone())).collect();
        Ok(Self { frames: frames.into_iter().map(|(number, _, page)| (number, page)).collect(), newest })
    }
}

/// A leaf of a table, and one of an index.
const LEAF: u8 = 0x0d;
const INDEX_LEAF: u8 = 0x0a;

type Pages<'a> = &'a mut dyn FnMut(usize) -> Option<Zeroizing<Vec<u8>>>;

fn take(found: &mut Found, number: usize, page: &[u8], pages: Pages<'_>, place: usize) {
    found.opened += 1;
    let header = if number == 1 { 100 } else { 0 };
    let leaf = page.get(header).copied();
    if !matches!(leaf, Some(LEAF | INDEX_LEAF)) {
        return;
    }
    let cells = word(page, header + 3).unwrap_or_default();
    for cell in 0..cells {
        if leaf == Some(INDEX_LEAF) {
            let entry = word(page, header + 8 + 2 * cell).and_then(|at| entry(page, at));
            found.numbers.extend(entry.as_deref().and_then(indexed));
            found.removed.extend(entry.as_deref().and_then(removed));
            continue;
        }
        let row = word(page, header + 8 + 2 * cell).and_then(|at| row(page, at, pages));
        let Some((rowid, columns)) = row else { continue };
        match kind(&columns) {
            Some(Kind::Visit) => {
                found.visits.entry(rowid).or_insert(columns);
                #[cfg(test)]
                found.places.entry(rowid).or_insert(place);
            }
            Some(Kind::Receipt) => {
                found.receipts.entry(rowid).or_insert(columns);
            }
            Some(Kind::Circumstance) => {
                found.circumstances.entry(rowid).or_insert(columns);
            }
            Some(Kind::Outbox) => {}
            Some(Kind::Last(last)) => {
                found.end_is_known = true;
                if last > 0 {
                    found.numbers.insert(last);
                }
                continue;
            }
            Some(Kind::Name(name, since)) => {
                found.names.insert((name, since));
                continue;
            }
            // There is one; the log, which is read after the file and in its order, has the newer state.
            Some(Kind::Ledger(ledger, complete_to)) => {
                found.ledger = Some((ledger, complete_to));
                continue;
            }
            Some(Kind::Gap(last, at)) => {
                found.gaps.insert(rowid, last);
                if last == rowid {
                    found.gone.insert(rowid, at);
                }
                continue;
            }
            None => continue,
        }
        found.numbers.insert(rowid);
    }
    let _ = place;
}

fn word(page: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])))
}

/// SQLite's numbers of one to nine bytes: the value, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for step in 0..8 {
        let byte = *bytes.get(at + step)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + step + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(at + 8)?), at + 9))
}

/// The key and the columns of the row that begins here.
fn row(page: &[u8], at: usize, pages: Pages<'_>) -> Option<(i64, Columns)> {
    let (length, at) = varint(page, at)?;
    let (rowid, at) = varint(page, at)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_ROW)?;
    let most = USABLE - 35;
    let local = if length <= most {
        length
    } else {
        let least = (USABLE - 12) * 32 / 255 - 23;
        let wanted = least + (length - least) % (USABLE - 4);
        if wanted <= most { wanted } else { least }
    };
    let mut payload = Zeroizing::new(page.get(at..at + local)?.to_vec());
    let mut next = page.get(at + local..at + local + 4).map_or(0, beginning_word);
    while payload.len() < length {
        let more = pages(usize::try_from(next).ok().filter(|next| *next > 0)?)?;
        next = beginning_word(&more);
        let wanted = (length - payload.len()).min(USABLE - 4);
        payload.extend_from_slice(more.get(4..4 + wanted)?);
    }
    columns(&payload).map(|columns| (rowid.cast_signed(), columns))
}

/// No row of ours comes near.
const LONGEST_ROW: usize = 1 << 20;

fn beginning_word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}

fn columns(payload: &[u8]) -> Option<Columns> {
    let (header, mut at) = varint(payload, 0)?;
    let header = usize::try_from(header).ok()?;
    let (mut from, mut columns) = (header, Vec::new());
    while at < header {
        let (code, next) = varint(payload, at)?;
        at = next;
        let size = match code {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(code).ok()?,
            5 => 6,
            6 | 7 => 8,
            text => usize::try_from(text.checked_sub(12)? / 2).ok()?,
        };
        let bytes = payload.get(from..from.checked_add(size)?)?;
        from += size;
        columns.push(match code {
            0 => Value::Null,
            1..=6 => Value::Integer(bytes.iter().fold(if bytes[0] & 0x80 == 0 { 0 } else { -1 }, |sum, byte| sum << 8 | i64::from(*byte))),
            7 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            text if text % 2 == 1 => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
            _ => Value::Blob(bytes.to_vec()),
        });
    }
    Some(columns)
}

/// An entry of an index that is whole on its page.
fn entry(page: &[u8], at: usize) -> Option<Columns> {
    let (length, at) = varint(page, at)?;
    columns(page.get(at..at.checked_add(usize::try_from(length).ok()?)?)?)
}

/// The number in the index of visits by id and revision.
fn indexed(entry: &[Value]) -> Option<i64> {
    match entry {
        // Tries and queue numbers are listed in the same shape, by the machine's start; that is no id of ours, whose version is another one.
        [Value::Text(id), Value::Integer(_), Value::Integer(number)] if id.len() == 36 && id.as_bytes()[14] == b'7' => Some(*number),
        _ => None,
    }
}

/// An entry of the list of visits that were taken out.
fn removed(entry: &[Value]) -> Option<(String, String, String)> {
    match entry {
        [Value::Text(id), Value::Text(why), Value::Text(at)] if id.len() == 36 && ["retention", "request"].contains(&&**why) => {
            Some((id.clone(), why.clone(), at.clone()))
        }
        _ => None,
    }
}

enum Kind {
    /// What the record is or was called, and since when.
    Name(String, String),
    /// The province's record of visits, and until when that one is complete.
    Ledger(String, String),
    /// Numbers up to this one that are not to be looked for, and since when.
    Gap(i64, String),
    Visit,
    Receipt,
    Circumstance,
    Outbox,
    /// The last number given to a visit.
    Last(i64),
}

/// Columns of a visit in the first version of the file. Later versions only add to them.
const VISIT: usize = 28;

/// What a row is, by its shape: no two of our tables share one, but for names.
fn kind(columns: &[Value]) -> Option<Kind> {
    let is_text = |at: usize, length: usize| matches!(&columns[at], Value::Text(text) if text.len() == length);
    let is_instant =
        |at: usize| matches!(&columns[at], Value::Text(text) if text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T');
    let is_number = |at: usize| matches!(columns[at], Value::Integer(_));
    let is_any_text = |at: usize| matches!(columns[at], Value::Text(_));
    if let [Value::Text(table), Value::Integer(last)] = columns
        && table == "visit"
    {
        return Some(Kind::Last(*last));
    }
    let name = |at: usize| match (&columns[at], &columns[at + 1]) {
        (Value::Text(name), Value::Text(since)) => Some(Kind::Name(name.clone(), since.clone())),
        _ => None,
    };
    if columns.len() == 3 && is_text(0, 36) && is_instant(1) && is_instant(2) {
        return name(0);
    }
    if !matches!(columns.first(), Some(Value::Null)) {
        return None;
    }
    match columns.len() {
        VISIT.. if is_text(1, 36) && is_number(2) && is_text(3, 10) && is_instant(4) => Some(Kind::Visit),
        5 if is_any_text(1) && is_instant(2) && is_number(3) && is_instant(4) => Some(Kind::Receipt),
        3 if is_number(1) && is_instant(2) => match (&columns[1], &columns[2]) {
            (Value::Integer(last), Value::Text(at)) => Some(Kind::Gap(*last, at.clone())),
            _ => None,
        },
        3 if is_text(1, 36) && is_instant(2) => name(1),
        // Since the instant is noted at which it was last heard of.
        4 if is_text(1, 36) && is_instant(2) && (columns[3] == Value::Null || is_instant(3)) => match name(1) {
            Some(Kind::Name(ledger, complete_to)) => Some(Kind::Ledger(ledger, complete_to)),
            _ => None,
        },
        4 if is_instant(1) && is_any_text(2) && (columns[3] == Value::Null || is_instant(3)) => Some(Kind::Circumstance),
        8.. if matches!(&columns[1], Value::Text(state) if ["pending", "delivered", "parked", "closed", "superseded"].contains(&&**state))
            && is_instant(2) =>
        {
            Some(Kind::Outbox)
        }
        _ => None,
    }
}
