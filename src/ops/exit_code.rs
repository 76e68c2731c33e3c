//! What the process says to the one who started it.
//!
//! Promise: the numbers are those of `sysexits.h` and never change meaning; the unit file and scripts rely on them. Never: a number made up
//! on the spot.

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// The command line was wrong: correct it.
    Usage = 64,
    /// What was given to work on (a scan, a file) cannot be read: look at the input.
    Data = 65,
    /// Somebody needed did not answer: the daemon, the province. Try again later.
    Unavailable = 69,
    /// Our mistake: report it.
    Software = 70,
    /// A file or folder could not be made.
    CannotCreate = 73,
    /// Reading or writing failed: look at the disk.
    Io = 74,
    /// It did not work this time, nothing is lost: try again.
    TempFail = 75,
    /// Permission is missing: run as the service's user, or repair the owner of the files.
    NoPermission = 77,
    /// The configuration is wrong, a key is missing, or this computer was wiped by order of the province. The unit does not restart after this one, because only
    /// a person can put it right.
    Config = 78,
}

impl ExitCode {
    /// Every code, for documentation and tests.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Usage,
        Self::Data,
        Self::Unavailable,
        Self::Software,
        Self::CannotCreate,
        Self::Io,
        Self::TempFail,
        Self::NoPermission,
        Self::Config,
    ];

    /// The number. FROZEN: in unit files and scripts.
    pub fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_frozen() {
        let numbers: Vec<_> = ExitCode::ALL.into_iter().map(ExitCode::number).collect();
        assert_eq!(numbers, [0, 64, 65, 69, 70, 73, 74, 75, 77, 78]);
    }
}
