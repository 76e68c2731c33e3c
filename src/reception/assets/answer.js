// Has what is scanned, typed or saved answered into the page, which stays: the input is the same one all the while, and what is typed into it meanwhile is
// kept. One question at a time. A scan whose Enter comes while another one is under way has its turn after it, as the page stood when that Enter came; an
// empty Enter then saves nothing, for nobody has seen yet what it would save. Without script the browser sends the same form itself.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  if (!input) return;
  const form = input.form;
  const said = document.getElementById('noi');
  // Readers send CR and LF, which is Enter twice. Nobody reads a verdict and answers it in this time.
  const BOUNCE = 350;
  // Two presses of the key that takes a number are one.
  const PRESS = 1000;
  // An answer that takes longer is said to be under way.
  const SLOW = 250;
  // Pauses before a question is put again that nobody answered; a visit sent twice is one. After the last the browser sends the form itself.
  const AGAIN = [500, 1500, 3000];
  const MOST = 8;
  const waiting = [];
  let opened = performance.now();
  let numbered = -PRESS;

  const isBusy = () => form.getAttribute('aria-busy') === 'true';
  const elsewhere = (submitter) => submitter?.getAttribute('formaction') ?? null;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const action = elsewhere(event.submitter);
    if (action !== null) {
      if (isBusy() || performance.now() - numbered < PRESS) return;
      numbered = performance.now();
      send({ action, fields: new FormData(form, event.submitter), once: true });
      return;
    }
    const isEmpty = input.value.trim() === '';
    if (isEmpty && (isBusy() || performance.now() - opened < BOUNCE)) return;
    if (isEmpty && !form.elements.luot) {
      next();
      return;
    }
    // What is not taken stands in the input still.
    if (!isEmpty && waiting.length >= MOST) return;
    const question = { action: form.getAttribute('action'), fields: new FormData(form, event.submitter), saves: isEmpty };
    input.value = '';
    // What waits behind a visit that could not be saved waits for it still.
    if (isEmpty) waiting.unshift(question); else waiting.push(question);
    if (!isBusy()) next();
  });
  document.addEventListener('improved', () => { opened = performance.now(); });
  const next = () => {
    if (waiting.length > 0) send(waiting.shift());
  };

  const send = async (question) => {
    form.setAttribute('aria-busy', 'true');
    const slow = setTimeout(() => {
      said.className = 'dang';
      said.textContent = question.saves ? said.dataset.saving : said.dataset.asking;
    }, SLOW);
    try {
      const page = await put(question);
      clearTimeout(slow);
      show(page, question);
    } catch {
      clearTimeout(slow);
      leave(question);
    }
  };
  const put = async ({ action, fields, once }) => {
    for (const pause of [...AGAIN, null]) {
      try {
        const answer = await fetch(action, { cache: 'no-store', ...desk.sending(fields) });
        const text = await answer.text();
        if (!answer.headers.get('Content-Type')?.startsWith('text/html')) throw new Error('no page');
        return desk.read(text);
      } catch (error) {
        if (once || pause === null) throw error;
        document.getElementById('mat-ket-noi').hidden = false;
        await new Promise((resolve) => { setTimeout(resolve, pause); });
      }
    }
  };
  // What the browser would have sent, sent by the browser; a number to call by is not taken twice.
  const leave = ({ action, fields, once }) => {
    if (once) { location.assign('/'); return; }
    const plain = Object.assign(document.createElement('form'), { method: 'post', action, hidden: true });
    for (const [name, value] of fields) plain.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
    document.body.append(plain);
    plain.submit();
    // A form that came to nothing must not lock the page.
    setTimeout(() => { plain.remove(); form.removeAttribute('aria-busy'); }, 3000);
  };

  // Everything behind the place where it is said how it went: what is said of one person.
  const middle = (of) => {
    const nodes = [];
    for (let node = of.getElementById('noi').nextSibling; node; node = node.nextSibling) nodes.push(node);
    return nodes;
  };
  const follow = (page, selector) => {
    const [held, fresh] = [document, page].map((of) => of.querySelector(selector));
    if (held && fresh && !held.isEqualNode(fresh)) held.replaceWith(fresh);
  };
  const show = (page, question) => {
    const fresh = page.getElementById('mau-quay');
    if (!fresh) {
      // The desk was locked, or another process answers: what it says of that takes the place of everything, and nothing here goes on.
      waiting.length = 0;
      document.title = page.title;
      document.body.replaceWith(page.body);
      document.querySelector('[autofocus]')?.focus();
      return;
    }
    const hidden = 'input[type=hidden]';
    form.querySelectorAll(hidden).forEach((field) => field.remove());
    form.prepend(...fresh.querySelectorAll(hidden));
    middle(document).forEach((node) => node.remove());
    said.after(...middle(page));
    announce();
    const change = page.getElementById('trang-thai').dataset.change;
    if (!desk.isInUse(document.getElementById('hom-nay'))) {
      page.getElementById('hom-nay').dataset.change = change;
      follow(page, '#hom-nay');
    }
    for (const selector of ['#trang-thai', '#mat-ket-noi', '#mau-quay > label', '#mau-quay > button', '#mau-quay > .phim', 'footer']) {
      follow(page, selector);
    }
    document.documentElement.lang = page.documentElement.lang;
    // What a reload asks for is a page, and never sends a form again.
    if (location.pathname !== '/') history.replaceState(null, '', '/');
    scrollTo({ top: 0, behavior: 'instant' });
    if (!desk.isField(document.activeElement)) input.focus({ preventScroll: true });
    opened = performance.now();
    form.removeAttribute('aria-busy');
    document.dispatchEvent(new Event('answered'));
    // A visit that was not saved is seen before the next person.
    const isOpen = question.saves && document.querySelector('#loi, #mau-quay > [name=luot]') !== null;
    if (!isOpen) next();
  };
  // Readers of a screen tell what is put into a place that was there before. An alert is told wherever it comes.
  const announce = () => {
    const heard = document.querySelectorAll('#da-luu, #ung-vien-loi, #phan-quyet .lop, #cau-tra-loi, #han');
    said.className = 'an';
    said.textContent = [...heard].map((element) => element.textContent).join('. ');
    heard.forEach((element) => element.removeAttribute('role'));
  };

  // A reader may end with TAB. Nobody types ten characters, the fewest that a number has, at this pace; whoever goes on by Tab has typed them slower.
  const BETWEEN = 150;
  const EACH = 70;
  const LEAST = 10;
  let burst = { count: 0, began: 0, last: -BETWEEN };
  input.addEventListener('keydown', (event) => {
    // Of keys that an input method works on the page hears no letter.
    if (event.key.length === 1 || event.key === 'Process') {
      const goesOn = event.timeStamp - burst.last <= BETWEEN;
      burst = { count: goesOn ? burst.count + 1 : 1, began: goesOn ? burst.began : event.timeStamp, last: event.timeStamp };
    }
    if (event.key !== 'Tab' || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey || input.value.trim() === '') return;
    const isScan = burst.count >= LEAST && event.timeStamp - burst.last <= BETWEEN && burst.last - burst.began <= EACH * burst.count;
    if (!isScan) return;
    event.preventDefault();
    burst.count = 0;
    form.requestSubmit();
  });
})();
