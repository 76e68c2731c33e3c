//! What a person types at a terminal, made by script(1): secrets are asked for and not shown; from a pipe they are read as before.

use std::fs;
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
    assert!(shown.contains(&format!("Số đã đọc: thẻ {card}")), "{shown}");
    assert_eq!(kept().await, 1);
    let line = format!("{AGENT} person erase {card} --english --config {config}");
    let (ended, shown) = converse(&line, &[("Enter alone leaves them:", "erase")]).unwrap();
    assert!(ended == Some(0) && shown.contains("ERASED"), "{shown}");
    assert_eq!(kept().await, 0);
    assert_eq!(daemon.terminate().await, Some(0));
}

/// A reader ends a number with a carriage return and a line feed: the second one said no.
#[test]
fn a_reader_s_second_enter_answered_the_question_before_an_erasure() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("{AGENT} person erase - --config {}", folder.path().join("none.toml").display());
    let Some((ended, shown)) = converse(&line, &[("số thẻ:", "0100000001\r"), ("chỉ Enter là thôi:", "XOA")]) else {
        return skipped("a terminal", "there is no script(1)");
    };
    // It was to be done, and was stopped by the missing configuration alone.
    assert!(ended == Some(78) && !shown.contains("Chưa xóa gì."), "{shown}");
}

/// It was asked about first, and erased in vain.
#[test]
fn what_is_no_number_was_asked_about_before_it_was_refused() {
    // The second Enter would answer a question that must not come.
    let Some((ended, shown)) = converse(&format!("{AGENT} person erase -"), &[("số thẻ:", "Nguyễn Văn A\n")]) else {
        return skipped("a terminal", "there is no script(1)");
    };
    assert!(ended == Some(65) && !shown.contains("chỉ Enter là thôi"), "{shown}");
}

const END_OF_INPUT: &str = "\u{4}";

/// Whoever ended the input was told that it is no UTF-8.
#[test]
fn the_end_of_input_was_no_no() {
    let verbs =
        [("erase -", "số thẻ:", "Chưa xóa gì."), ("erase 0100000001", "là thôi:", "Chưa xóa gì."), ("export -", "số thẻ:", "Chưa in gì.")];
    for (verb, question, said) in verbs {
        let Some((ended, shown)) = converse(&format!("{AGENT} person {verb}"), &[(question, END_OF_INPUT)]) else {
            return skipped("a terminal", "there is no script(1)");
        };
        assert!(ended == Some(75) && shown.contains(said) && !shown.contains("UTF-8"), "{verb}: {shown}");
    }
}

/// Standard error went to a file, and the program waited for the answer to a question that nobody saw.
#[test]
fn a_question_that_nobody_sees_was_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for (verb, said) in [("erase -", "Chưa xóa gì."), ("erase 0100000001", "Chưa xóa gì."), ("export -", "Chưa in gì.")] {
        let line = format!("{AGENT} person {verb} 2>{}", log.display());
        // Ends what would wait.
        let Some((ended, _)) = converse(&line, &[("", END_OF_INPUT)]) else { return skipped("a terminal", "there is no script(1)") };
        let told = fs::read_to_string(&log).unwrap();
        assert!(ended == Some(75) && told.starts_with(&format!("{said} Lệnh này phải hỏi")), "{verb}: {told}");
        assert!(!told.contains("0100000001"), "{verb}: {told}");
    }
}
