//! A disk that fails as told (`bad_disk.c`), under the real program.
//!
//! Promise: the program is the one that is delivered; what fails is what the kernel would say. Never: a machine without a C compiler, which SQLCipher needs anyway.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

/// What is told to the shim, and what it counted.
pub(crate) struct BadDisk {
    library: PathBuf,
    plan: PathBuf,
    folder: PathBuf,
}

impl BadDisk {
    /// Everything under `folder` lies on it. What the test needs for it is made in `place`, which is not under it.
    pub(crate) fn new(place: &Path, folder: &Path) -> Self {
        let (library, plan) = (place.join("bad_disk.so"), place.join("bad_disk"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/bad_disk.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(built.unwrap().success(), "cc is what SQLCipher is built with");
        let disk = Self { library, plan, folder: folder.to_owned() };
        disk.is("well", 0, 0);
        disk
    }

    /// For the environment of the program.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("BHYT_BAD_DISK", &self.plan)]
    }

    /// From now on it is so; calls are counted anew.
    pub(crate) fn is(&self, mode: &str, number: u64, seed: u64) {
        let count = self.plan.with_extension("count");
        // In place: a running program has it mapped.
        if count.exists() {
            let file = fs::File::options().write(true).open(&count).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0; 16], 0).unwrap();
        } else {
            fs::write(&count, [0; 16]).unwrap();
        }
        let beside = self.plan.with_extension("next");
        fs::write(&beside, format!("{mode} {number} {seed} {}\n", self.folder.display())).unwrap();
        fs::rename(&beside, &self.plan).unwrap();
    }

    /// How many calls were made since it was told how to be.
    pub(crate) fn calls(&self) -> u64 {
        let count = fs::read(self.plan.with_extension("count")).unwrap();
        u64::from_ne_bytes(count[..8].try_into().unwrap())
    }
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
