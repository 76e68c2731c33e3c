// Has what is scanned, typed or saved answered into the page, which stays: the input is the same one all the while, and what is typed into it meanwhile is
// kept. One question at a time. A scan whose Enter comes while another one is under way has its turn after it, as the page stood when that Enter came; an
// empty Enter then saves nothing, for nobody has seen yet what it would save. While nobody answers the page says so, and what it has not asked yet, stays as
// it is and asks again. Without script the browser sends the same form itself.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  if (!input) return;
  const form = input.form;
  const said = document.getElementById('noi');
  // Readers send CR and LF, which is Enter twice. Nobody reads a verdict and answers it in this time.
  const BOUNCE = 350;
  // Two presses of a key that is not to be sent twice are one.
  const PRESS = 1000;
  // An answer that takes longer is said to be under way.
  const SLOW = 250;
  // One that takes this long may never come.
  const LONG = 5000;
  // Nobody answers so late.
  const LATEST = 15000;
  // Pauses before a question is put again that nobody answered, the last one for ever: a visit sent twice is one.
  const AGAIN = [500, 1500, 3000];
  const MOST = 8;
  const waiting = [];
  let opened = performance.now();
  let pressed = -PRESS;
  // Since when nobody has answered, and in which words that is said.
  let silence = null;

  const isBusy = () => form.getAttribute('aria-busy') === 'true';
  const elsewhere = (submitter) => submitter?.getAttribute('formaction') ?? null;

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const action = elsewhere(event.submitter);
    if (action !== null) {
      if (isBusy() || performance.now() - pressed < PRESS) return;
      pressed = performance.now();
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
    const isMoved = input.dataset.moved !== undefined;
    const question = { action: form.getAttribute('action'), fields: new FormData(form, event.submitter), saves: isEmpty, isMoved };
    input.value = '';
    delete input.dataset.moved;
    // What waits behind a visit that could not be saved waits for it still.
    if (isEmpty) waiting.unshift(question); else waiting.push(question);
    if (!isBusy()) next(); else if (silence) tell();
  });
  document.addEventListener('improved', () => { opened = performance.now(); });
  const next = () => {
    if (waiting.length > 0) send(waiting.shift());
  };

  const say = (kind, text) => {
    said.className = kind;
    said.textContent = text;
  };
  // What stands on the page is pale meanwhile: it is no answer to what was asked.
  const tell = () => {
    const scans = waiting.filter(({ saves }) => !saves).length;
    const kept = scans > 0 ? ' ' + said.dataset.kept.replace('{count}', scans) : '';
    say('tin dang', said.dataset[silence.words].replace('{time}', silence.since) + kept);
  };
  const send = async (question) => {
    form.setAttribute('aria-busy', 'true');
    const since = desk.hour();
    const timers = [setTimeout(() => say('dang', question.saves ? said.dataset.saving : said.dataset.asking), SLOW)];
    const unheard = (words) => {
      timers.forEach(clearTimeout);
      silence = { words, since };
      tell();
    };
    if (!question.once) timers.push(setTimeout(() => unheard('late'), LONG));
    const page = await put(question, unheard);
    timers.forEach(clearTimeout);
    silence = null;
    if (page) show(page, question); else giveUp();
  };
  // The page that answers; none where what was pressed must not be sent twice.
  const put = async ({ action, fields, once }, unheard) => {
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await fetch(action, { cache: 'no-store', signal: AbortSignal.timeout(LATEST), ...desk.sending(fields) });
        const text = await answer.text();
        if (!answer.headers.get('Content-Type')?.startsWith('text/html')) throw new Error('no page');
        heard();
        return desk.read(text);
      } catch {
        desk.gone(true);
        if (once) return null;
        unheard('lost');
        if (tries === 0) lost();
        await new Promise((resolve) => { setTimeout(resolve, AGAIN[Math.min(tries, AGAIN.length - 1)]); });
      }
    }
  };
  // A reload would forget what waits to be answered; the browser asks before.
  const stay = (event) => event.preventDefault();
  const lost = () => {
    form.dataset.lost = '';
    addEventListener('beforeunload', stay);
  };
  const heard = () => {
    delete form.dataset.lost;
    removeEventListener('beforeunload', stay);
  };
  const giveUp = () => {
    say('tin', said.dataset.unanswered);
    form.removeAttribute('aria-busy');
    next();
  };

  // Everything behind the place where it is said how it went: what is said of one person.
  const middle = (of) => {
    const nodes = [];
    for (let node = of.getElementById('noi').nextSibling; node; node = node.nextSibling) nodes.push(node);
    return nodes;
  };
  const follow = (page, selector) => {
    const [held, fresh] = [document, page].map((of) => of.querySelector(selector));
    if (held && fresh && !held.isEqualNode(fresh)) desk.exchange(held, fresh);
  };
  const show = (page, question) => {
    const fresh = page.getElementById('mau-quay');
    if (!fresh) {
      // The desk was locked, or another process answers: what it says of that takes the place of everything, and nothing here goes on.
      const scans = waiting.splice(0).filter(({ saves }) => !saves).length;
      document.title = page.title;
      document.body.replaceWith(page.body);
      if (scans > 0) {
        const told = Object.assign(document.createElement('p'), { id: 'chua-tra', role: 'alert', textContent: said.dataset.dropped.replace('{count}', scans) });
        const message = document.getElementById('loi');
        if (message) message.after(told); else document.querySelector('main')?.prepend(told);
      }
      document.querySelector('[autofocus]')?.focus();
      return;
    }
    const hidden = 'input[type=hidden]';
    form.querySelectorAll(hidden).forEach((field) => field.remove());
    form.prepend(...fresh.querySelectorAll(hidden));
    middle(document).forEach((node) => node.remove());
    said.after(...middle(page));
    Object.assign(said.dataset, page.getElementById('noi').dataset);
    announce(question.isMoved);
    const change = page.getElementById('trang-thai').dataset.change;
    if (!desk.isInUse(document.getElementById('hom-nay'))) {
      page.getElementById('hom-nay').dataset.change = change;
      follow(page, '#hom-nay');
    }
    for (const selector of ['#trang-thai', '#mat-ket-noi', '#quay > h1', '#mau-quay > label', '#mau-quay > button', '#mau-quay > .phim', 'footer']) {
      follow(page, selector);
    }
    document.documentElement.lang = page.documentElement.lang;
    document.title = page.title;
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
  const announce = (isMoved) => {
    const told = document.querySelectorAll('#da-luu, #ung-vien-loi, #phan-quyet .lop, #cau-tra-loi, #han');
    say('an', [...told].map((element) => element.textContent).join('. '));
    if (isMoved) {
      const answer = Object.assign(document.createElement('span'), { className: 'an', textContent: said.textContent });
      said.replaceChildren(said.dataset.moved + ' ', answer);
      said.className = 'tin';
    }
    told.forEach((element) => element.removeAttribute('role'));
  };
})();
