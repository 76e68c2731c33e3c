# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_bhyt_agent_global_optspecs
    string join \n h/help V/version
end

function __fish_bhyt_agent_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_bhyt_agent_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_bhyt_agent_using_subcommand
    set -l cmd (__fish_bhyt_agent_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -s V -l version -d 'In phiên bản'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "init" -d 'Tạo khóa của trạm; với --code thì đăng ký với tỉnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "setup" -d 'Cài đặt lần đầu: hỏi năm câu (hoặc đọc --answers, `BHYT_SETUP_`...), tạo khóa, đăng ký, thêm trưởng trạm, rồi chạy doctor. Chạy lại được sau mọi lỗi: làm tiếp chỗ còn dở. Chạy bằng root. Mã thoát: 0 đã làm xong mọi việc được giao (với --no-start, hoặc máy không có systemd, thì dịch vụ chưa chạy không phải là lỗi); 64 thiếu câu trả lời; 65 câu trả lời sai; 75 bị ngắt; mã khác như của doctor'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "serve" -d 'Chạy dịch vụ'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "check-config" -d 'Kiểm tra tệp cấu hình, in mọi lỗi một lần'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "doctor" -d 'Khám toàn bộ trạm: mỗi dòng một mục, có bằng chứng và lệnh tiếp theo. Mã thoát: 0 tốt; 75 có điều cần xem; 69 dịch vụ hoặc tỉnh không trả lời; 78 cần người sửa; 77 quyền; 73 hết chỗ; 74 ổ đĩa hoặc tệp dữ liệu hỏng'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "scan" -d 'Đọc một mã quét mà không tra'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "lookup" -d 'Tra thẻ, không lưu lượt. Gõ họ tên và năm sinh thì in những người khớp'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "check-in" -d 'Tra thẻ và lưu lượt khám'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "status" -d 'Tình trạng: dữ liệu, lượt chưa gửi, kết nối'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "metrics" -d 'Số đo cho chương trình giám sát (dạng văn bản của Prometheus)'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "support-bundle" -d 'Gom mọi thứ người hỗ trợ cần vào một tệp, không có dữ liệu cá nhân'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "sync-now" -d 'Đồng bộ ngay và chờ kết quả'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "replace-this-machine" -d 'Cho máy này (hoặc máy thay thế) khóa và chứng thư mới của trạm bằng mã đăng ký của tỉnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "carry-out" -d 'Chép các lượt chưa gửi ra USB để mang lên tỉnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "carry-in" -d 'Lấy danh sách thẻ và biên nhận của tỉnh từ USB'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "backup" -d 'Sao lưu các lượt khám ngay vào thư mục trong cấu hình, hoặc vào thư mục khác'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "accept-roster" -d 'Đồng ý dùng bản danh sách thẻ bị giữ lại vì bỏ quá nhiều người'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "outbox" -d 'Các lượt chưa tới tỉnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "operator" -d 'Tài khoản của người trực: thêm, liệt kê, đặt mã PIN, đổi vai trò, đóng'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "access-log" -d 'Sổ truy cập: ai đã xem, lưu, sửa gì; không có tên hay số của người bệnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "verify-log" -d 'Kiểm tra sổ truy cập có như lúc ghi: so với các lượt đã lưu và đầu sổ tỉnh giữ; in đầu sổ. Mã 69: khớp, nhưng chưa có gì để so'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "desks" -d 'Các bàn khác của trạm: xem danh sách, ngắt một bàn'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "rules" -d 'Bảng quy tắc: cài bộ đã ký, quay lại bộ trước, xem bộ đang dùng'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "visit" -d 'Một lượt khám với mọi bản sửa của nó'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "correct" -d 'Sửa một lượt; bản sửa được gửi như lượt mới'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "void" -d 'Hủy một lượt; lượt và lý do vẫn được giữ, ở đây và ở tỉnh'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "resend" -d 'Gửi lại nguyên vẹn một lượt bị tỉnh từ chối'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "close" -d 'Đóng một lượt bị tỉnh từ chối; không gửi nữa'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "rechecks" -d 'Các lượt nay có kết quả khác lúc khám'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "recheck-done" -d 'Đã xem một lượt trong danh sách đó'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "restore" -d 'Khôi phục lượt khám từ một bản sao lưu (dịch vụ phải dừng). Tệp đang dùng được cất riêng, không bị xóa'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "rotate-key" -d 'Mã hóa lại cả hai tệp dữ liệu bằng khóa mới (dịch vụ phải dừng). Bị ngắt giữa chừng thì lần chạy sau tự làm nốt hoặc hoàn lại'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "recover-key" -d 'Lấy lại khóa database.key đã mất từ tệp ….key.age của bản sao lưu (dịch vụ phải dừng)'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "integrity-check" -d 'Kiểm tra từng trang của cả hai tệp dữ liệu. Mã 65: có trang hỏng; 75: chưa xem hết'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "accept-missing" -d 'Đã biết các lượt chỉ còn ở tỉnh (dữ liệu máy đã quay về bản cũ): thôi báo. Trước đó nên chạy quarantine salvage'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "quarantine" -d 'Tệp hỏng hoặc đã thay, được cất riêng: xem, lấy lại lượt khám trong đó'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "person" -d 'Dữ liệu của một người theo yêu cầu của chính người đó: trao một bản, hoặc xóa'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "renewals" -d 'Người có thẻ sắp hết hạn hoặc vừa hết hạn'
complete -c bhyt-agent -n "__fish_bhyt_agent_needs_command" -f -a "coverage" -d 'Tỷ lệ người trong danh sách của trạm có thẻ còn giá trị'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand init" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand init" -l code -d 'Mã đăng ký một lần do tỉnh cấp; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand init" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand init" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand setup" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand setup" -l answers -d 'Tệp trả lời (TOML): facility, station-name, province-url, province-ca-file, enrolment-code-file, head-name, head-pin-file. Mã và PIN chỉ bằng đường dẫn tệp, hoặc - là một dòng của đầu vào chuẩn' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand setup" -l no-start -d 'Không bật và khởi động dịch vụ'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand setup" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand setup" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand serve" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand serve" -l refused -d 'Không chạy dịch vụ, chỉ hiện trang nói vì sao dịch vụ không chạy được, cho đến khi sửa xong'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand serve" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-config" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-config" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-config" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand doctor" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand doctor" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand doctor" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand doctor" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand scan" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand scan" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand scan" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand lookup" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand lookup" -l wait -d 'Nếu máy đang hỏi tỉnh về người này thì chờ trả lời, nhiều nhất 10 giây'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand lookup" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand lookup" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand lookup" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-in" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-in" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-in" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand check-in" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand status" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand status" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand status" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand status" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand metrics" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand metrics" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand metrics" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand metrics" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand support-bundle" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand support-bundle" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand support-bundle" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand sync-now" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand sync-now" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand sync-now" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand sync-now" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand replace-this-machine" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand replace-this-machine" -l code -d 'Mã đăng ký một lần do tỉnh cấp; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand replace-this-machine" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand replace-this-machine" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand replace-this-machine" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-out" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-out" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-out" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-out" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-in" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-in" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-in" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand carry-in" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand backup" -l to -d 'Thư mục khác, ví dụ của USB' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand backup" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand backup" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand backup" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand backup" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-roster" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-roster" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-roster" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-roster" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand outbox" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand outbox" -l limit -d 'Nhiều nhất bấy nhiêu lượt; mặc định 100' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand outbox" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand outbox" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand outbox" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -f -a "add" -d 'Thêm một người; mã PIN (6 đến 12 chữ số) đọc từ dòng đầu của đầu vào chuẩn'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -f -a "list" -d 'Các tài khoản, kể cả đã đóng'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -f -a "pin" -d 'Đặt mã PIN mới; mã đọc từ đầu vào chuẩn'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -f -a "role" -d 'Đổi vai trò'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and not __fish_seen_subcommand_from add list pin role close" -f -a "close" -d 'Đóng một tài khoản; tên vẫn còn ở những việc đã làm'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -l role -d 'Vai trò: reception (tiếp đón) hoặc head (trưởng trạm); mặc định reception' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -l with-personal-id -d 'Dòng thứ hai của đầu vào chuẩn là số căn cước (12 số), để người đó quét thẻ vào trực'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from add" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from list" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from list" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from list" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from list" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from pin" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from pin" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from pin" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from pin" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from role" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from role" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from role" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from role" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from close" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from close" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from close" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand operator; and __fish_seen_subcommand_from close" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand access-log" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand access-log" -l limit -d 'Nhiều nhất bấy nhiêu dòng, mới nhất trước; mặc định 100' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand access-log" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand access-log" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand access-log" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand verify-log" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand verify-log" -l head -d 'Đầu sổ đã ghi lại lần trước (SỐ:MÃ): kiểm tra sổ vẫn chứa nó' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand verify-log" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand verify-log" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand verify-log" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and not __fish_seen_subcommand_from list revoke" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and not __fish_seen_subcommand_from list revoke" -f -a "list" -d 'Các bàn đã ghép, mới nhất trước'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and not __fish_seen_subcommand_from list revoke" -f -a "revoke" -d 'Ngắt một bàn; muốn dùng lại thì phải ghép lại'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from list" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from list" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from list" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from list" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from revoke" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from revoke" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from revoke" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand desks; and __fish_seen_subcommand_from revoke" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and not __fish_seen_subcommand_from install rollback show pack" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and not __fish_seen_subcommand_from install rollback show pack" -f -a "install" -d 'Cài bộ quy tắc từ tệp đã ký; dấu - là đọc từ đầu vào chuẩn. Cài lại cùng một tệp thì không thay đổi gì'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and not __fish_seen_subcommand_from install rollback show pack" -f -a "rollback" -d 'Quay lại bộ trước bộ đang dùng'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and not __fish_seen_subcommand_from install rollback show pack" -f -a "show" -d 'Bộ đang dùng, và các bộ mới hơn chưa dùng với lý do'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and not __fish_seen_subcommand_from install rollback show pack" -f -a "pack" -d 'Dành cho nơi phát hành: kiểm tra một thư mục quy tắc và in ra văn bản để ký bằng minisign'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from install" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from install" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from install" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from install" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from rollback" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from rollback" -l builtin -d 'Quay lại bộ có sẵn trong chương trình'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from rollback" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from rollback" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from rollback" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from show" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from show" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from show" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from show" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from pack" -l valid-from -d 'Ngày đầu tiên bộ này được dùng, ví dụ 2027-01-01' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rules; and __fish_seen_subcommand_from pack" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand visit" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand visit" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand visit" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand visit" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l text -d 'Mã quét hoặc số đúng; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l category -d 'Mã đối tượng đến khám đúng, ví dụ 1.1' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l note -d 'Ghi chú; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand correct" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand void" -l reason -d 'Lý do; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand void" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand void" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand void" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand void" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand resend" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand resend" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand resend" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand resend" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand close" -l note -d 'Lý do; dấu - là đọc từ đầu vào chuẩn' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand close" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand close" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand close" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand close" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rechecks" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rechecks" -l limit -d 'Nhiều nhất bấy nhiêu lượt; mặc định 100' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rechecks" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rechecks" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rechecks" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recheck-done" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recheck-done" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recheck-done" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recheck-done" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand restore" -l identity -d 'Khóa bí mật age của người quản trị; dấu - là đọc từ đầu vào chuẩn. Chỉ cần khi khóa của trạm không mở được bản này' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand restore" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand restore" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand restore" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand restore" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rotate-key" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rotate-key" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rotate-key" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand rotate-key" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recover-key" -l identity -d 'Khóa bí mật age của người quản trị; dấu - là đọc từ đầu vào chuẩn' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recover-key" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recover-key" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recover-key" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand recover-key" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand integrity-check" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand integrity-check" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand integrity-check" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand integrity-check" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-missing" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-missing" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-missing" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand accept-missing" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and not __fish_seen_subcommand_from list salvage drop" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and not __fish_seen_subcommand_from list salvage drop" -f -a "list" -d 'Các tệp đã cất riêng: từ khi nào, vì sao, còn đọc được bao nhiêu lượt'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and not __fish_seen_subcommand_from list salvage drop" -f -a "salvage" -d 'Lấy các lượt khám còn đọc được vào tệp đang dùng để gửi; tệp cất riêng giữ nguyên'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and not __fish_seen_subcommand_from list salvage drop" -f -a "drop" -d 'Xóa hẳn một tệp đã cất riêng, sau khi đã lấy lại lượt khám. Tệp còn lượt chưa gửi chỉ xóa khi ghi đúng số lượt đó'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from list" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from list" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from list" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from list" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from salvage" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from salvage" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from salvage" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from salvage" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from drop" -l unsent -d 'Chấp nhận mất đúng số lượt chưa gửi này; 0 cho tệp không đọc được' -r
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from drop" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from drop" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from drop" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand quarantine; and __fish_seen_subcommand_from drop" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and not __fish_seen_subcommand_from export erase" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and not __fish_seen_subcommand_from export erase" -f -a "export" -d 'In mọi dữ liệu lượt khám của một người (JSON), để trao cho chính người đó'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and not __fish_seen_subcommand_from export erase" -f -a "erase" -d 'Xóa hẳn dữ liệu lượt khám của một người theo yêu cầu; lượt chưa gửi xong được giữ và nói rõ'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from export" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from export" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from export" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from export" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from erase" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from erase" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from erase" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand person; and __fish_seen_subcommand_from erase" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand renewals" -l csv -d 'Ghi danh sách ra tệp CSV mới; dấu - là in ra đầu ra chuẩn. Danh sách có dữ liệu cá nhân' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand renewals" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand renewals" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand renewals" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand renewals" -s h -l help -d 'In hướng dẫn này'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand coverage" -l config -d 'Tệp cấu hình; mặc định /etc/bhyt-agent/bhyt-agent.toml' -r -F
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand coverage" -l json -d 'In JSON cho chương trình đọc'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand coverage" -l english -d 'In tiếng Anh'
complete -c bhyt-agent -n "__fish_bhyt_agent_using_subcommand coverage" -s h -l help -d 'In hướng dẫn này'
