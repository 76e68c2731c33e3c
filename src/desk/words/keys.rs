//! What is said about the database's key that is brought back.
//!
//! Promise: whether anything has changed, and the next command as it is typed. Never: what is in a key's file, or in one that is none.

use std::path::Path;

use super::closed::typed;
use super::sentence::Sentence;

/// There is a key already. `aside`: where it may go if it is not the right one; `fits`: the files tell that it is.
pub fn is_there(path: &Path, aside: &Path, fits: bool) -> Sentence {
    let (path, aside) = (typed(path), typed(aside));
    if fits {
        return Sentence::new(
            format!(
                "Đã có khóa {path}, đúng khóa của các tệp này: không có gì để lấy lại, mọi thứ vẫn như cũ. Khám trạm: sudo bhyt-agent doctor"
            ),
            format!(
                "There is the key {path}, and it is the one of these files: nothing is to be brought back, nothing has changed. Look at the station: sudo bhyt-agent doctor"
            ),
        );
    }
    Sentence::new(
        format!(
            "Đã có khóa {path}, không động đến: lệnh này chỉ lấy lại khóa đã mất. Nếu đó không phải khóa của các tệp này, cất nó đi (đừng xóa): sudo mv {path} {aside}; rồi chạy lại: sudo -u bhyt-agent bhyt-agent recover-key TỆP.key.age --identity TỆP"
        ),
        format!(
            "There is a key {path} already, and it stays: this is for a key that was lost. If it is not the one of these files, put it aside (delete it not): sudo mv {path} {aside}; then run again: sudo -u bhyt-agent bhyt-agent recover-key FILE.key.age --identity FILE"
        ),
    )
}

/// A lost key is back.
pub fn recovered(no_key_aside: Option<&str>) -> Sentence {
    let said =
        Sentence::new("ĐÃ LẤY LẠI KHÓA DỮ LIỆU, đúng khóa của các tệp này", "THE DATABASE'S KEY IS BACK, and it is the one of these files");
    said.and(&aside(no_key_aside))
        .and(&Sentence::new(". Khởi động dịch vụ: systemctl start bhyt-agent", ". Start the service: systemctl start bhyt-agent"))
}

/// What became of a file that was in the key's place and is none; empty where there was none. After another sentence that has no end yet.
pub fn aside(name: Option<&str>) -> Sentence {
    name.map_or_else(
        || Sentence::new("", ""),
        |name| {
            Sentence::new(
                format!(". Tệp database.key trước đó không phải khóa (64 chữ số hex): đã cất ở cùng thư mục với tên {name}, chưa xóa gì"),
                format!(". What was called database.key before is no key (64 hex digits): it was set aside in the same folder as {name}, and nothing is deleted"),
            )
        },
    )
}
