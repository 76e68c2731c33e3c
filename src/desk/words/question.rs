//! The words about a question to the province.

use crate::desk::Question;

/// How it stands, and what to do meanwhile.
pub fn question(question: Question) -> &'static str {
    match question {
        Question::Open => "Đang hỏi tỉnh…",
        Question::Unanswered => "Chưa hỏi được tỉnh: cứ tiếp nhận, ghi số; kiểm tra lại khi có mạng.",
    }
}

/// What is shown has just become another answer.
pub const ANSWERED: &str = "Tỉnh vừa trả lời. Xem lại kết quả.";

/// What asks to see whether it has, where no script does.
pub const LOOK_AGAIN: &str = "Xem tỉnh đã trả lời chưa";
