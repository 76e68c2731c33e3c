//! Answers that come into the page: lines that break, processes that end, desks that are locked, scans that fall beside the input, and the way back.

use super::*;
use crate::tab::saved;

/// Everybody who came while this stands is on the same page: no navigation has taken its place.
const MARK: &str = "window.same = true";

async fn looked_up(counter: &Counter) -> Browser {
    let browser = Browser::open().await;
    browser.visit(counter).await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.ask(MARK).await;
    browser.read().await;
    browser
}

/// How often the page has asked, under these names: what is looked up or saved, and how the program is. Pauses are a tenth of what they are.
const COUNTED: &str = "
    const [own, later] = [fetch, setTimeout];
    window.asked = { '/tra-cuu': 0, '/trang-thai': 0 };
    window.fetch = (to, ...more) => { asked[to] += 1; return own(to, ...more); };
    window.setTimeout = (then, pause) => later(then, pause > 400 ? pause / 10 : pause);";

/// The first answer to a visit gets lost on its way.
const LOSES_ONE: &str = "
    const own = fetch;
    let lost = false;
    window.fetch = async (to, ...more) => {
        const answer = await own(to, ...more);
        if (to !== '/tra-cuu' || lost) return answer;
        lost = true;
        document.documentElement.dataset.lost = '';
        throw new TypeError();
    };";

/// The page waits for the test before it sends again what nobody has answered.
const WAITS: &str = "
    const later = setTimeout;
    window.setTimeout = (then, pause) => (pause === 500 ? (window.again = then) : later(then, pause));";

/// The page has seen how the program is before somebody answers what was asked.
async fn look(browser: &Browser) {
    let seen =
        "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/trang-thai') && one.responseStatus === 200).length";
    let before = browser.ask(&format!("const seen = {seen}; document.dispatchEvent(new Event('resume')); return seen")).await;
    browser.until(&format!("{seen} > {before} && window.again")).await;
}

async fn cut_line(counter: &mut Counter) {
    counter.stop.cancel();
    (&mut counter.serving).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_nobody_answers_stays_and_asks_until_somebody_does() {
    let mut counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    browser.ask(COUNTED).await;
    cut_line(&mut counter).await;
    browser.enter().await;
    // The next ones do not wait for it, and keep their order.
    for text in [counter::EXPIRED, counter::ARMY] {
        browser.keys(text).await;
        browser.enter().await;
    }
    browser.until("asked['/tra-cuu'] > 8").await;
    browser.until("asked['/trang-thai'] > 2").await;
    browser.until("same && !document.getElementById('mat-ket-noi').hidden && document.getElementById('o-nhap').value === ''").await;
    assert!(browser.see("#nguoi").await.text().await.unwrap().contains(counter::VALID), "what stood there stands there");
    let is_kept =
        "const leaving = new Event('beforeunload', { cancelable: true }); dispatchEvent(leaving); return leaving.defaultPrevented";
    assert_eq!(browser.ask(is_kept).await, json!(true), "a reload would lose what waits");
    counter.mend_line();
    browser.until("document.getElementById('ket-qua')?.textContent.includes('QUÂN ĐỘI') && !document.querySelector('[aria-busy]')").await;
    browser.until("same && document.getElementById('mat-ket-noi').hidden").await;
    assert_eq!(browser.ask(is_kept).await, json!(false));
    assert_eq!(saved(&counter).await, 1);
    browser.close().await;
}

/// "Đang lưu, xin chờ…" stood there for as long as nobody answered, and what was scanned meanwhile was gone without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_nobody_answers_says_since_when_and_what_it_has_not_looked_up() {
    let mut counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    cut_line(&mut counter).await;
    browser.enter().await;
    browser
        .until("/^MẤT KẾT NỐI từ 1\\d:\\d\\d: chưa rõ việc vừa bấm đã xong chưa/.test(document.querySelector('#noi.tin').textContent)")
        .await;
    browser.until("/^MẤT KẾT NỐI từ 1\\d:\\d\\d với phần mềm/.test(document.getElementById('mat-ket-noi').innerText)").await;
    for (text, count) in [(counter::EXPIRED, 1), (counter::ARMY, 2)] {
        browser.keys(text).await;
        browser.enter().await;
        browser.until(&format!("document.querySelector('#noi.tin').textContent.includes('CHƯA TRA {count} mã')")).await;
    }
    browser.picture("37-nobody-answers").await;
    // Another process has no page that could look them up.
    counter.reopen_page(counter.address).await;
    let said = browser.see("#vao-truc #chua-tra").await.text().await.unwrap();
    assert!(said.starts_with("CHƯA TRA 2 mã") && said.contains("quét lại"), "{said}");
    browser.see("#vao-truc #loi[data-label='lookup:expired']").await;
    assert_eq!(saved(&counter).await, 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_come_on_a_line_that_holds_is_said_to_be_missing() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    let hangs = "
        const own = fetch;
        window.fetch = (to, ...more) => (to === '/tra-cuu' ? new Promise((answer) => { window.answer = () => answer(own(to, ...more)); }) : own(to, ...more));";
    browser.ask(hangs).await;
    browser.enter().await;
    browser.until("/^CHƯA CÓ TRẢ LỜI từ 1\\d:\\d\\d: chưa rõ/.test(document.querySelector('#noi.tin').textContent)").await;
    assert_eq!(browser.ask("return document.getElementById('mat-ket-noi').hidden").await, json!(true), "the line holds");
    browser.ask("answer()").await;
    browser.see("#da-luu[data-saved=new]").await;
    browser.until("document.getElementById('noi').className === 'an'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_answers_without_a_page_is_nobody() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    browser.ask(COUNTED).await;
    let elsewhere = "
        const counted = fetch;
        const sign = document.getElementById('mat-ket-noi');
        window.astray = true;
        window.calm = 0;
        // What was hidden and is hidden again was never calm.
        const watch = (changes) => changes.forEach(({ oldValue }) => { calm += astray && sign.hidden && oldValue === null; });
        new MutationObserver(watch).observe(sign, { attributes: true, attributeOldValue: true });
        window.fetch = (to, ...more) => {
            const isAstray = astray && to === '/tra-cuu';
            return counted(isAstray ? '/tinh/nothing' : to, ...more).then((answer) => {
                if (!isAstray) return answer;
                asked[to] += 1;
                return new Response('busy', { status: 200, headers: { 'Content-Type': 'text/plain' } });
            });
        };";
    browser.ask(elsewhere).await;
    browser.enter().await;
    browser.until("asked['/tra-cuu'] > 1").await;
    // The program is there by its other answers: nobody has answered this one still.
    for _ in 0..3 {
        browser.ask("window.before = asked['/trang-thai']; document.dispatchEvent(new Event('resume'))").await;
        browser.until("asked['/trang-thai'] > before").await;
    }
    browser.until("asked['/tra-cuu'] > 4").await;
    assert_eq!(browser.ask("return [calm, document.getElementById('mat-ket-noi').hidden, same]").await, json!([0, false, true]));
    browser.ask("window.astray = false").await;
    browser.see("#da-luu[data-saved=new]").await;
    assert_eq!((saved(&counter).await, browser.ask("return same").await), (1, json!(true)));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_nobody_gave_is_said_to_be_unsure_and_the_desk_goes_on() {
    let mut counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    cut_line(&mut counter).await;
    browser.keys(&Key::F4.to_string()).await;
    let said = browser.see("#noi.tin").await.text().await.unwrap();
    assert!(said.starts_with("MẤT KẾT NỐI"), "{said}");
    browser
        .until("same && !document.getElementById('mau-quay').hasAttribute('aria-busy') && !document.getElementById('mat-ket-noi').hidden")
        .await;
    assert!(browser.see("#nguoi").await.text().await.unwrap().contains(counter::VALID));
    counter.mend_line();
    browser.until("document.getElementById('mat-ket-noi').hidden").await;
    browser.read().await;
    browser.read().await;
    browser.keys(&Key::F4.to_string()).await;
    let said = browser.see("#da-luu[data-saved=queue]").await.text().await.unwrap();
    assert!(said.starts_with("SỐ THỨ TỰ 1"), "no other was taken: {said}");
    browser.until("same && document.getElementById('noi').className === 'an'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_whose_answer_was_lost_is_saved_once_and_said_to_be() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    browser.ask(LOSES_ONE).await;
    browser.enter().await;
    browser.see("html[data-lost]").await;
    let said = browser.see("#da-luu").await.text().await.unwrap();
    assert!(said.contains("Lượt số 1 ĐÃ LƯU") && said.contains("Trần Thị Ví Dụ"), "{said}");
    browser.until("same").await;
    assert_eq!(saved(&counter).await, 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_that_was_locked_meanwhile_says_that_the_visit_is_saved() {
    let counter = Counter::running().await;
    let second = counter.colleague("Lê Thị Hai", Role::Reception, "135246").await;
    let browser = Browser::open().await;
    browser.client.goto(&format!("http://{}/", counter.address)).await.unwrap();
    browser.until("document.activeElement.id === 'o-ai'").await;
    browser.keys(&format!("{second}{}", Key::Enter)).await;
    browser.until("document.activeElement.id === 'o-pin'").await;
    browser.keys("135246").await;
    browser.enter().await;
    browser.check_ready().await;
    browser.keys(counter::VALID).await;
    browser.enter().await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.read().await;
    browser.ask(&format!("{LOSES_ONE} {WAITS}")).await;
    browser.enter().await;
    browser.until("window.again").await;
    counter.desk.set_pin(second, Pin::parse("864209").unwrap()).await.unwrap();
    look(&browser).await;
    browser.ask("again()").await;
    let said = browser.see("#vao-truc #loi[data-label='form:saved']").await.text().await.unwrap();
    assert!(said.contains('1'), "{said}");
    assert!(!browser.client.source().await.unwrap().contains("Trần Thị"), "nobody is named");
    assert_eq!(saved(&counter).await, 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_says_what_it_knows_of_a_visit_in_the_place_of_the_page() {
    for (was_saved, label) in [(false, "lookup:expired"), (true, "form:saved")] {
        let mut counter = Counter::running().await;
        let browser = looked_up(&counter).await;
        browser.ask(&format!("{WAITS} {}", if was_saved { LOSES_ONE } else { "" })).await;
        if !was_saved {
            cut_line(&mut counter).await;
        }
        browser.enter().await;
        browser.until("window.again").await;
        if was_saved {
            cut_line(&mut counter).await;
        }
        counter.reopen_page(counter.address).await;
        look(&browser).await;
        browser.ask("again()").await;
        let told = format!("#loi[data-label='{label}']");
        browser.see(&format!("#vao-truc {told}")).await;
        let left = browser.client.source().await.unwrap();
        assert!(!left.contains("Trần Thị") && !left.contains(counter::VALID), "nobody is left on it");
        assert_eq!(saved(&counter).await, usize::from(was_saved));
        // It went with the next Enter, and whoever had not looked never learned of it: it stands there until the next person is looked up.
        browser.until("document.activeElement?.id === 'o-ai'").await;
        browser.keys("1").await;
        browser.enter().await;
        browser.until("document.activeElement?.id === 'o-pin'").await;
        browser.see(&told).await;
        browser.keys(counter::PIN).await;
        browser.enter().await;
        browser.check_ready().await;
        browser.see(&told).await;
        browser.look_up(counter::VALID).await;
        browser.client.goto(&format!("http://{}/", counter.address)).await.unwrap();
        browser.check_ready().await;
        assert!(browser.client.find_all(Locator::Css(&told)).await.unwrap().is_empty());
        browser.close().await;
    }
}

/// A reader's key after a key, and Enter or TAB.
async fn scan(browser: &Browser, text: &str, end: Key) {
    browser.read().await;
    browser.send_stamped(text, false, &[end], Duration::from_millis(10)).await;
}

/// A field of what can be chosen has the focus.
async fn open(browser: &Browser, name: &str) {
    browser.keys(&Key::F9.to_string()).await;
    browser.until("document.activeElement.name === 'doi_tuong'").await;
    browser.ask(&format!("document.querySelector('#tuy-chon [name={name}]').focus()")).await;
}

async fn note_of(counter: &Counter) -> Option<String> {
    counter.desk.today().await.unwrap()[0].visit.content.note.as_deref().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_falls_into_a_note_is_the_next_question_and_no_note() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    for end in [Key::Enter, Key::Tab] {
        open(&browser, "ghi_chu").await;
        browser.keys("mang theo giấy ").await;
        scan(&browser, &counter::payload("TRẦN THỊ VÍ DỤ", "02/09/1985"), end).await;
        let said = browser.see("#noi.tin").await.text().await.unwrap();
        assert!(said.starts_with("Mã vừa quét đã rơi vào ô đang gõ"), "{said}");
        browser.see("#ket-qua[data-identity=match]").await;
        browser.check_ready().await;
        assert_eq!((saved(&counter).await, browser.ask("return document.querySelector('[name=ghi_chu]').value").await), (0, json!("")));
        browser.keys(counter::VALID).await;
        browser.enter().await;
        browser.until("document.getElementById('noi').className === 'an' && !document.querySelector('[data-identity=match]')").await;
    }
    open(&browser, "so_thu_tu").await;
    scan(&browser, counter::EXPIRED, Key::Enter).await;
    browser.see("#ket-qua[data-standing=expired]").await;
    browser.check_ready().await;
    // What a person types at a person's pace is a note, a telephone number too.
    browser.read().await;
    open(&browser, "ghi_chu").await;
    browser.send_stamped("con: 0912345678", false, &[Key::Enter], Duration::from_millis(110)).await;
    browser.see("#da-luu[data-saved=new]").await;
    assert_eq!(note_of(&counter).await.as_deref(), Some("con: 0912345678"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_falls_into_a_reason_ends_no_visit() {
    let counter = Counter::running().await;
    let id = counter.desk.check_in(&counter.desk.look_up(counter::UNKNOWN).await.unwrap()).await.unwrap().id;
    super::super::correct::refuse(&counter, id, 1, "no_identity").await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser
        .ask("window.same = true; const field = document.querySelector('.ly-do-dong'); field.closest('details').open = true; field.focus()")
        .await;
    browser.keys("người bệnh ").await;
    scan(&browser, counter::VALID, Key::Enter).await;
    browser.see("#ket-qua[data-standing=valid]").await;
    // The reason stands in the list as it was begun.
    browser.until("same && document.querySelector('.ly-do-dong').value === 'người bệnh '").await;
    browser.check_ready().await;
    browser.ask("document.querySelector('.ly-do-dong').value = ''").await;
    for field in ["[name=ly_do_khac]", "[name=ly_do]"] {
        browser.see("#hom-nay tr form[action='/luot/xem'] button").await.click().await.unwrap();
        browser.see("#mot-luot").await;
        browser.ask(&format!("window.same = true; document.querySelector(\"{field}\").focus()")).await;
        scan(&browser, counter::EXPIRED, Key::Enter).await;
        browser.see("#ket-qua[data-standing=expired]").await;
        browser.until("same").await;
    }
    // The right number is scanned where it is asked for.
    browser.ask("document.querySelector('.viec details').open = true; document.querySelector('.so-dung').focus()").await;
    scan(&browser, counter::VALID, Key::Enter).await;
    browser.until("document.activeElement.closest('#sua-luot')?.querySelector('#nguoi-moi')").await;
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=corrected]").await;
    let content = counter.desk.today().await.unwrap().remove(0).visit.content;
    assert_eq!((saved(&counter).await, content.voided), (1, None));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_in_a_note_that_no_pace_gives_away_is_refused_in_one_sentence() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    open(&browser, "ghi_chu").await;
    browser.ask(&format!("document.activeElement.value = 'xem {}'", counter::EXPIRED)).await;
    browser.enter().await;
    browser.see("#loi[data-label='choice:scan']").await;
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.check_ready().await;
    assert_eq!(saved(&counter).await, 0);
    browser.read().await;
    browser.enter().await;
    browser.see("#da-luu[data-saved=new]").await;
    assert_eq!(note_of(&counter).await, None);
    browser.close().await;
}

/// What stands there in another language, and is saved as it was chosen.
async fn is_kept_in_english(counter: &Counter, browser: &Browser) {
    browser.see("html[lang=en] #ket-qua[data-standing=valid]").await;
    let said = browser.see("#mau-quay > button").await.text().await.unwrap();
    assert_eq!(said, "Enter: SAVE");
    assert_eq!(browser.see("[name=ghi_chu]").await.prop("value").await.unwrap().as_deref(), Some("ngồi xe lăn"));
    assert_eq!(saved(counter).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_language_changes_and_the_verdict_with_what_was_chosen_stays() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    open(&browser, "ghi_chu").await;
    browser.keys("ngồi xe lăn").await;
    browser.see("[name=ngon_ngu]").await.click().await.unwrap();
    is_kept_in_english(&counter, &browser).await;
    assert_eq!(
        browser
            .ask("return [same, document.title, document.querySelector('h1').textContent, document.getElementById('noi').dataset.saving]")
            .await,
        json!([true, "Health-insurance reception", "Health-insurance reception", "Saving, please wait…"])
    );
    browser.check_ready().await;
    browser.read().await;
    browser.enter().await;
    let said = browser.see("#da-luu[data-saved=new]").await.text().await.unwrap();
    assert!(said.starts_with("SAVED"), "{said}");
    assert_eq!(note_of(&counter).await.as_deref(), Some("ngồi xe lăn"));
    // With people to choose from, a message, or nothing on the page.
    for (text, there) in [("le van hte 1970", "#ung-vien[data-search=found]"), ("1234567", "#loi"), ("", "#o-nhap")] {
        browser.keys(text).await;
        if !text.is_empty() {
            browser.enter().await;
            browser.see(there).await;
        }
        for language in ["vi", "en"] {
            // The same key twice within a moment is one.
            browser.read().await;
            browser.read().await;
            browser.see("[name=ngon_ngu]").await.click().await.unwrap();
            browser.see(&format!("html[lang={language}] {there}")).await;
        }
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_language_changes_and_the_verdict_stays_without_script() {
    let counter = Counter::running().await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.client.refresh().await.unwrap();
    let input = browser.see("#o-nhap").await;
    input.send_keys(&format!("{}{}", counter::VALID, Key::Enter)).await.unwrap();
    browser.see("#ket-qua[data-standing=valid]").await;
    browser.see("#tuy-chon summary").await.click().await.unwrap();
    browser.see("[name=ghi_chu]").await.send_keys("ngồi xe lăn").await.unwrap();
    browser.see("[name=ngon_ngu]").await.click().await.unwrap();
    is_kept_in_english(&counter, &browser).await;
    browser.see("#o-nhap").await.send_keys(&Key::Enter.to_string()).await.unwrap();
    let said = browser.see("#da-luu[data-saved=new]").await.text().await.unwrap();
    assert!(said.starts_with("SAVED"), "{said}");
    assert_eq!(note_of(&counter).await.as_deref(), Some("ngồi xe lăn"));
    browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": false })).await;
    browser.client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_locked_by_a_row_of_nobody_says_why() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    let nobody = |number| format!("GD40101008{number:05}");
    let one_after_the_other = "
        const [input, numbers] = [document.getElementById('o-nhap'), arguments[0]];
        for (const number of numbers) {
            input.value = number;
            input.form.requestSubmit();
            while (input.isConnected && input.form.hasAttribute('aria-busy')) await new Promise((done) => setTimeout(done, 5));
        }";
    let script = one_after_the_other.replace("arguments[0]", &json!((0..30).map(nobody).collect::<Vec<_>>()).to_string());
    browser.ask(&format!("(async () => {{ {script} }})()")).await;
    let said = browser.see("#vao-truc #loi[data-label='look_up:too_many_misses']").await.text().await.unwrap();
    assert!(said.contains("30"), "{said}");
    browser.until("document.activeElement.id === 'o-pin'").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_back_and_a_reload_lead_to_nobody_and_send_nothing_again() {
    let counter = Counter::running().await;
    let browser = looked_up(&counter).await;
    browser.see("footer a[href='/bao-phu']").await.click().await.unwrap();
    browser.until("location.pathname === '/bao-phu'").await;
    browser.client.back().await.unwrap();
    browser.see("#o-nhap").await;
    browser.until("location.pathname === '/'").await;
    assert!(!browser.client.source().await.unwrap().contains("Trần Thị"));
    let steps = browser.ask("return history.length").await;
    for text in [counter::VALID, ""] {
        browser.keys(text).await;
        browser.enter().await;
        browser.see(if text.is_empty() { "#da-luu" } else { "#ket-qua" }).await;
        browser.read().await;
        browser.client.refresh().await.unwrap();
        browser.see("#o-nhap").await;
        browser.check_ready().await;
        assert!(browser.client.find_all(Locator::Css("#ket-qua")).await.unwrap().is_empty());
        if !text.is_empty() {
            browser.keys(text).await;
            browser.enter().await;
            browser.see("#ket-qua").await;
            browser.read().await;
        }
    }
    assert_eq!(saved(&counter).await, 1);
    assert_eq!(browser.ask("return history.length").await, steps, "no step back for each person");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_through_the_list_with_tab_keeps_the_place_when_the_list_changes() {
    let counter = Counter::running().await;
    let came = async |text| counter.desk.check_in(&counter.desk.look_up(text).await.unwrap()).await.unwrap();
    came(counter::VALID).await;
    let browser = Browser::open().await;
    browser.visit(&counter).await;
    for (at, link) in ["tr[data-number='1'] form button", "a[href='/kiem-tra-lai']"].into_iter().enumerate() {
        browser.ask(&format!("document.querySelector(\"#hom-nay {link}\").focus()")).await;
        came(counter::EXPIRED).await;
        browser.see(&format!("#hom-nay tr[data-number='{}']", at + 2)).await;
        browser.until(&format!("document.activeElement.matches(\"#hom-nay {link}\")")).await;
    }
    browser.close().await;
}
