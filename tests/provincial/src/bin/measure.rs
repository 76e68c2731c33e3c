//! What `tests/measure` cannot do in a shell: listen for a program's readiness, and look people up over its control socket.
//!
//! Promises: `ready COMMAND…` starts the command, prints its process id and the microseconds from its start until it
//! said `READY=1`, and ends with it; `look-up DIR STATION SOCKET COUNT` looks made-up people up, each time another one,
//! and prints how long the answers took. Must never print a name or a number of a person, or stop a process it did not
//! start.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command line")]
#![allow(clippy::disallowed_methods, reason = "a stopwatch reads the clock")]

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixDatagram, UnixStream},
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use provincial::Province;
use rand::seq::IndexedRandom as _;

/// Longest wait for a sign of readiness.
const LONGEST_START: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ready", program, rest @ ..] => ready(program, rest),
        ["look-up", dir, station, socket, count] => look_up(Path::new(dir), station, Path::new(socket), count),
        _ => Err("measure ready COMMAND… | look-up DIR STATION SOCKET COUNT".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("measure: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ready(program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("measure-{}.notify", std::process::id()));
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(LONGEST_START))?;
    let begun = Instant::now();
    let mut child = Command::new(program).args(arguments).env("NOTIFY_SOCKET", &path).spawn()?;
    let heard = wait_for_readiness(&socket);
    let took = begun.elapsed();
    fs::remove_file(&path)?;
    match heard {
        Ok(()) => println!("{} {}", child.id(), took.as_micros()),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    }
    // Its parent waits for it, so that a script that stops it learns when it is gone.
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}").into()) }
}

fn wait_for_readiness(socket: &UnixDatagram) -> Result<(), Box<dyn Error>> {
    let mut message = [0; 4096];
    loop {
        let length = socket.recv(&mut message)?;
        if message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            return Ok(());
        }
    }
}

fn look_up(dir: &Path, station: &str, socket: &Path, count: &str) -> Result<(), Box<dyn Error>> {
    let people = Province::open(dir)?.people(station)?;
    let mut asked = UnixStream::connect(socket)?;
    let mut answers = BufReader::new(asked.try_clone()?);
    let mut rng = rand::rng();
    let mut times = Vec::new();
    for _ in 0..count.parse()? {
        let person = people.choose(&mut rng).ok_or("nobody lives there")?;
        let question = serde_json::json!({ "verb": "lookup", "text": person.insurance_number() });
        let mut answer = String::new();
        let begun = Instant::now();
        asked.write_all(format!("{question}\n").as_bytes())?;
        answers.read_line(&mut answer)?;
        times.push(begun.elapsed());
        let answer: serde_json::Value = serde_json::from_str(&answer)?;
        if answer["ok"]["verdict"]["standing"].is_null() || answer["ok"]["person"]["name"].is_null() {
            return Err("somebody on the roster was not found".into());
        }
    }
    times.sort_unstable();
    let at = |per_mille: usize| times.get((times.len() * per_mille / 1000).min(times.len() - 1)).copied().unwrap_or_default();
    println!("p50 {} µs, p99 {} µs, max {} µs", at(500).as_micros(), at(990).as_micros(), at(1000).as_micros());
    Ok(())
}
