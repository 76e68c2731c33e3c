//! What is said while a station is set up.
//!
//! Promise: each question says what is wanted and where it comes from; what was done is told once. Never: a code or a PIN.

use super::sentence::Sentence;

/// The first question.
pub fn ask_facility() -> Sentence {
    Sentence::new("1/5 Mã cơ sở khám chữa bệnh của trạm (MA_CSKCB, 5 ký tự):", "1/5 The station's facility code (MA_CSKCB, 5 characters):")
}

/// That was none.
pub fn no_facility() -> Sentence {
    Sentence::new(
        "Mã cơ sở gồm hai chữ số mã tỉnh và ba chữ số hoặc chữ cái, ví dụ 79012.",
        "A facility code is two digits of the province and three digits or letters, such as 79012.",
    )
}

/// A question with what Enter leaves as it is.
pub fn or_still(question: &Sentence, held: &str) -> Sentence {
    let of = |text: &str| format!("{} [{held}]:", text.trim_end_matches(':'));
    Sentence::new(of(&question.vi), of(&question.en))
}

/// The second question. `has_one`: there is an address, and another can be given.
pub fn ask_province(has_one: bool) -> Sentence {
    if has_one {
        return Sentence::new("2/5 Địa chỉ máy chủ của tỉnh (https://...):", "2/5 The address of the province's server (https://...):");
    }
    Sentence::new(
        "2/5 Địa chỉ máy chủ của tỉnh (https://...; Enter: chưa có, trạm làm việc một mình):",
        "2/5 The address of the province's server (https://...; Enter: none yet, the station works alone):",
    )
}

/// That was none.
pub fn no_address() -> Sentence {
    Sentence::new("Địa chỉ phải bắt đầu bằng https://.", "The address begins with https://.")
}

/// The third question.
pub fn ask_authority() -> Sentence {
    Sentence::new("3/5 Tệp chứng thư gốc của tỉnh (PEM, tỉnh cấp):", "3/5 The file with the province's authority (PEM, from the province):")
}

/// There is none there.
pub fn no_file() -> Sentence {
    Sentence::new("Không đọc được tệp đó.", "That file cannot be read.")
}

/// The fourth question.
pub fn ask_code(is_again: bool) -> Sentence {
    if is_again {
        Sentence::new(
            "4/5 Mã đăng ký một lần, ĐÚNG MÃ lần trước đã gõ (không hiện):",
            "4/5 The one-time code, THE SAME as the last time (not shown):",
        )
    } else {
        Sentence::new("4/5 Mã đăng ký một lần do tỉnh cấp (không hiện):", "4/5 The province's one-time code (not shown):")
    }
}

/// The fifth question.
pub fn ask_head() -> Sentence {
    Sentence::new("5/5 Họ và tên trưởng trạm:", "5/5 Name of the head of the station:")
}

/// And its second half.
pub fn ask_pin() -> Sentence {
    Sentence::new("    Mã PIN của trưởng trạm, 6 đến 12 chữ số (không hiện):", "    A PIN for the head, 6 to 12 digits (not shown):")
}

/// Once more.
pub fn ask_pin_again() -> Sentence {
    Sentence::new("    Gõ lại mã PIN:", "    The PIN again:")
}

/// The two differ.
pub fn pins_differ() -> Sentence {
    Sentence::new("Hai mã PIN không giống nhau.", "The two PINs differ.")
}

/// Nobody can be asked, and these are not answered.
pub fn unanswered(keys: &Sentence) -> Sentence {
    Sentence::new(
        format!("Thiếu câu trả lời và không có ai để hỏi: {}. Viết vào tệp --answers hoặc biến BHYT_SETUP_..., rồi chạy lại.", keys.vi),
        format!(
            "Unanswered, and there is nobody to ask: {}. Put them into the file of --answers or into BHYT_SETUP_..., then run this again.",
            keys.en
        ),
    )
}

/// Wanted of a station that has a province, which is not known yet.
pub fn with_a_province(key: &str) -> Sentence {
    Sentence::new(format!("{key} (nếu có tỉnh)"), format!("{key} (if there is a province)"))
}

/// What is wrong with an answer; `key` is the one it was given under.
pub fn wrong(key: &str, why: Sentence) -> Sentence {
    why.after(key, key)
}

/// A file that was given cannot be read.
pub fn unreadable_file(path: &str, why: &str) -> Sentence {
    Sentence::new(format!("không đọc được {path} ({why})"), format!("{path} cannot be read ({why})"))
}

/// Nothing was done yet, because of what was told before this.
pub fn nothing_done() -> Sentence {
    Sentence::new(
        "Chưa làm gì. Sửa các câu trả lời rồi chạy lại bhyt-agent setup.",
        "Nothing was done. Correct the answers, then run bhyt-agent setup again.",
    )
}

/// No answer has this name.
pub fn unknown_variable(name: &str, meant: Option<&str>) -> Sentence {
    let [vi, en] = meant.map_or(["hãy bỏ đi".to_owned(), "take it out".to_owned()], |meant| {
        [format!("có phải là {meant}?"), format!("is it {meant}?")]
    });
    Sentence::new(format!("Biến {name}: không có biến này; {vi}"), format!("The variable {name}: there is none of this name; {en}"))
}

/// It cannot be an answer.
pub fn variable_is_no_text(name: &str) -> Sentence {
    Sentence::new(format!("Biến {name}: không phải văn bản UTF-8."), format!("The variable {name} is not UTF-8 text."))
}

/// The answers cannot be read.
pub fn unreadable_answers(why: &str) -> Sentence {
    Sentence::new(format!("Không đọc được câu trả lời: {why}"), format!("The answers cannot be read: {why}"))
}

/// Ctrl-C.
pub fn broken_off() -> Sentence {
    Sentence::new(
        "Đã ngừng. Những gì đã làm vẫn giữ; chạy lại bhyt-agent setup để làm tiếp.",
        "Broken off. What was done stays; run bhyt-agent setup again to go on.",
    )
}

/// The station is enrolled under another value than the answer's.
pub fn contradicted(key: &str, path: &str, held: &str, answer: &str) -> Sentence {
    Sentence::new(
        format!(
            "Trạm đã đăng ký với {key} = \"{held}\" ({path}), câu trả lời là \"{answer}\". Không đổi gì. Sửa câu trả lời; nếu đúng là phải đổi: sửa {path}, xin \
             tỉnh mã mới, rồi bhyt-agent replace-this-machine --code -"
        ),
        format!(
            "The station is enrolled with {key} = \"{held}\" ({path}), and the answer is \"{answer}\". Nothing is changed. Correct the answer; if it has to be \
             changed: edit {path}, ask the province for a new code, then bhyt-agent replace-this-machine --code -"
        ),
    )
}

/// A province cannot be taken back by an answer.
pub fn has_province(path: &str, held: &str) -> Sentence {
    Sentence::new(
        format!(
            "{path} có province.url = \"{held}\", câu trả lời là không có tỉnh. Không đổi gì. Bỏ bảng [province] khỏi tệp đó, hoặc sửa câu trả lời."
        ),
        format!(
            "{path} has province.url = \"{held}\", and the answer is no province. Nothing is changed. Take [province] out of that file, or correct the answer."
        ),
    )
}

/// With what the province did not enrol it.
pub fn not_enrolled_as(path: &str, facility: &str, url: &str) -> Sentence {
    Sentence::new(
        format!("Đã hỏi {url} với mã cơ sở {facility} (trong {path})."),
        format!("{url} was asked for facility {facility} (both from {path})."),
    )
}

/// The configuration was written.
pub fn configured(path: &str) -> Sentence {
    Sentence::new(format!("Đã ghi cấu hình {path}."), format!("The configuration {path} is written."))
}

/// It cannot be written.
pub fn not_configured(path: &str, why: &str) -> Sentence {
    Sentence::new(
        format!("Không ghi được {path} ({why}). Chạy: sudo bhyt-agent setup"),
        format!("{path} cannot be written ({why}). Run: sudo bhyt-agent setup"),
    )
}

/// There is no account for the service.
pub fn no_account() -> Sentence {
    Sentence::new(
        "Máy chưa có tài khoản bhyt-agent. Cài gói bhyt-agent, hoặc chạy systemd-sysusers, rồi chạy lại.",
        "This computer has no account bhyt-agent. Install the package, or run systemd-sysusers, then run this again.",
    )
}

/// Somebody who may open everything.
pub fn head_added() -> Sentence {
    Sentence::new("Đã thêm tài khoản trưởng trạm.", "The head's account is made.")
}

/// What has to be done after all this.
pub fn restart() -> Sentence {
    Sentence::new(
        "Dịch vụ đang chạy với cấu hình cũ: systemctl restart bhyt-agent",
        "The service runs with the old configuration: systemctl restart bhyt-agent",
    )
}

/// Nobody here starts services.
pub fn no_systemd() -> Sentence {
    Sentence::new(
        "Máy không có systemd nên dịch vụ chưa chạy. Chạy bằng tài khoản bhyt-agent: bhyt-agent serve",
        "There is no systemd here, so the service does not run. Run, as the account bhyt-agent: bhyt-agent serve",
    )
}

/// systemd would not.
pub fn not_started() -> Sentence {
    Sentence::new(
        "Không khởi động được dịch vụ: journalctl -u bhyt-agent -n 50",
        "The service cannot be started: journalctl -u bhyt-agent -n 50",
    )
}

/// All is done but for what was said.
pub fn again() -> Sentence {
    Sentence::new(
        "Chưa xong. Chạy lại bhyt-agent setup: việc đã làm không làm lại.",
        "Not done. Run bhyt-agent setup again: what was done is not done twice.",
    )
}

/// What was told by files has been used.
pub fn secrets_done(files: &str) -> Sentence {
    Sentence::new(
        format!("Tệp bí mật đã dùng xong, xóa được: {files}"),
        format!("These files of secrets have been used and can be removed: {files}"),
    )
}

/// Others may read a secret.
pub fn open_secret(file: &str) -> Sentence {
    Sentence::new(
        format!("{file}: người khác trên máy này đọc được. Chạy: chmod 0600 {file}"),
        format!("{file}: others on this computer may read it. Run: chmod 0600 {file}"),
    )
}

/// Root has put something where the service's own files go.
pub fn of_root(folder: &str) -> Sentence {
    Sentence::new(
        format!("{folder} là của root và không trống. Nếu đó là dữ liệu của trạm: chown -R bhyt-agent: {folder}, rồi chạy lại."),
        format!("{folder} is root's and not empty. If it holds the station's data: chown -R bhyt-agent: {folder}, then run this again."),
    )
}

/// The province's authority is another one.
pub fn authority_placed(file: &str) -> Sentence {
    Sentence::new(format!("Đã thay chứng thư gốc của tỉnh: {file}"), format!("The province's authority was replaced: {file}"))
}

/// What was given as the province's authority is none.
pub fn no_authority(file: &str, vi: &str, en: &str) -> Sentence {
    Sentence::new(
        format!("{file} không dùng làm chứng thư gốc của tỉnh được; không đổi gì ({vi})"),
        format!("{file} cannot be the province's authority; nothing is changed ({en})"),
    )
}
