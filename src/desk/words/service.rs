//! What is said where a command and the service do not come together.
//!
//! Promise: whether something was done, and what to run next. Never: a path but one that was just named; what else was typed.

use std::io;
use std::path::Path;

use core::net::SocketAddr;

use chrono::DateTime;
use chrono::Utc;

use super::sentence::Sentence;
use super::sentence::Telling;
use crate::desk::SideDoor;
use crate::domain::clock::Now;

/// The service is going down.
pub fn stopping() -> Sentence {
    Sentence::new("Dịch vụ đang dừng. Chạy lại sau ít phút.", "The service is stopping. Run this again in a few minutes.")
}

/// The service does not run, and nothing was done without it.
pub fn absent() -> Sentence {
    Sentence::new(
        "Dịch vụ chưa chạy. Khởi động: systemctl start bhyt-agent",
        "The service does not run. Start it: systemctl start bhyt-agent",
    )
}

/// The same where a visit was to be saved.
pub fn absent_unsaved() -> Sentence {
    absent().after("CHƯA LƯU", "NOT SAVED")
}

/// No service has worked in the data folder, and what was asked for makes none.
pub fn no_data(folder: &Path) -> Sentence {
    let [next_vi, next_en] = put_data_back(folder);
    let shown = folder.display();
    Sentence::new(
        format!("KHÔNG CÓ DỮ LIỆU của trạm trong {shown}; chưa tạo gì ở đó. Việc cần làm: {next_vi}."),
        format!("THERE ARE NO DATA of the station in {shown}; nothing was made there. What to do: {next_en}."),
    )
}

/// What to do about that, in Vietnamese and in English.
pub fn put_data_back(folder: &Path) -> [String; 2] {
    let shown = folder.display();
    [
        format!(
            "xem ổ đĩa đã gắn chưa và data-dir có đúng không (findmnt --target {shown}); mất thật thì đặt bản sao lại: sudo -u bhyt-agent bhyt-agent restore TỆP; trạm chưa dùng lần nào: sudo bhyt-agent setup"
        ),
        format!(
            "see whether the disk is mounted and data-dir is right (findmnt --target {shown}); if they are lost put a backup back: sudo -u bhyt-agent bhyt-agent restore FILE; if the station was never in use: sudo bhyt-agent setup"
        ),
    ]
}

/// Something in this program or on this machine is not as it has to be.
pub fn broken() -> Sentence {
    Sentence::new(
        "Chương trình không bắt đầu được. Chạy bhyt-agent doctor để biết vì sao.",
        "The program could not begin. Run bhyt-agent doctor to see why.",
    )
}

/// A bundle was asked for on standard output.
pub fn bundle_is_a_file() -> Sentence {
    Sentence::new(
        "CHƯA GOM: gói hỗ trợ là một tệp, không in ra đầu ra chuẩn. Ghi tên tệp mới: sudo bhyt-agent support-bundle /var/tmp/bhyt-agent.tar.zst",
        "NOT GATHERED: a support bundle is a file and does not go to standard output. Name a new file: sudo bhyt-agent support-bundle /var/tmp/bhyt-agent.tar.zst",
    )
}

/// A bundle was made, and the account that made it may not read these parts. `is_root`: no other account may more.
pub fn bundle_without(parts: &str, is_root: bool) -> Sentence {
    let [next_vi, next_en] = if is_root {
        ["Xem vì sao: sudo bhyt-agent doctor", "See why: sudo bhyt-agent doctor"]
    } else {
        [
            "Gom lại bằng root vào tệp khác: sudo bhyt-agent support-bundle /var/tmp/bhyt-agent-2.tar.zst",
            "Gather again as root, into another file: sudo bhyt-agent support-bundle /var/tmp/bhyt-agent-2.tar.zst",
        ]
    };
    Sentence::new(
        format!(
            "GÓI HỖ TRỢ THIẾU PHẦN: tài khoản này không được đọc khóa hoặc dữ liệu của trạm, nên không có nội dung của {parts}. {next_vi}"
        ),
        format!(
            "THE BUNDLE IS NOT WHOLE: this account may not read the station's keys or data, and these are without what they should hold: {parts}. {next_en}"
        ),
    )
}

/// A service that does not run has no figures.
pub fn no_figures() -> Sentence {
    Sentence::new(
        "Không có số đo: dịch vụ chưa chạy, và số đo chỉ dịch vụ đang chạy mới có. Khởi động: systemctl start bhyt-agent",
        "There are no figures: the service does not run, and only a running one has any. Start it: systemctl start bhyt-agent",
    )
}

/// An answer could not be written. `is_done`: what it tells of was done, and would be done twice.
pub fn unprinted(is_done: bool, error: &io::Error) -> Sentence {
    let said = if is_done {
        Sentence::new(
            "ĐÃ LÀM XONG, chỉ KHÔNG GHI ĐƯỢC câu trả lời ra đầu ra chuẩn. Đừng chạy lại ngay kẻo thành hai lần; xem trước: sudo -u bhyt-agent bhyt-agent status",
            "DONE; only the answer COULD NOT BE WRITTEN to standard output. Do not run it again at once, it might be done twice; look first: sudo -u bhyt-agent bhyt-agent status",
        )
    } else {
        Sentence::new(
            "KHÔNG GHI ĐƯỢC câu trả lời ra đầu ra chuẩn. Xem nơi nhận còn chỗ và ghi được không, rồi chạy lại.",
            "The answer COULD NOT BE WRITTEN to standard output. See whether there is room where it goes and it takes writes, then run this again.",
        )
    };
    said.because(&error.to_string())
}

/// The service is another user's.
pub fn not_allowed() -> Sentence {
    Sentence::new(
        "Không được mở socket điều khiển: chỉ tài khoản bhyt-agent và root mở được. Chạy lại với sudo -u bhyt-agent ở đầu lệnh.",
        "The control socket may not be opened: only the account bhyt-agent and root may. Run this again with sudo -u bhyt-agent before it.",
    )
}

/// The service does not answer, and nothing can have been changed by the question.
pub fn silent() -> Sentence {
    Sentence::new("Dịch vụ không trả lời. Thử lại.", "The service does not answer. Try again.")
}

/// The service does not answer to an errand.
pub fn silent_errand() -> Sentence {
    Sentence::new(
        "Dịch vụ không trả lời. Xem bhyt-agent status rồi mới chạy lại.",
        "The service does not answer. Look at bhyt-agent status before running this again.",
    )
}

/// The service does not answer, and a visit may have been changed.
pub fn perhaps_changed() -> Sentence {
    Sentence::new(
        "KHÔNG RÕ ĐÃ LÀM CHƯA: xem lượt bằng bhyt-agent visit MÃ trước khi làm lại.",
        "PERHAPS DONE: look at the visit with bhyt-agent visit ID before doing it again.",
    )
}

/// The service does not answer, and a visit may have been saved.
pub fn perhaps_saved() -> Sentence {
    Sentence::new(
        "KHÔNG RÕ ĐÃ LƯU CHƯA: xem danh sách hôm nay trên trang trước khi nhập lại.",
        "PERHAPS SAVED: look at today's list on the page before entering it again.",
    )
}

/// This service has nobody who does it.
pub fn not_available() -> Sentence {
    Sentence::new("Dịch vụ này không làm việc đó.", "This service does not do that.")
}

/// What this computer held was given up by order of the province.
pub fn wiped(folder: &Path, at: Option<DateTime<Utc>>, sealed: Option<u64>) -> Sentence {
    let folder = folder.display();
    let [since_vi, since_en] = at.map_or_else(Default::default, |at| {
        let at = super::instant(at);
        [format!(" lúc {at}"), format!(" at {at}")]
    });
    let (carry_vi, carry_en) = match sealed {
        Some(0) => ("Không còn lượt nào chưa gửi.".to_owned(), "No visit was left to send.".to_owned()),
        sealed => {
            let [vi, en] = sealed.map_or_else(
                || ["Các lượt chưa gửi".to_owned(), "Visits not sent".to_owned()],
                |count| [format!("{count} lượt chưa gửi"), format!("{count} visits not sent")],
            );
            (
                format!("{vi} nằm trong {folder}, niêm phong cho tỉnh: chép ra USB (sudo cp -r {folder}/. THƯ-MỤC-USB) rồi mang lên tỉnh."),
                format!(
                    "{en} are in {folder}, sealed to the province: put them on a stick (sudo cp -r {folder}/. FOLDER) and carry it there."
                ),
            )
        }
    };
    Sentence::new(
        format!(
            "Dữ liệu và khóa trên máy này ĐÃ BỊ XÓA theo lệnh của tỉnh{since_vi}. {carry_vi} Dùng lại máy này: xin tỉnh mã mới, rồi sudo bhyt-agent setup. Bản sao \
             lưu ở nơi khác không bị xóa và cần khóa đã cất; nếu khóa do systemd niêm phong: xóa /etc/credstore.encrypted/database.key."
        ),
        format!(
            "Data and keys on this computer WERE WIPED by order of the province{since_en}. {carry_en} To use it again: ask the province for a new code, then sudo \
             bhyt-agent setup. Backups elsewhere were left, and need the key that was kept; a key sealed by systemd: remove /etc/credstore.encrypted/database.key."
        ),
    )
}

/// The province has ordered that this computer is wiped, and what is not sent cannot be sealed.
pub fn wipe_waits(since: DateTime<Utc>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(since));
    Sentence::new(
        format!("Tỉnh RA LỆNH XÓA máy này{vi}; chưa xóa vì chưa niêm phong được lượt chưa gửi. Xem chỗ trống và journalctl -u bhyt-agent."),
        format!(
            "The province ORDERS THIS COMPUTER WIPED{en}; not done: unsent visits cannot be sealed. See disk space and journalctl -u bhyt-agent."
        ),
    )
}

/// A question that nobody understands.
pub fn malformed() -> Sentence {
    Sentence::new("Câu hỏi không đúng mẫu.", "The question does not have the form wanted.")
}

/// What came on standard input is no text.
pub fn not_text() -> Sentence {
    Sentence::new("Đầu vào không phải văn bản UTF-8.", "The input is not UTF-8 text.")
}

/// Two things were to come on standard input.
pub fn one_input() -> Sentence {
    Sentence::new(
        "Chỉ một trong --text và --note đọc được từ đầu vào chuẩn.",
        "Only one of --text and --note can be read from standard input.",
    )
}

/// A file that was to be made could not be.
pub fn unwritten(path: &Path, why: &str) -> Sentence {
    let path = path.display();
    Sentence::new(format!("KHÔNG GHI ĐƯỢC tệp {path}: {why}"), format!("The file {path} COULD NOT BE WRITTEN: {why}"))
}

/// The folder of a stick cannot be opened.
pub fn no_folder(why: &io::Error) -> Sentence {
    let said = Sentence::new(
        format!("Không mở được thư mục của USB ({why}). Kiểm tra đường dẫn và cắm lại USB."),
        format!("The folder of the stick cannot be opened ({why}). Check the path, and plug the stick in again."),
    );
    if why.kind() != io::ErrorKind::PermissionDenied {
        return said;
    }
    let (vi, en) = (super::stick::not_for_the_service(), super::stick::let_in());
    said.and(&Sentence::new(format!(" {}: {}", vi.vi, en.vi), format!(" {}: {}", vi.en, en.en)))
}

/// The configuration was read again and not taken.
pub fn configuration_refused(problems: usize) -> Sentence {
    Sentence::new(
        format!(
            "Lần nạp lại cuối, tệp cấu hình có {problems} lỗi nên không được dùng; dịch vụ chạy theo cấu hình cũ. Chạy bhyt-agent check-config, sửa từng dòng, rồi \
             systemctl reload bhyt-agent."
        ),
        format!(
            "At the last reload the configuration had problems ({problems}) and was not taken; the one before stays in force. Run bhyt-agent check-config, mend each line, then \
             systemctl reload bhyt-agent."
        ),
    )
}

/// The file that a command looked for the service by has mistakes; a service that runs was asked all the same.
pub fn configuration_to_mend(problems: usize) -> Sentence {
    Sentence::new(
        format!(
            "Tệp cấu hình hiện có {problems} lỗi; dịch vụ đang chạy vẫn theo cấu hình cũ, nhưng sẽ không khởi động lại được. Chạy bhyt-agent check-config, sửa từng dòng, rồi systemctl reload bhyt-agent."
        ),
        format!(
            "The configuration has problems now ({problems}); a service that runs goes on under the one before, and would not start again. Run bhyt-agent check-config, mend each line, then systemctl reload bhyt-agent."
        ),
    )
}

/// The configuration on the disk is another one than what is in force.
pub fn configuration_outdated() -> Sentence {
    Sentence::new(
        "Tệp cấu hình đã thay đổi và chưa có hiệu lực. Chạy: systemctl reload bhyt-agent",
        "The configuration file was changed and is not in force. Run: systemctl reload bhyt-agent",
    )
}

/// Some of its keys wait for a restart.
pub fn configuration_waits(keys: &str) -> Sentence {
    Sentence::new(
        format!("Cấu hình mới đã có hiệu lực, trừ {keys}. Các khóa đó cần khởi động lại: systemctl restart bhyt-agent"),
        format!(
            "The new configuration is in force, but not {keys}. For these the service has to be restarted: systemctl restart bhyt-agent"
        ),
    )
}

/// A door beside the page's own cannot be opened.
pub fn door_shut(door: SideDoor, address: SocketAddr, since: DateTime<Utc>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(since));
    match door {
        SideDoor::Lan => Sentence::new(
            format!(
                "CÁC BÀN KHÁC không vào được{vi}: máy này không có địa chỉ {address}, hoặc chương trình khác đang dùng. Bàn này vẫn tra thẻ và lưu lượt. Xem dây \
                 mạng; máy tự thử lại, hoặc sửa lan.listen."
            ),
            format!(
                "OTHER DESKS cannot be served{en}: this computer does not have the address {address}, or another program uses it. This desk goes on. Look at the \
                 network cable; it is tried again by itself, or correct lan.listen."
            ),
        ),
        SideDoor::Metrics => Sentence::new(
            format!(
                "Chưa mở được cổng số liệu {address}{vi}: có lẽ chương trình khác đang dùng. Quầy vẫn làm việc; máy tự thử lại, hoặc sửa metrics.listen."
            ),
            format!(
                "The port of the figures, {address}, cannot be opened{en}: another program probably uses it. The desk goes on; it is tried again by itself, or \
                 correct metrics.listen."
            ),
        ),
    }
}

/// The page cannot be where it is configured to be.
pub fn cannot_listen(address: SocketAddr, why: &io::Error) -> Sentence {
    let port = address.port();
    match why.kind() {
        io::ErrorKind::AddrInUse => Sentence::new(
            format!(
                "Cổng {address} của trang đang do chương trình khác giữ. Xem chương trình nào: ss -ltnp 'sport = :{port}'; dừng chương trình đó, hoặc đổi page.listen \
                 trong tệp cấu hình; rồi systemctl restart bhyt-agent."
            ),
            format!(
                "Another program holds the page's port {address}. See which: ss -ltnp 'sport = :{port}'; stop it, or change page.listen in the configuration; then \
                 systemctl restart bhyt-agent."
            ),
        ),
        io::ErrorKind::AddrNotAvailable => Sentence::new(
            format!("Máy này không có địa chỉ {address} của trang. Sửa page.listen trong tệp cấu hình, rồi systemctl restart bhyt-agent."),
            format!(
                "This computer does not have the page's address {address}. Correct page.listen in the configuration, then systemctl restart bhyt-agent."
            ),
        ),
        _ => Sentence::new(
            format!(
                "Không mở được cổng {address} của trang ({why}). Xem page.listen trong tệp cấu hình, và journalctl -u bhyt-agent -n 50."
            ),
            format!(
                "The page's port {address} cannot be opened ({why}). See page.listen in the configuration, and journalctl -u bhyt-agent -n 50."
            ),
        ),
    }
}

/// The control socket cannot be made.
pub fn cannot_make_socket(path: &Path, why: &io::Error) -> Sentence {
    let path = path.display();
    Sentence::new(
        format!("Không làm được socket điều khiển {path} ({why}). Xem quyền của thư mục đó, hoặc đổi control-socket trong tệp cấu hình."),
        format!(
            "The control socket {path} cannot be made ({why}). See who may write to that folder, or change control-socket in the configuration."
        ),
    )
}

/// The page that stands in for the service cannot be shown either.
pub fn nowhere_to_say(why: &Sentence) -> Sentence {
    Sentence::new(
        format!("Trang báo lý do cũng không mở được. Dịch vụ không chạy vì: {}", why.vi),
        format!("The page that says why cannot be opened either. The service does not run because: {}", why.en),
    )
}

/// The visits that are here are another station's than the one that is configured.
pub fn other_facility(folder: &Path, theirs: &str, ours: &str) -> Sentence {
    let folder = folder.display();
    Sentence::new(
        format!(
            "Dữ liệu trong {folder} là của trạm {theirs}, còn tệp cấu hình ghi trạm {ours}. Chưa ghi gì vào đó. Sửa lại facility = \"{theirs}\", hoặc nếu máy này từ nay \
             là trạm {ours}: đặt data-dir và keys-dir khác rồi chạy bhyt-agent setup."
        ),
        format!(
            "The data in {folder} are station {theirs}'s, and the configuration says {ours}. Nothing was written there. Put it right: facility = \"{theirs}\"; or, if this \
             computer is station {ours} from now on, set another data-dir and keys-dir and run bhyt-agent setup."
        ),
    )
}

/// systemd's own numbers for what it could not lay ready for the service.
const NAMESPACE: u8 = 226;
const STATE_DIRECTORY: u8 = 238;
/// A sealed key that opens no more.
pub const CREDENTIALS: u8 = 243;

/// Where the package has the data: the unit lets the service write there by itself.
pub const USUAL_DATA: &str = "/var/lib/bhyt-agent";

/// What lets the unit write to a data folder of the administrator's own.
pub fn open_data_dir(data: &Path) -> Sentence {
    let data = data.display();
    Sentence::new(
        format!("systemctl edit bhyt-agent, ghi hai dòng: [Service] và ReadWritePaths={data}; rồi systemctl restart bhyt-agent"),
        format!("systemctl edit bhyt-agent, write two lines: [Service] and ReadWritePaths={data}; then systemctl restart bhyt-agent"),
    )
}

/// What puts a station right whose sealed key opens no more.
pub fn unseal(key: &Path) -> Sentence {
    let key = key.display();
    Sentence::new(
        format!(
            "chép lại khóa đã cất vào {key}; chown bhyt-agent: {key} && chmod 0400 {key} && rm /etc/credstore.encrypted/database.key; systemctl restart bhyt-agent"
        ),
        format!(
            "put the kept key back as {key}; chown bhyt-agent: {key} && chmod 0400 {key} && rm /etc/credstore.encrypted/database.key; systemctl restart bhyt-agent"
        ),
    )
}

/// The sealed key opens no more.
pub fn sealed_key_closed() -> Sentence {
    Sentence::new(
        "khóa dữ liệu niêm phong vào máy này không mở được nữa (TPM hoặc khóa của máy đã đổi); dữ liệu còn nguyên",
        "the database key sealed to this computer opens no more (another TPM or host key); the data are all there",
    )
}

/// The service has ended, by a number that somebody may know.
pub fn ended(status: Option<u8>, data: &Path, key: &Path) -> Sentence {
    let shown = data.display();
    match status {
        Some(CREDENTIALS) => {
            let (what, next) = (sealed_key_closed(), unseal(key));
            Sentence::new(format!("Lỗi 243: {}.\n{}", what.vi, next.vi), format!("Error 243: {}.\n{}", what.en, next.en))
        }
        // Cannot be made, cannot be written or read; systemd's: the folders cannot be laid ready.
        Some(status @ (73 | 74 | NAMESPACE | STATE_DIRECTORY)) => {
            let said = Sentence::new(
                format!(
                    "Không ghi hoặc đọc được thư mục dữ liệu {shown} (mã {status}). Xem: sudo bhyt-agent doctor; mount; dmesg | tail -50"
                ),
                format!(
                    "The data folder {shown} cannot be written or read ({status}). Look: sudo bhyt-agent doctor; mount; dmesg | tail -50"
                ),
            );
            if data.starts_with(USUAL_DATA) {
                return said;
            }
            let next = open_data_dir(data);
            let (vi, en) =
                (format!(".\nThư mục này ngoài {USUAL_DATA}: {}", next.vi), format!(".\nIt is not in {USUAL_DATA}: {}", next.en));
            said.and(&Sentence::new(vi, en))
        }
        Some(77) => Sentence::new(
            "Tệp dữ liệu hoặc khóa là của tài khoản khác (mã 77). sudo bhyt-agent doctor nói tệp nào và lệnh sửa.",
            "Data or keys belong to another account (77). sudo bhyt-agent doctor says which, and the command.",
        ),
        _ => ended_unknown(),
    }
}

/// The service has ended, and nobody knows why.
pub fn ended_unknown() -> Sentence {
    Sentence::new(
        "Dịch vụ đã dừng và cần người xem: journalctl -u bhyt-agent.",
        "The service has stopped and somebody has to look: journalctl -u bhyt-agent.",
    )
}

/// Since when it does not run, and how often it was tried meanwhile.
pub fn not_running_since(since: DateTime<Utc>, tries: usize, now: &Now) -> Sentence {
    let (vi, en) = Telling::by(now).since(Some(since));
    let (vi_tries, en_tries) = match tries {
        0 => (String::new(), String::new()),
        tries => (format!(", đã tự thử lại {tries} lần"), format!(", tried again by itself {tries} times")),
    };
    Sentence::new(format!("Dịch vụ không chạy{vi}{vi_tries}."), format!("The service does not run{en}{en_tries}."))
}

/// What stands around the reason on the page of a service that may not run: a heading, what the desk does meanwhile, whom the reason is for, and what becomes
/// of the page. Of a computer that was wiped only the reason says what became of the visits.
pub fn refused_page(is_wiped: bool) -> [Sentence; 4] {
    let [kept_vi, kept_en] = if is_wiped { ["", ""] } else { [" Các lượt đã lưu còn nguyên.", " Saved visits are all there."] };
    [
        Sentence::new("Chưa tra thẻ được trên máy này", "Cards cannot be looked up on this computer"),
        Sentence::new(
            format!("Vẫn tiếp đón người bệnh: ghi số thẻ ra giấy, tra lại sau.{kept_vi}"),
            format!("Admit people all the same: write the card's number on paper and look it up later.{kept_en}"),
        ),
        Sentence::new(
            "Người quản trị cần biết (sudo bhyt-agent doctor nói thêm):",
            "For the administrator (sudo bhyt-agent doctor says more):",
        ),
        Sentence::new(
            "Sửa xong thì trang tự trở lại, chậm nhất sau một phút.",
            "The page comes back by itself within a minute after this has been put right.",
        ),
    ]
}
