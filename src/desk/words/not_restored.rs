//! Why a backup or a lost key was not brought back.
//!
//! Promise: each says that nothing has changed, and what to give instead. Never: an identity, or a part of one.

use super::sentence::Sentence;

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
