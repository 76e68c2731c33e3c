//! Questions to whoever sits at the terminal.
//!
//! Promise: questions go to standard error; what is typed unseen is not shown, and the terminal is put back whatever happens; Ctrl-C ends it; a line is
//! answered to one question, however long it is. Never: a question where no terminal is.

use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::QueueSelector;
use rustix::termios::Termios;
use rustix::termios::tcflush;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use zeroize::Zeroizing;

/// Longest line kept: as long as a terminal hands over.
const LONGEST: usize = 4096;
/// Longest secret typed.
const LONGEST_UNSEEN: usize = 250;

/// Between two keys of a reader that types for a person.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];

/// Whether somebody types here.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// It would be answered by a file or a program.
    Nobody,
    /// Somebody types, and what is asked goes elsewhere: they would wait for the program, and it for them.
    Unseen,
    /// It is read, and answered.
    Somebody,
}

impl Asking {
    /// As it is now.
    pub(super) fn now() -> Self {
        match (is_there(), io::stderr().is_terminal()) {
            (false, _) => Self::Nobody,
            (true, false) => Self::Unseen,
            (true, true) => Self::Somebody,
        }
    }
}

/// Asks for a line. `None`: the end of input.
pub(super) fn ask(question: &str) -> io::Result<Option<String>> {
    write!(io::stderr(), "{question} ")?;
    line(&mut io::stdin().lock())
}

/// The same, where a key that was pressed before the question must not answer it: a reader ends a number with two of them.
pub(super) fn ask_afresh(question: &str) -> io::Result<Option<String>> {
    // A terminal hands over one line at a time, and the one before was read to its end: nothing of it waits in this process.
    let input = io::stdin();
    let mut typed = [PollFd::new(&input, PollFlags::IN)];
    while poll(&mut typed, Some(&PAUSE))? > 0 && !typed[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        tcflush(&input, QueueSelector::IFlush)?;
    }
    tcflush(&input, QueueSelector::IFlush)?;
    ask(question)
}

/// A line to its end; what is beyond the longest is not the next one's beginning.
fn line(input: &mut impl Read) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        if input.read(&mut byte)? == 0 {
            return Ok(None);
        }
        if byte[0] == b'\n' {
            return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
        }
        if line.len() < LONGEST {
            line.push(byte[0]);
        }
    }
}

/// The terminal as it was.
struct Restore(Termios);

impl Drop for Restore {
    fn drop(&mut self) {
        // Whoever is left with a silent terminal types `reset`; there is nobody else to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        let _ = writeln!(io::stderr());
    }
}

/// Asks for what must not be seen. `None`: Ctrl-C, or the end of input.
pub(super) fn ask_unseen(question: &str) -> io::Result<Option<Zeroizing<String>>> {
    ask_unseen_until(question, |_| true)
}

/// The same, for a line that will do: what is pasted may have others before it.
pub(super) fn ask_unseen_until(question: &str, will_do: impl Fn(&str) -> bool) -> io::Result<Option<Zeroizing<String>>> {
    let before = tcgetattr(io::stdin())?;
    let mut unseen = before.clone();
    // Without ISIG a Ctrl-C comes as a byte, and the terminal is put back before this ends.
    unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
    let _restore = Restore(before);
    // Only now: what was typed before the terminal was silent is thrown away, and nobody answers a question before it is asked.
    write!(io::stderr(), "{question} ")?;
    let mut typed = Zeroizing::new(String::with_capacity(2 * LONGEST_UNSEEN));
    let mut byte = [0];
    let mut input = io::stdin().lock();
    loop {
        if input.read(&mut byte)? == 0 {
            return Ok(None);
        }
        match byte[0] {
            b'\n' | b'\r' if will_do(&typed) => return Ok(Some(typed)),
            b'\n' | b'\r' => typed.clear(),
            INTERRUPT => return Ok(None),
            END if typed.is_empty() => return Ok(None),
            erased if BACKSPACE.contains(&erased) => drop(typed.pop()),
            typed_byte if typed.len() < LONGEST_UNSEEN => typed.push(char::from(typed_byte)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_line_that_was_too_long_answered_the_next_question() {
        let typed = format!(" {} \nno\nlast", "x".repeat(LONGEST + 500));
        let mut typed = typed.as_bytes();
        assert_eq!(line(&mut typed).unwrap().map(|line| line.len()), Some(LONGEST - 1));
        assert_eq!(line(&mut typed).unwrap().as_deref(), Some("no"));
        assert_eq!(line(&mut typed).unwrap(), None);
    }
}
