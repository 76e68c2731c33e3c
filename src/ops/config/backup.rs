//! `[backup]`: where `visits.db` is copied to, when, how many copies stay, and who can open them.
//!
//! Promise: whoever turns backups on names somebody who can open them without this machine. Never: a folder among the data, which would be lost with them, or
//! among the keys.

use std::path::Path;
use std::path::PathBuf;

use age::x25519;
use chrono::TimeDelta;
use cron::Schedule;
use toml::de::DeValue;

use super::Reason;
use super::section::Section;
use super::values;

/// Where, when, how many, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The folder (`folder`): of another disk, a stick, or a share. It must be there.
    pub folder: PathBuf,
    /// Age recipients to whom the database's key is sealed beside each copy (`recipients`).
    pub recipients: Vec<Box<str>>,
    /// When (`schedule`).
    pub schedule: Schedule,
    /// The newest of each of so many days stays (`keep-days`),
    pub keep_days: u16,
    /// and of each of so many weeks (`keep-weeks`).
    pub keep_weeks: u16,
    /// Without a good copy for so long the station says so (`late-after-days`).
    pub late_after: TimeDelta,
}

impl Backup {
    /// Reads the table, if it is there.
    pub(super) fn of(top: &mut Section<'_>, data_dir: &Path, keys_dir: &Path) -> Option<Self> {
        let mut backup = top.optional_table("backup")?;
        let folder = backup.required("folder", values::path);
        if folder.as_ref().is_some_and(|folder| values::is_inside(folder, data_dir)) {
            let reason = Reason::new(
                "bản sao không được nằm trong data-dir: mất ổ đĩa là mất cả hai; hãy chọn ổ đĩa khác hoặc USB, ví dụ \"/mnt/BHYT\"",
                "copies must not lie in data-dir: who loses the disk loses both; choose another disk or a stick, for example \"/mnt/BHYT\"",
            );
            backup.refuse("folder", reason);
        }
        if folder.as_ref().is_some_and(|folder| values::is_inside(folder, keys_dir)) {
            let reason = Reason::new(
                "bản sao không được nằm trong keys-dir, cạnh khóa mở được nó; hãy chọn ổ đĩa khác hoặc USB, ví dụ \"/mnt/BHYT\"",
                "copies must not lie in keys-dir, beside the key that opens them; choose another disk or a stick, for example \"/mnt/BHYT\"",
            );
            backup.refuse("folder", reason);
        }
        let recipients = backup.required("recipients", recipients);
        let schedule = backup.optional("schedule", values::schedule).or_else(|| values::cron("30 11 * * *").ok());
        let keep_days = backup.optional("keep-days", values::days).unwrap_or(14);
        let keep_weeks = backup.optional("keep-weeks", values::days).unwrap_or(8);
        let late_after = backup.optional("late-after-days", values::days).unwrap_or(3);
        top.close(backup);
        Some(Self {
            folder: folder?,
            recipients: recipients?,
            schedule: schedule?,
            keep_days,
            keep_weeks,
            late_after: TimeDelta::days(late_after.into()),
        })
    }
}

/// More are a slip; everybody in the list can read every visit.
const MOST: usize = 5;

fn recipients(value: &DeValue<'_>) -> Result<Vec<Box<str>>, Reason> {
    const FORM: [&str; 2] = [
        "phải là danh sách từ 1 đến 5 khóa công khai age (age1...), làm bằng lệnh age-keygen; khóa bí mật giữ ở nơi khác, không để trên máy này",
        "has to be a list of 1 to 5 public keys of age (age1...), made by age-keygen; keep the secret key elsewhere, not on this computer",
    ];
    let one = |item: &DeValue<'_>| {
        let text = item.as_str()?.trim();
        text.parse::<x25519::Recipient>().is_ok().then(|| text.into())
    };
    let all: Option<Vec<_>> = value.as_array().and_then(|list| list.iter().map(|item| one(item.get_ref())).collect());
    all.filter(|all| (1..=MOST).contains(&all.len())).ok_or_else(|| Reason::both(FORM))
}
