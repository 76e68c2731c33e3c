//! The province as processes of its own, to be killed.
//!
//! Promise: the same program that a person runs, over the same folder; killed when dropped, and waited for. Never: a process left behind.

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// How long it may take to say something.
const PATIENCE: Duration = Duration::from_mins(1);

/// The province's program, built now if it is not: together with a test, as otherwise dependencies would be built anew without what tests want of them.
pub(crate) fn program() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).expect("a test lies in `deps` of its profile's folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "provincial", "--test", "architecture"]);
    let profile = folder.file_name().unwrap();
    if profile != "debug" {
        build.arg("--profile").arg(profile);
    }
    assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    folder.join("provincial")
}

/// A process of the province; killed when dropped.
pub(crate) struct Killed {
    process: Child,
    /// What it says, if anybody listens.
    lines: Option<Receiver<String>>,
}

impl Killed {
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        Self::run(program, arguments, Stdio::null())
    }

    fn run(program: &Path, arguments: &[&str], stdout: Stdio) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = process.stdout.take().map(|stdout| {
            let (say, lines) = mpsc::channel();
            // Ends with the process, or when nobody listens any more.
            std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
            lines
        });
        Self { process, lines }
    }

    /// The server; it publishes once, at its start.
    pub(crate) fn serve(program: &Path, folder: &Path, address: SocketAddr) -> Self {
        Self::start(program, &serving(folder, &address.to_string()))
    }

    /// The same with a fault, for a test that listens to what it says.
    pub(crate) fn serve_heard(program: &Path, folder: &Path, address: SocketAddr, fault: Option<&str>) -> Self {
        let address = address.to_string();
        let mut arguments = serving(folder, &address).to_vec();
        arguments.extend(fault.iter().flat_map(|fault| ["--fault", fault]));
        Self::run(program, &arguments, Stdio::piped())
    }

    /// Waits for the first line with this in it: on a thread that may wait.
    pub(crate) fn heard(self, text: &str) -> Self {
        let lines = self.lines.as_ref().expect("a process that is heard");
        while !lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said {text}")).contains(text) {}
        self
    }
}

fn serving<'a>(folder: &'a Path, address: &'a str) -> [&'a str; 6] {
    ["serve", folder.to_str().unwrap(), "--listen", address, "--publish-every", "3600"]
}

impl Drop for Killed {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.process.kill().unwrap();
            self.process.wait().unwrap();
        }
    }
}
