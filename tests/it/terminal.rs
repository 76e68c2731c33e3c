//! What a person types at a terminal, made by script(1): secrets are asked for and not shown; from a pipe they are read as before.

use std::io::Read;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use crate::slow_link::skipped;
use crate::support::AGENT;
use crate::support::STATION;
use crate::support::TestProvince;
use crate::support::TestStation;

/// Runs a command line at a terminal and answers one question after the other. Returns its exit code and all that stood on the terminal; `None`: there is no
/// script(1) here.
pub(crate) fn converse(line: &str, talk: &[(&str, &str)]) -> Option<(Option<i32>, String)> {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).env("PATH", "/bin:/usr/bin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut byte) = (Vec::new(), [0]);
    for (question, answer) in talk {
        let from = shown.len();
        while !String::from_utf8_lossy(&shown[from..]).contains(question) {
            assert_eq!(output.read(&mut byte).unwrap(), 1, "ended before {question}: {}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    // The input stays open: a terminal that is closed would end what runs at it.
    let mut byte = [0; 1000];
    loop {
        match output.read(&mut byte) {
            Ok(0) | Err(_) => break,
            Ok(read) => shown.extend_from_slice(&byte[..read]),
        }
    }
    Some((child.wait().unwrap().code(), String::from_utf8_lossy(&shown).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_a_pin_is_asked_for_twice_and_not_shown() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let line = format!("{AGENT} operator add Mẫu --with-personal-id --config {}", station.config.display());
    let talk = [
        ("chữ số (không hiện):", "802461"),
        ("Gõ lại mã PIN:", "802462"),
        ("chữ số (không hiện):", "802461"),
        ("Gõ lại mã PIN:", "802461"),
        ("12 số (không hiện):", "001199000001"),
    ];
    let Some((code, shown)) = converse(&line, &talk) else { return skipped("a terminal", "there is no script(1)") };
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Hai mã PIN không giống nhau") && shown.contains("quét thẻ được"), "{shown}");
    for secret in ["802461", "802462", "001199000001"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let line = format!("{AGENT} operator pin 1 --english --config {}", station.config.display());
    let (code, shown) = converse(&line, &[("(not shown):", "913572"), ("The PIN again:", "913572")]).unwrap();
    assert!(code == Some(0) && !shown.contains("913572"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_a_code_and_an_identity_are_asked_for_and_not_shown() {
    let province = TestProvince::new(50).await;
    let station = TestStation::configured(&province);
    let code = province.province.enrolment_code(STATION).unwrap();
    let line = format!("{AGENT} init --code - --config {}", station.config.display());
    let Some((ended, shown)) = converse(&line, &[("tỉnh cấp (không hiện):", &code)]) else {
        return skipped("a terminal", "there is no script(1)");
    };
    assert!(ended == Some(0) && !shown.contains(&code), "{shown}");
    let line = format!("{AGENT} replace-this-machine --english --code - --config {}", station.config.display());
    let (ended, shown) = converse(&line, &[("one-time code (not shown):", "nine")]).unwrap();
    assert!(ended == Some(65) && !shown.contains("nine"), "{shown}");
    // Pasted with the remarks that age-keygen writes before it.
    let pasted = "# created: 2026-11-22\n# public key: age1...\nAGE-SECRET-KEY-1NONE";
    let line = format!("{AGENT} recover-key /nowhere.key.age --identity - --config {}", station.config.display());
    let (ended, shown) = converse(&line, &[("AGE-SECRET-KEY-…, không hiện):", pasted)]).unwrap();
    assert!(ended.is_some_and(|code| code != 0) && !shown.contains("KEY-1NONE") && !shown.contains("# created"), "{shown}");
}

/// A mistyped number was enough to erase somebody's visits for good.
#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_nobody_s_visits_are_erased_without_a_second_word() {
    let province = TestProvince::new(50).await;
    let station = TestStation::enrolled(&province).await;
    let daemon = station.loaded().await;
    let card = province.person_in_force().card;
    station.check_in(&card).await.unwrap();
    station.status_when("it has arrived", |status| status["outbox"]["pending"] == 0).await;
    let kept = async || String::from_utf8(station.run(&["person", "export", &card]).await.stdout).unwrap().matches("\"revision\"").count();
    assert_eq!(kept().await, 1);
    let config = station.config.display();
    let line = format!("{AGENT} person erase - --config {config}");
    let Some((ended, shown)) = converse(&line, &[("số thẻ:", &card), ("chỉ Enter là thôi:", "")]) else {
        return skipped("a terminal", "there is no script(1)");
    };
    assert!(ended == Some(75) && shown.contains("Chưa xóa gì."), "{shown}");
    assert_eq!(kept().await, 1);
    let line = format!("{AGENT} person erase {card} --english --config {config}");
    let (ended, shown) = converse(&line, &[("Enter alone leaves them:", "erase")]).unwrap();
    assert!(ended == Some(0) && shown.contains("ERASED"), "{shown}");
    assert_eq!(kept().await, 0);
    assert_eq!(daemon.terminate().await, Some(0));
}
