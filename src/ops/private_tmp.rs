//! Whether a folder is one that systemd has made for this service alone in the place of `/tmp` or `/var/tmp`.
//!
//! Promise: the kernel's own list of what is mounted for this process decides; where it cannot be read, nothing is called private. Never: a folder
//! looked into.

use std::fs;
use std::path::Path;

/// What systemd calls the folders behind `PrivateTmp=`.
const BEHIND: &str = "/systemd-private-";

/// Whether what lies in a folder is seen by this service only, and removed when it stops.
pub fn holds(folder: &Path) -> bool {
    let folder = folder.canonicalize();
    folder.is_ok_and(|folder| fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounted| is_private(&mounted, &folder)))
}

/// `mounted`: a line for each mount, whose fourth word is what of its file system is mounted, and the fifth where (proc(5)).
fn is_private(mounted: &str, folder: &Path) -> bool {
    let mounts = mounted.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(3);
        Some((words.next()?, words.next()?))
    });
    // Of two at one place the later one covers the other.
    let over = mounts.filter(|(_, place)| folder.starts_with(place)).max_by_key(|(_, place)| place.len());
    over.is_some_and(|(root, _)| root.contains(BEHIND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_by_the_mount_it_lies_in() {
        let mounted = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
            2 1 8:1 /tmp/systemd-private-0f-bhyt-agent.service-x/tmp /tmp rw - ext4 /dev/sda1 rw\n\
            3 1 8:1 /var/tmp/systemd-private-0f-bhyt-agent.service-y/tmp /var/tmp rw - ext4 /dev/sda1 rw\n\
            4 2 8:17 / /tmp/stick rw - vfat /dev/sdb1 rw\n\
            5 1 8:33 / /mnt/BHYT rw - ext4 /dev/sdc1 rw\n";
        for (folder, private) in
            [("/tmp", true), ("/tmp/a", true), ("/var/tmp/b/c", true), ("/tmp/stick/a", false), ("/mnt/BHYT", false), ("/tmpfs", false)]
        {
            assert_eq!(is_private(mounted, Path::new(folder)), private, "{folder}");
        }
        assert!(!is_private("", Path::new("/tmp")) && !is_private("1 2\n", Path::new("/tmp")));
    }
}
