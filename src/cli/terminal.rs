//! Questions to whoever sits at the terminal.
//!
//! Promise: questions go to standard error; what is typed unseen is not shown, and the terminal is put back whatever happens; Ctrl-C ends it. Never: a
//! question where no terminal is.

use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;

use rustix::termios::LocalModes;
use rustix::termios::OptionalActions;
use rustix::termios::Termios;
use rustix::termios::tcgetattr;
use rustix::termios::tcsetattr;
use zeroize::Zeroizing;

/// Longest line typed.
const LONGEST: usize = 500;

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];

/// Whether there is somebody to ask.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line. `None`: the end of input.
pub(super) fn ask(question: &str) -> io::Result<Option<String>> {
    write!(io::stderr(), "{question} ")?;
    let mut line = Vec::new();
    let mut byte = [0];
    let mut input = io::stdin().lock();
    while line.len() < LONGEST {
        if input.read(&mut byte)? == 0 {
            return Ok(None);
        }
        if byte[0] == b'\n' {
            break;
        }
        line.push(byte[0]);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
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
    let mut typed = Zeroizing::new(String::with_capacity(LONGEST));
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
            typed_byte if typed.len() < LONGEST / 2 => typed.push(char::from(typed_byte)),
            _ => {}
        }
    }
}
