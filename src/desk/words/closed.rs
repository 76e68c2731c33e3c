//! What is said to an account that may not read what it asks for.
//!
//! Promise: that nothing is damaged or lost, and the command that works as it is typed. Never: an argument of a command that may be a person's.

use std::path::Path;

use super::sentence::Sentence;

/// A path as a shell takes it.
pub fn typed(path: &Path) -> String {
    let shown = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if shown.chars().all(is_plain) { shown } else { format!("'{}'", shown.replace('\'', r"'\''")) }
}

/// The station's keys or data are closed to this account. `verb`: what was asked for, as it is typed after the program's name.
pub fn station(verb: &str) -> Sentence {
    Sentence::new(
        format!(
            "Tài khoản đang chạy không được đọc khóa hoặc dữ liệu của trạm; chúng không hỏng và không mất, đừng tạo khóa mới. Chạy lại bằng tài khoản của dịch vụ: sudo -u bhyt-agent bhyt-agent {verb}; nếu vẫn vậy: sudo bhyt-agent doctor"
        ),
        format!(
            "The account that runs this may not read the station's keys or data; they are neither damaged nor lost: make no new key. Run it as the service's account: sudo -u bhyt-agent bhyt-agent {verb}; if that changes nothing: sudo bhyt-agent doctor"
        ),
    )
}

/// A backup's file is closed to this account. `sealed`: the key beside it, which goes with it; `account`: who is to read it.
pub fn file(path: &Path, sealed: Option<&Path>, account: &str, verb: &str) -> Sentence {
    let name = path.file_name().map_or(path, Path::new);
    let shown = typed(path);
    let verb = with_file(verb, &typed(&Path::new("/var/tmp").join(name)));
    let both = sealed.map_or_else(|| shown.clone(), |sealed| format!("{shown} {}", typed(sealed)));
    let command = format!("sudo install -m 0400 -o {account} {both} /var/tmp && sudo -u bhyt-agent bhyt-agent {verb}");
    Sentence::new(
        format!("TÀI KHOẢN NÀY KHÔNG ĐỌC ĐƯỢC {shown}: tệp còn đó, mọi thứ vẫn như cũ. Chép ra nơi đọc được rồi chạy lại: {command}"),
        format!(
            "THIS ACCOUNT CANNOT READ {shown}: the file is there, nothing has changed. Copy it to where it can be read, then run this again: {command}"
        ),
    )
}

/// A verb's file stands after its name.
fn with_file(verb: &str, file: &str) -> String {
    verb.split_once(' ').map_or_else(|| format!("{verb} {file}"), |(verb, after)| format!("{verb} {file} {after}"))
}

/// The file of an identity is closed to this account.
pub fn identity(path: &Path, verb: &str) -> Sentence {
    let shown = typed(path);
    let command = format!("sudo cat {shown} | sudo -u bhyt-agent bhyt-agent {verb}");
    Sentence::new(
        format!(
            "TÀI KHOẢN NÀY KHÔNG ĐỌC ĐƯỢC tệp {shown} của --identity, mọi thứ vẫn như cũ. Đưa khóa qua đầu vào chuẩn: {command} --identity -"
        ),
        format!(
            "THIS ACCOUNT CANNOT READ the file {shown} of --identity, nothing has changed. Hand the identity over standard input: {command} --identity -"
        ),
    )
}

/// There is no such file for an identity.
pub fn no_identity(path: &Path) -> Sentence {
    let shown = typed(path);
    Sentence::new(
        format!(
            "KHÔNG CÓ TỆP {shown} của --identity, mọi thứ vẫn như cũ. Kiểm tra đường dẫn (USB đã cắm chưa?), hoặc dán khóa khi được hỏi: --identity -"
        ),
        format!(
            "THERE IS NO FILE {shown} of --identity, nothing has changed. Check the path (is the stick in?), or paste the identity when asked: --identity -"
        ),
    )
}
