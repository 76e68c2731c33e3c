//! Which sticks are in.
//!
//! Promise: only folders that the configuration names, and of these only what is mounted there, or is marked by a person to be used like a stick. Never:
//! a link followed; a search through anything else.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

/// A file of this name makes a folder count as a stick where nothing is mounted, as for a folder that is shared in some other way.
pub const MARK: &str = "bhyt.stick";

/// More are not shown: each is a button.
const MOST: usize = 8;

/// The sticks that fit the patterns now, sorted. In a pattern one whole part of the path may be `*`. Blocks as long as the disks do.
pub fn find(patterns: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<_> = patterns.iter().flat_map(|pattern| matching(pattern)).filter(|path| is_stick(path)).collect();
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

fn matching(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        if part.as_os_str() == "*" {
            let entries = found.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten()).filter_map(Result::ok);
            let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            found = folders.map(|entry| entry.path()).collect();
        } else {
            for path in &mut found {
                path.push(part);
            }
        }
    }
    found
}

fn is_stick(path: &Path) -> bool {
    let Ok(own) = fs::symlink_metadata(path) else { return false };
    if !own.is_dir() {
        return false;
    }
    let outer = path.parent().and_then(|outer| fs::symlink_metadata(outer).ok());
    let is_mounted = outer.is_some_and(|outer| outer.dev() != own.dev());
    is_mounted || fs::symlink_metadata(path.join(MARK)).is_ok_and(|mark| mark.is_file())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_is_named_and_mounted_or_marked_is_a_stick() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a/BHYT", "b/BHYT", "c/OTHER"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let patterns = [at("*/BHYT"), at("a/BHYT"), at("none/*/BHYT")];
        assert_eq!(find(&patterns), Vec::<PathBuf>::new(), "a folder alone is no stick");
        for name in ["a/BHYT", "b/BHYT", "c/OTHER"] {
            fs::write(at(name).join(MARK), "").unwrap();
        }
        symlink(at("a"), at("d")).unwrap();
        fs::create_dir(at("e")).unwrap();
        symlink(at("a/BHYT"), at("e/BHYT")).unwrap();
        let found = find(&patterns);
        assert_eq!(found, [at("a/BHYT"), at("b/BHYT")], "a link leads to none");
        // Something is mounted here on any machine.
        assert!(find(&["/proc".into()]).contains(&PathBuf::from("/proc")));
    }
}
