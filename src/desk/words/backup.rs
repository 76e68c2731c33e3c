//! What is said about copies of the visits elsewhere, and about what was put back or set aside.
//!
//! Promise: what is, since when, and the next command. Never: a folder, a key, a person.

use chrono::DateTime;
use chrono::Utc;

use super::sentence::Sentence;
use super::sentence::Telling;
use crate::domain::scan::Scan;
use crate::storage::visits::Erased;

/// The same as a sentence's part.
pub fn reason(code: &str) -> Sentence {
    let (vi, en) = why(code);
    Sentence::new(vi, en)
}

/// Why none could be made, by its code.
fn why(code: &str) -> (&'static str, &'static str) {
    match code {
        "disk_full" => ("nơi chứa đã đầy", "there is no room where it goes"),
        "read_only" => (
            "nơi chứa không cho dịch vụ ghi; nếu ở ngoài /media, /run/media, /mnt: systemctl edit bhyt-agent, thêm [Service] và ReadWritePaths=THƯ-MỤC, rồi khởi động lại",
            "the service may not write where it goes; outside /media, /run/media and /mnt: systemctl edit bhyt-agent, add [Service] and ReadWritePaths=FOLDER, restart",
        ),
        "file" => ("không ghi được vào thư mục sao lưu (USB đã cắm chưa?)", "the backup folder cannot be written (is the stick in?)"),
        "other_folder" => (
            "thư mục ở /tmp, /var/tmp là của riêng dịch vụ và mất khi dừng; chọn USB hoặc ổ đĩa khác",
            "a folder in /tmp or /var/tmp is the service's own and goes with it; choose a stick or another disk",
        ),
        "damaged" => (
            "bản sao kiểm tra không đạt, tệp lượt khám có thể đã hỏng: xem bằng sudo -u bhyt-agent bhyt-agent integrity-check",
            "the copy did not pass its examination, and the file of visits may be damaged: look with sudo -u bhyt-agent bhyt-agent integrity-check",
        ),
        "disk_failed" => ("ổ đĩa bị lỗi", "a disk failed"),
        "own_folder" => (
            "bản sao không được nằm trong data-dir hay keys-dir; hãy chọn ổ đĩa khác hoặc USB",
            "copies must not lie in data-dir or keys-dir; choose another disk or a stick",
        ),
        "no_key" | "wrong_key" => ("không đọc được khóa dữ liệu", "the database's key cannot be read"),
        _ => ("tệp dữ liệu đang bận hoặc lỗi", "the data files are busy or have a fault"),
    }
}

fn last_good(good_at: Option<DateTime<Utc>>, telling: Telling) -> (String, String) {
    match good_at {
        Some(at) => {
            let at = telling.when(at);
            (format!("Bản tốt gần nhất: {at}."), format!("The last good one: {at}."))
        }
        None => ("Chưa có bản tốt nào.".to_owned(), "There is no good one yet.".to_owned()),
    }
}

/// No backup can be made.
pub fn failing(since: DateTime<Utc>, code: &str, good_at: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) = telling.since(Some(since));
    let ((vi_why, en_why), (vi_good, en_good)) = (why(code), last_good(good_at, telling));
    Sentence::new(
        format!("KHÔNG SAO LƯU ĐƯỢC lượt khám{vi}: {vi_why}. {vi_good} Báo quản trị sửa rồi chạy bhyt-agent backup."),
        format!("VISITS CANNOT BE BACKED UP{en}: {en_why}. {en_good} Have the administrator mend it, then run bhyt-agent backup."),
    )
}

/// None was made for too long.
pub fn late(good_at: Option<DateTime<Utc>>, telling: Telling) -> Sentence {
    let (vi, en) = last_good(good_at, telling);
    Sentence::new(
        format!("BẢN SAO LƯU LƯỢT KHÁM ĐÃ CŨ. {vi} Báo quản trị chạy bhyt-agent backup."),
        format!("THE BACKUP OF VISITS IS OLD. {en} Have the administrator run bhyt-agent backup."),
    )
}

/// A backup was made.
pub fn made(file: &str, visits: u64, unsent: u64, removed: u64, all_kept: Option<&str>) -> Sentence {
    let (vi, en) = match all_kept {
        Some("set_aside") => (
            " GIỮ LẠI bản cũ: còn tệp cất riêng có lượt chưa lấy lại; xem sudo -u bhyt-agent bhyt-agent quarantine list, rồi sudo -u bhyt-agent bhyt-agent quarantine salvage.",
            " Older ones are KEPT: a file set aside has visits that were not taken back; see sudo -u bhyt-agent bhyt-agent quarantine list, then sudo -u bhyt-agent bhyt-agent quarantine salvage.",
        ),
        Some("fuller") => (
            " GIỮ LẠI bản cũ: bản trước có nhiều bản ghi hơn bản này.",
            " Older ones are KEPT: the one before holds more records than this one.",
        ),
        Some(_) => (
            " GIỮ LẠI bản cũ của một sổ lượt khám khác còn lượt mà bản này không có, hoặc không khóa nào ở đây mở được; tự bỏ khi chắc là không cần.",
            " KEPT, older ones of another record with visits that this one has not, or that no key here opens; remove them yourself when they are certainly not needed.",
        ),
        None => ("", ""),
    };
    Sentence::new(
        format!(
            "ĐÃ SAO LƯU và kiểm tra: {file}, {visits} bản ghi lượt khám, trong đó {unsent} chưa được tỉnh nhận. Bản cũ đã bỏ: {removed}.{vi}"
        ),
        format!(
            "BACKED UP and examined: {file}; records of visits: {visits}, of these not taken by the province: {unsent}. Older ones removed: {removed}.{en}"
        ),
    )
}

/// What is to be known of where a backup lies.
pub fn made_where(same_disk: bool, counts: bool) -> Sentence {
    let mut said = Sentence::new("", "");
    if same_disk {
        said = said.and(&Sentence::new(
            " CÙNG Ổ ĐĨA với dữ liệu: hỏng ổ là mất cả hai; cần USB hoặc ổ đĩa khác.",
            " ON THE SAME DISK as the data: who loses it loses both; it takes a stick or another disk.",
        ));
    }
    if !counts {
        said = said.and(&Sentence::new(
            " Bản này không nằm ở [backup] folder nên không tính là bản theo lịch.",
            " It does not lie where [backup] wants one, and does not count as one of those.",
        ));
    }
    said
}

/// The service sees another folder than whoever asked.
pub fn other_folder() -> Sentence {
    Sentence::new(
        "CHƯA SAO LƯU: dịch vụ không thấy thư mục này như bạn thấy (dịch vụ có /tmp và /var/tmp riêng, mất khi dừng; /home bị che). Chọn thư mục trên USB hoặc ổ đĩa khác ở /media, /run/media hay /mnt.",
        "NOT BACKED UP: the service does not see this folder as you do (it has a /tmp and a /var/tmp of its own, which go with it; /home is hidden). Choose a folder of a stick or another disk in /media, /run/media or /mnt.",
    )
}

/// Backups are not set up.
pub fn not_configured() -> Sentence {
    Sentence::new(
        "CHƯA SAO LƯU: tệp cấu hình chưa có bảng [backup] với folder và recipients. Mẫu: /usr/share/doc/bhyt-agent/examples/bhyt-agent.example.toml; rồi systemctl reload bhyt-agent.",
        "NOT BACKED UP: the configuration has no table [backup] with folder and recipients. Example: /usr/share/doc/bhyt-agent/examples/bhyt-agent.example.toml; then systemctl reload bhyt-agent.",
    )
}

/// The key could not be sealed.
pub fn not_sealed() -> Sentence {
    Sentence::new(
        "CHƯA SAO LƯU: không niêm phong được khóa cho recipients trong [backup]. Chạy bhyt-agent check-config.",
        "NOT BACKED UP: the key cannot be sealed to the recipients in [backup]. Run bhyt-agent check-config.",
    )
}

/// A backup was asked for and could not be made.
pub fn not_made(code: &str) -> Sentence {
    let (vi, en) = why(code);
    Sentence::new(
        format!("CHƯA SAO LƯU: {vi}. Các bản cũ còn nguyên. Sửa rồi chạy lại bhyt-agent backup."),
        format!("NOT BACKED UP: {en}. Older ones are as they were. Mend it, then run bhyt-agent backup again."),
    )
}

/// Somebody holds the files, and longer than for a moment.
pub fn stop_first() -> Sentence {
    Sentence::new(
        "Dịch vụ, hoặc một lệnh khác chưa xong, đang dùng các tệp. Dừng dịch vụ: systemctl stop bhyt-agent, chờ lệnh kia xong, rồi chạy lại lệnh này.",
        "The service, or another command that has not ended, uses the files. Stop the service: systemctl stop bhyt-agent, let the command end, then run this again.",
    )
}

/// What was set aside.
pub fn set_aside(files: usize, not_here: u64) -> Sentence {
    match (files, not_here) {
        (0, _) => Sentence::new("Không có tệp nào bị cất riêng.", "No file was set aside."),
        (files, 0) => Sentence::new(
            format!("{files} tệp đã cất riêng; không lượt nào đọc được trong đó mà tệp đang dùng chưa có."),
            format!("Files set aside: {files}; no visit can be read in them that is not in the file in use."),
        ),
        (files, not_here) => Sentence::new(
            format!(
                "{files} tệp đã cất riêng, {not_here} bản ghi lượt khám chưa có trong tệp đang dùng. Lấy lại: sudo -u bhyt-agent bhyt-agent quarantine salvage"
            ),
            format!(
                "Files set aside: {files}; records of visits in them that are not in the file in use: {not_here}. Take them back: sudo -u bhyt-agent bhyt-agent quarantine salvage"
            ),
        ),
    }
}

/// Visits were taken out of what was set aside.
pub fn salvaged(taken: u64, unsent: u64, missing: u64, removed: u64) -> Sentence {
    let (vi, en) = if missing > 0 {
        (
            format!(" {missing} số lượt không đọc được (danh sách trong --json): hỏi tỉnh, rồi nhập lại từ giấy nếu tỉnh cũng không có."),
            format!(
                " Numbers that cannot be read: {missing} (listed by --json): ask the province, and enter again from paper what it has not either."
            ),
        )
    } else {
        (String::new(), String::new())
    };
    let (vi_out, en_out) = if removed > 0 {
        (format!(" {removed} bản ghi đã xóa trước đó không lấy lại."), format!(" Records that had been erased and stay out: {removed}."))
    } else {
        (String::new(), String::new())
    };
    Sentence::new(
        format!(
            "ĐÃ LẤY LẠI {taken} bản ghi lượt khám, {unsent} sẽ được gửi (tỉnh đã có thì chỉ xác nhận).{vi}{vi_out} Khi tỉnh đã nhận, bỏ từng tệp cất riêng (tên: sudo -u bhyt-agent bhyt-agent quarantine list): sudo -u bhyt-agent bhyt-agent quarantine drop TÊN"
        ),
        format!(
            "TAKEN BACK, records of visits: {taken}; to be sent: {unsent} (what the province has it only confirms).{en}{en_out} When the province has them, remove each file (names: sudo -u bhyt-agent bhyt-agent quarantine list): sudo -u bhyt-agent bhyt-agent quarantine drop NAME"
        ),
    )
}

/// Files set aside that no key opens.
pub fn unread(files: u64) -> Sentence {
    Sentence::new(
        format!(
            " {files} tệp cất riêng KHÔNG ĐỌC ĐƯỢC bằng khóa nào ở máy này: chép lại khóa cũ (database.key.before-...) vào thư mục khóa, khởi động lại dịch vụ, rồi chạy lại lệnh này. Tệp rỗng là tệp đã mất: đặt bản sao lại bằng sudo -u bhyt-agent bhyt-agent restore TỆP."
        ),
        format!(
            " Files set aside that no key of this machine OPENS: {files}. Put the former key (database.key.before-...) back beside the present one, restart the service, and run this again. An empty one was lost: put a backup back with sudo -u bhyt-agent bhyt-agent restore FILE."
        ),
    )
}

/// A file set aside holds visits that are nowhere else.
pub fn holds(unsent: u64) -> Sentence {
    Sentence::new(
        format!(
            "CHƯA XÓA: tệp còn {unsent} lượt chưa gửi chưa có trong tệp đang dùng, hoặc không đọc được. Lấy lại trước: sudo -u bhyt-agent bhyt-agent quarantine salvage. Nếu chấp nhận mất: thêm --unsent {unsent}"
        ),
        format!(
            "NOT REMOVED: visits in it that are neither sent nor in the file in use: {unsent}, or it cannot be read. Take them back first: sudo -u bhyt-agent bhyt-agent quarantine salvage. To lose them: add --unsent {unsent}"
        ),
    )
}

/// A file set aside is gone.
pub fn dropped(name: &str, unsent: u64) -> Sentence {
    Sentence::new(
        format!("ĐÃ XÓA HẲN tệp cất riêng {name}; lượt chưa gửi mất theo: {unsent}."),
        format!("REMOVED for good, file set aside: {name}; visits not sent that went with it: {unsent}."),
    )
}

/// Visits wait in files that were set aside on purpose.
pub fn aside_unsent(unsent: u64) -> Sentence {
    Sentence::new(
        format!("{unsent} LƯỢT CHƯA GỬI còn nằm trong tệp cất riêng. Quản trị lấy lại: sudo -u bhyt-agent bhyt-agent quarantine salvage"),
        format!(
            "VISITS NOT SENT wait in files set aside: {unsent}. The administrator takes them back: sudo -u bhyt-agent bhyt-agent quarantine salvage"
        ),
    )
}

/// What stays of a person whose data were erased, beside what is still to be sent.
fn erased_beside(erased: &Erased) -> Sentence {
    let Erased { corrected, aside, aside_unsent, aside_unread, was_cut, .. } = *erased;
    let parts = [
        (
            was_cut,
            " Lần xóa trước bị ngắt giữa chừng, nay đã xong.".to_owned(),
            " An erasure before this one was cut off; it is finished now.".to_owned(),
        ),
        (
            corrected > 0,
            format!(" {corrected} lượt của người khác từng ghi nhầm số này rồi đã sửa: bản ghi trước khi sửa được giữ làm chứng cứ."),
            format!(
                " Visits of others that bore this number by mistake and were corrected: {corrected}; what they were before stays, as evidence."
            ),
        ),
        (
            aside > 0,
            format!(
                " Tệp cất riêng còn {aside} lượt, sẽ không được lấy lại; xóa hẳn bằng sudo -u bhyt-agent bhyt-agent quarantine drop TÊN."
            ),
            format!(
                " In files set aside, never to be taken back: {aside}; remove them for good with sudo -u bhyt-agent bhyt-agent quarantine drop NAME."
            ),
        ),
        (
            aside_unsent > 0,
            format!(
                " Tệp cất riêng còn {aside_unsent} lượt có thể chưa gửi: sudo -u bhyt-agent bhyt-agent quarantine salvage, gửi xong thì chạy lại lệnh này."
            ),
            format!(
                " In files set aside, perhaps not sent: {aside_unsent}; sudo -u bhyt-agent bhyt-agent quarantine salvage, and this again when they are sent."
            ),
        ),
        (
            aside_unread > 0,
            format!(
                " {aside_unread} tệp cất riêng KHÔNG ĐỌC ĐƯỢC, có thể còn dữ liệu của người này. Xem: sudo -u bhyt-agent bhyt-agent quarantine list"
            ),
            format!(
                " Files set aside that CANNOT BE READ and may hold this person: {aside_unread}. See: sudo -u bhyt-agent bhyt-agent quarantine list"
            ),
        ),
    ];
    let said = parts.into_iter().filter(|(is_so, ..)| *is_so);
    said.fold(Sentence::new("", ""), |said, (_, vi, en)| said.and(&Sentence::new(vi, en)))
}

/// A backup of another station.
pub fn other_station(theirs: &str, ours: &str) -> Sentence {
    Sentence::new(
        format!(
            "KHÔNG KHÔI PHỤC: bản sao lưu này của trạm {theirs}, máy này là trạm {ours}; mọi thứ vẫn như cũ. Dùng bản của trạm {ours}."
        ),
        format!(
            "NOT RESTORED: this backup is of station {theirs}, and this computer is station {ours}; nothing has changed. Take one of station {ours}."
        ),
    )
}

/// No file has this name.
pub fn no_such_file() -> Sentence {
    Sentence::new(
        "Không có tệp lượt khám nào tên đó đã cất riêng, hoặc khóa của trạm không mở được trang nào. Xem: sudo -u bhyt-agent bhyt-agent quarantine list",
        "No file of visits with that name was set aside, or the station's key opens no page of it. See: sudo -u bhyt-agent bhyt-agent quarantine list",
    )
}

/// Both databases were looked at.
pub fn integrity(visits_fit: bool, cards_fit: bool, is_unfinished: bool) -> Sentence {
    match (visits_fit, cards_fit) {
        (true, true) if is_unfinished => Sentence::new(
            "CHƯA XEM HẾT trong thời gian cho phép; phần đã xem không hỏng. Chạy lại lúc vắng.",
            "NOT ALL WAS LOOKED AT in the time allowed; what was is not damaged. Run this again when it is quiet.",
        ),
        (true, true) => Sentence::new("Cả hai tệp dữ liệu nguyên vẹn.", "Both databases are whole."),
        (false, _) => Sentence::new(
            "TỆP LƯỢT KHÁM BỊ HỎNG. Khởi động lại dịch vụ: tệp được cất riêng, rồi chạy sudo -u bhyt-agent bhyt-agent quarantine salvage; kiểm tra ổ đĩa.",
            "THE FILE OF VISITS IS DAMAGED. Restart the service: it is set aside; then run sudo -u bhyt-agent bhyt-agent quarantine salvage, and check the disk.",
        ),
        (true, false) => Sentence::new(
            "TỆP DANH SÁCH THẺ BỊ HỎNG. Khởi động lại dịch vụ: máy tự tải lại từ tỉnh; kiểm tra ổ đĩa.",
            "THE FILE OF CARDS IS DAMAGED. Restart the service: it is fetched again from the province; check the disk.",
        ),
    }
}

/// A database is damaged, and a verb that works without the service has not touched it.
pub fn left_as_it_is(is_visits: bool) -> Sentence {
    if is_visits {
        Sentence::new(
            "TỆP LƯỢT KHÁM visits.db BỊ HỎNG hoặc đã mất; lệnh này không động đến tệp. Chép cả thư mục dữ liệu ra nơi khác, khởi động dịch vụ (systemctl start bhyt-agent: tệp hỏng được cất riêng, tệp mới chạy tiếp), rồi: sudo -u bhyt-agent bhyt-agent quarantine salvage",
            "THE FILE OF VISITS visits.db IS DAMAGED or gone; this command has not touched it. Copy the whole data folder elsewhere, start the service (systemctl start bhyt-agent: it sets the file aside and goes on with a new one), then: sudo -u bhyt-agent bhyt-agent quarantine salvage",
        )
    } else {
        Sentence::new(
            "TỆP DANH SÁCH THẺ cards.db BỊ HỎNG; lệnh này không động đến tệp. Khởi động dịch vụ (systemctl start bhyt-agent): tệp hỏng được cất riêng và máy tự tải lại từ tỉnh; kiểm tra ổ đĩa.",
            "THE FILE OF CARDS cards.db IS DAMAGED; this command has not touched it. Start the service (systemctl start bhyt-agent): it sets the file aside and fetches the cards again from the province; check the disk.",
        )
    }
}

/// Both databases are under another key.
pub fn key_rotated() -> Sentence {
    Sentence::new(
        "ĐÃ ĐỔI KHÓA: cả hai tệp dữ liệu dùng khóa mới. Chép lại database.key ra nơi an toàn và sao lưu ngay: bhyt-agent backup. Bản sao lưu cũ vẫn dùng khóa cũ (trong tệp .key.age của chúng, và database.key.before-… ở máy này đến khi không còn cần).",
        "THE KEY IS CHANGED: both databases are under the new one. Copy database.key to a safe place and back up now: bhyt-agent backup. Older backups are under the old key (in their .key.age files, and database.key.before-… on this computer until it is not needed).",
    )
}

/// The key is systemd's.
pub fn key_is_credential() -> Sentence {
    Sentence::new(
        "CHƯA ĐỔI: khóa do systemd trao (LoadCredential). Chạy ngoài dịch vụ với khóa để trong keys-dir/database.key, đổi, rồi niêm phong lại bằng systemd-creds encrypt.",
        "NOT CHANGED: systemd hands the key over (LoadCredential). Run this outside of the service with the key in keys-dir/database.key, then seal it again with systemd-creds encrypt.",
    )
}

/// One person's data follow.
pub fn exported(visits: usize) -> Sentence {
    Sentence::new(
        format!("{visits} bản ghi lượt khám. Dữ liệu thẻ thuộc cơ quan BHXH tỉnh: hỏi ở đó."),
        format!("Records of visits: {visits}. The card's data are the provincial Social Insurance's: ask there."),
    )
}

/// Whose data are to be exported or erased.
pub fn ask_number() -> Sentence {
    Sentence::new("Số căn cước, số BHXH hoặc số thẻ:", "Personal id, social insurance number or card number:")
}

/// Before a person's data are erased: whose, what it means, and the word to type for it. For the terminal alone.
pub fn ask_erase(read: &Scan) -> Sentence {
    let numbers = [
        ("căn cước", "personal id", read.personal_id.as_ref().map(|id| id.as_str())),
        ("thẻ", "card", read.card_number.as_ref().map(|card| card.as_str())),
        ("BHXH", "social insurance", read.insurance_number.as_ref().map(|number| number.as_str())),
    ];
    let said = numbers.into_iter().filter_map(|(vi, en, number)| Some((format!("{vi} {}", number?), format!("{en} {}", number?))));
    let (vi, en): (Vec<_>, Vec<_>) = said.unzip();
    let (vi, en) = (vi.join(", "), en.join(", "));
    Sentence::new(
        format!(
            "Số đã đọc: {vi}. Các lượt khám của người có số này sẽ bị xóa hẳn khỏi máy, không lấy lại được (lượt chưa gửi được giữ). Gõ XOA rồi Enter để xóa; chỉ Enter là thôi:"
        ),
        format!(
            "Number as read: {en}. The visits of whoever has it will be erased from this computer for good (those not sent yet are kept). Type ERASE and Enter to erase them; Enter alone leaves them:"
        ),
    )
}

/// What counts as yes to that.
pub fn is_yes_to_erase(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "xoa" | "xóa" | "xoá" | "erase")
}

/// Whoever was asked did not want it.
pub fn not_erased() -> Sentence {
    Sentence::new("Chưa xóa gì.", "Nothing was erased.")
}

/// Nobody's data were given out, because nobody was named.
pub fn not_exported() -> Sentence {
    Sentence::new("Chưa in gì.", "Nothing was exported.")
}

/// The question before it could not be seen by whoever typed.
pub fn unseen_question() -> Sentence {
    Sentence::new(
        " Lệnh này phải hỏi, mà câu hỏi đang đi theo lỗi chuẩn (2>) ra chỗ khác nên không ai thấy. Chạy lại mà không có 2>.",
        " This command has to ask, and its question goes with standard error (2>) to where nobody sees it. Run it again without 2>.",
    )
}

/// One person's data were erased, or there were none.
pub fn erased(erased: &Erased) -> Sentence {
    erased_here(erased).and(&erased_beside(erased))
}

fn erased_here(erased: &Erased) -> Sentence {
    let Erased { removed, kept, corrected, aside, aside_unsent, was_cut, .. } = *erased;
    if removed + kept == 0 && (was_cut || corrected + aside + aside_unsent > 0) {
        return Sentence::new(
            "Máy này không còn lượt khám nào của số này để xóa.",
            "NOTHING LEFT TO ERASE: this computer keeps no visit under this number.",
        );
    }
    if removed + kept == 0 {
        return Sentence::new(
            "KHÔNG TÌM THẤY lượt khám nào của số này trên máy này, không có gì để xóa. Xem lại số, hoặc thử số khác của người đó.",
            "NOBODY FOUND: this computer keeps no visit under this number, and nothing was erased. Look at the number again, or try another one of the person.",
        );
    }
    let (vi, en) = if kept > 0 {
        (
            format!(" CÒN GIỮ {kept} lượt chưa gửi xong hoặc đang chờ xử lý: chạy lại sau khi xong."),
            format!(" KEPT, visits that are not sent or wait for a person: {kept}; run this again when they are done."),
        )
    } else {
        (String::new(), String::new())
    };
    Sentence::new(
        format!(
            "ĐÃ XÓA {removed} lượt khám khỏi máy này.{vi} Còn lại theo quy định: dòng sổ truy cập (mã băm, không có tên hay số), dữ liệu tỉnh đã nhận, thẻ trong danh sách của tỉnh; bản sao lưu và tệp cất riêng cũ đến khi bị bỏ."
        ),
        format!(
            "ERASED from this computer, visits: {removed}.{en} What stays: lines of the access log (digests, no name or number), what the province has, the card on the province's list; older backups and files set aside until they go."
        ),
    )
}
