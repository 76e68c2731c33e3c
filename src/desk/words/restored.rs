//! What is said about a backup that was put back, and about what is none.
//!
//! Promise: whether anything has changed, and the next command. Never: a folder, a key, a person.

use chrono::DateTime;
use chrono::Utc;

use super::sentence::Sentence;

/// A backup is in the place of the visits.
pub fn done(visits: u64, unsent: u64, made_at: Option<DateTime<Utc>>, set_aside: bool, key_too: bool) -> Sentence {
    let at = made_at.map(super::instant);
    let (vi_at, en_at) = (at.as_ref().map(|at| format!(" của {at}")), at.as_ref().map(|at| format!(" of {at}")));
    let (vi_aside, en_aside) = if set_aside {
        (
            " Tệp đang dùng đã được cất riêng, chưa xóa gì: xem sudo -u bhyt-agent bhyt-agent quarantine list; lượt còn trong đó lấy lại bằng sudo -u bhyt-agent bhyt-agent quarantine salvage.",
            " The file in use was set aside, nothing is deleted: see sudo -u bhyt-agent bhyt-agent quarantine list; take back what is in it with sudo -u bhyt-agent bhyt-agent quarantine salvage.",
        )
    } else {
        ("", "")
    };
    let (vi_key, en_key) = if key_too {
        (
            " Khóa dữ liệu đã được đặt lại. Tiếp theo: sudo bhyt-agent setup",
            " The database's key is in its place. Next: sudo bhyt-agent setup",
        )
    } else {
        ("", "")
    };
    Sentence::new(
        format!(
            "ĐÃ KHÔI PHỤC bản sao lưu{}: {visits} bản ghi, {unsent} sẽ được gửi (tỉnh đã có thì chỉ xác nhận, không ghi hai lần). Lần kết nối tới, tỉnh cho biết lượt nào máy này còn thiếu.{vi_aside}{vi_key}",
            vi_at.unwrap_or_default()
        ),
        format!(
            "RESTORED the backup{}: records: {visits}; to be sent: {unsent} (what the province has it only confirms). At the next contact the province tells which visits are missing here.{en_aside}{en_key}",
            en_at.unwrap_or_default()
        ),
    )
}

/// No key opens a backup.
pub fn no_key() -> Sentence {
    Sentence::new(
        "KHÔNG MỞ ĐƯỢC, mọi thứ vẫn như cũ: khóa của trạm không mở được bản này. Đưa khóa bí mật age của người quản trị: --identity TỆP hoặc --identity -",
        "NOT OPENED, nothing has changed: the station's key does not open it. Give the administrator's age identity: --identity FILE or --identity -",
    )
}

/// What was given as an identity is none.
pub fn not_an_identity() -> Sentence {
    Sentence::new(
        "KHÔNG PHẢI KHÓA BÍ MẬT age, mọi thứ vẫn như cũ. Khóa là một dòng bắt đầu bằng AGE-SECRET-KEY-1, dài 74 ký tự: kiểm tra tệp, hoặc dán lại cả dòng.",
        "THIS IS NO age IDENTITY, nothing has changed. It is one line that begins with AGE-SECRET-KEY-1 and has 74 characters: check the file, or paste the whole line again.",
    )
}

/// The identity is somebody else's.
pub fn not_a_recipient() -> Sentence {
    Sentence::new(
        "KHÓA BÍ MẬT age NÀY KHÔNG MỞ ĐƯỢC BẢN SAO LƯU NÀY, mọi thứ vẫn như cũ: bản này được niêm phong cho người nhận khác. Dùng khóa bí mật của một người có tên trong backup.recipients khi bản này được làm.",
        "THIS age IDENTITY IS NOT ONE OF THIS BACKUP'S RECIPIENTS, nothing has changed. Take the identity of somebody who stood in backup.recipients when it was made.",
    )
}

/// There is no such file.
pub fn no_file() -> Sentence {
    Sentence::new(
        "KHÔNG CÓ TỆP NÀY, mọi thứ vẫn như cũ. Kiểm tra đường dẫn; USB đã cắm chưa?",
        "THERE IS NO SUCH FILE, nothing has changed. Check the path; is the stick in?",
    )
}

/// It cannot be a backup or its key.
pub fn not_a_backup() -> Sentence {
    Sentence::new(
        "ĐÂY KHÔNG PHẢI BẢN SAO LƯU (thư mục, tệp rỗng, tệp khác, hoặc thiếu tệp ….key.age bên cạnh), mọi thứ vẫn như cũ. restore cần tệp visits-….db có tệp ….key.age cùng thư mục; recover-key cần tệp ….key.age.",
        "THIS IS NO BACKUP (a folder, an empty file, another one, or without its ….key.age beside it), nothing has changed. restore takes a file visits-….db with its ….key.age in the same folder; recover-key takes the file ….key.age.",
    )
}

/// The file of the identity cannot be read.
pub fn no_identity() -> Sentence {
    Sentence::new(
        "KHÔNG ĐỌC ĐƯỢC tệp của --identity, mọi thứ vẫn như cũ. Kiểm tra đường dẫn, hoặc dùng --identity -",
        "THE FILE of --identity CANNOT BE READ, nothing has changed. Check the path, or use --identity -",
    )
}

/// A backup is not what was written.
pub fn damaged() -> Sentence {
    Sentence::new(
        "BẢN SAO LƯU BỊ HỎNG, mọi thứ vẫn như cũ. Dùng một bản khác.",
        "THE BACKUP IS DAMAGED, nothing has changed. Take another one.",
    )
}

/// What a restore left beside the record.
pub fn beside(unsent: u64, removed: u64) -> Sentence {
    let mut said = Sentence::new("", "");
    if unsent > 0 {
        said = said.and(&Sentence::new(
            format!(" {unsent} LƯỢT CHƯA GỬI ở tệp cất riêng không có trong bản sao lưu. Lấy lại ngay: sudo -u bhyt-agent bhyt-agent quarantine salvage"),
            format!(
                " VISITS NOT SENT in files set aside that the backup has not: {unsent}. Take them back now: sudo -u bhyt-agent bhyt-agent quarantine salvage"
            ),
        ));
    }
    if removed > 0 {
        said = said.and(&Sentence::new(
            format!(" {removed} lượt đã xóa trước đây cũng được xóa khỏi bản khôi phục."),
            format!(" Visits that had been erased were erased again: {removed}."),
        ));
    }
    said
}

/// A backup has its place, and the station could not be opened to look at what lies beside it.
pub fn unnoted() -> Sentence {
    Sentence::new(
        " CHƯA MỞ ĐƯỢC TRẠM để ghi lần khôi phục vào sổ truy cập và xem tệp cất riêng. Chạy sudo bhyt-agent doctor, khởi động dịch vụ, rồi sudo -u bhyt-agent bhyt-agent quarantine list.",
        " THE STATION COULD NOT BE OPENED to note this in the access log and to look at files set aside. Run sudo bhyt-agent doctor, start the service, then sudo -u bhyt-agent bhyt-agent quarantine list.",
    )
}

/// A backup is whole beside the visits, and could not be moved into their place.
pub fn unfinished() -> Sentence {
    Sentence::new(
        " BẢN SAO ĐÃ SẴN SÀNG nhưng chưa đặt được vào chỗ: lần khởi động dịch vụ hoặc lệnh tới tự làm nốt. Xem ổ đĩa trước: sudo bhyt-agent doctor.",
        " THE COPY IS READY and could not be moved into its place: the next start of the service, or the next command, does it. Look at the disk first: sudo bhyt-agent doctor.",
    )
}

/// A file has its log beside it, and is no backup.
pub fn has_log() -> Sentence {
    Sentence::new(
        "TỆP NÀY CÒN NHẬT KÝ -wal BÊN CẠNH: khôi phục một mình nó sẽ mất các lượt cuối; mọi thứ vẫn như cũ. Tệp đã cất riêng: khởi động dịch vụ rồi sudo -u bhyt-agent bhyt-agent quarantine salvage. Thư mục dữ liệu chép từ ổ khác: đặt cả thư mục vào data-dir và khóa của nó vào keys-dir, rồi khởi động dịch vụ.",
        "A LOG (-wal) LIES BESIDE THIS FILE: put back alone it would lose its last visits; nothing has changed. Of what was set aside: start the service, then sudo -u bhyt-agent bhyt-agent quarantine salvage. Of a data folder copied from another disk: put the whole folder in the place of data-dir and its key into keys-dir, then start the service.",
    )
}
