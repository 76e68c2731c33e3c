// What the page does beyond a plain form: keeps the cursor in the input (except in a field that somebody has opened), lets a second Enter of a
// reader fall, has status and list follow what the program tells, and looks whether the province has answered.
// Everything else, saving included, works without it.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  if (!input) return;
  const form = input.form;
  const gone = document.getElementById('mat-ket-noi');
  const BOUNCE = 350;
  // While no stream tells of changes the page asks, first often and then less so.
  const EVERY = 1500;
  const SELDOM = 15000;
  // Twice the server's beat, and a little.
  const SILENCE = 45000;
  // A page with all of the day's list keeps all of it.
  const LIST = location.pathname === '/ca-ngay' ? '/hom-nay/ca-ngay' : '/hom-nay';
  let opened = performance.now();
  let sent = false;

  form.addEventListener('submit', (event) => {
    // A button with an address of its own neither looks up nor saves; its second press within a moment is none.
    if (event.submitter?.hasAttribute('formaction')) {
      if (sent) event.preventDefault();
      sent = true;
      setTimeout(() => { sent = false; }, 1000);
      return;
    }
    const empty = input.value.trim() === '';
    const bounce = empty && performance.now() - opened < BOUNCE;
    if (sent || bounce || (empty && !form.elements.luot)) {
      event.preventDefault();
      return;
    }
    sent = true;
    // A submit that came to nothing (the program is being restarted) must not lock the page.
    setTimeout(() => { sent = false; }, 3000);
  });

  // Back to a page the browser had kept.
  addEventListener('pageshow', () => { opened = performance.now(); sent = false; input.focus(); });

  // Fields of their own stand in the list; they open only when somebody wants them, and then what is typed is theirs.
  const own = (element) => element instanceof Element && element.closest('[data-own-input]') !== null;
  const isField = (element) => own(element) && element.matches('input:not([type=hidden]), textarea');
  const inUse = (rows) => isField(document.activeElement)
    || [...rows.querySelectorAll('[data-own-input] :is(input:not([type=hidden]), textarea)')].some((field) => field.value !== '');
  document.addEventListener('toggle', (event) => {
    if (own(event.target) && event.target.open) event.target.querySelector('select, input:not([type=hidden]), textarea')?.focus();
  }, true);
  document.addEventListener('submit', (event) => {
    if (event.target === form) return;
    // The second Enter of a reader is no second correction.
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = '1';
    setTimeout(() => { delete event.target.dataset.sent; }, 3000);
  });

  const focus = (event) => {
    if (own(event?.target) || isField(document.activeElement)) return;
    if (document.activeElement !== input && String(getSelection()) === '') input.focus({ preventScroll: true });
  };
  addEventListener('focus', focus);
  document.addEventListener('click', focus);
  document.addEventListener('keydown', (event) => {
    // An Enter that is held down is one Enter.
    if (event.key === 'Enter' && event.repeat) { event.preventDefault(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    // A field keeps what is typed into it, and its button or heading keeps Enter and space; everything else is a scan and goes where scans go.
    if (isField(event.target) || (own(event.target) && (event.key === 'Enter' || event.key === ' '))) return;
    if (event.key.length === 1 || event.key === 'Enter') input.focus({ preventScroll: true });
  });

  const part = async (address, sending) => {
    const answer = await fetch(address, { cache: 'no-store', signal: AbortSignal.timeout(5000), ...sending });
    if (!answer.ok) throw new Error('status ' + answer.status);
    return new DOMParser().parseFromString(await answer.text(), 'text/html').body.firstElementChild;
  };

  // The disk has answered; the province may know better. Each answer has a token of its own: an Enter saves what is on the page.
  const asked = performance.now();
  const improve = async () => {
    const open = document.getElementById('hoi-tinh');
    const token = form.elements.luot;
    if (!open || !token || sent || performance.now() - asked > 15000) return;
    const fields = { bieu_mau: form.elements.bieu_mau.value, luot: token.value, phan: '1' };
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    try {
      const body = new URLSearchParams(fields).toString();
      const improved = await part('/tra-cuu/moi', { method: 'POST', headers, body });
      if (sent) return;
      const result = improved.firstElementChild;
      if (improved.dataset.luot === token.value) {
        open.replaceWith(result.querySelector('#hoi-tinh') || '');
      } else {
        token.value = improved.dataset.luot;
        document.getElementById('ket-qua').replaceWith(result);
        result.classList.add('vua-moi');
        const said = document.getElementById('bao-tinh');
        said.textContent = said.dataset.words;
        opened = performance.now();
      }
    } catch {
      // The bar says what is the matter, and the answer of the disk stays.
    }
    setTimeout(improve, 1000);
  };
  setTimeout(improve, 300);

  let list = document.getElementById('trang-thai').dataset.change;
  const isBehind = () => document.getElementById('trang-thai').dataset.change !== list;
  const look = async () => {
    try {
      const status = await part('/trang-thai');
      const held = document.getElementById('trang-thai');
      if (status.dataset.run !== held.dataset.run) {
        // Another process answers; it does not know this page's form. Nothing may be lost by asking for a new one.
        if (!form.elements.luot && input.value === '' && !sent && !inUse(document)) { location.replace('/'); return; }
        status.dataset.run = held.dataset.run;
      }
      // Nobody works here any more: the list is refused, and with the new bar the page leaves the screen.
      if (status.dataset.phien !== 'open') { held.replaceWith(status); return; }
      // A form that somebody is filling in is not taken away; the list follows when it is done.
      if (status.dataset.change !== list && !inUse(document)) {
        const rows = await part(LIST);
        if (!inUse(document)) {
          document.getElementById('hom-nay').replaceWith(rows);
          list = status.dataset.change;
        }
      }
      if (status.outerHTML !== held.outerHTML) held.replaceWith(status);
      gone.hidden = true;
      if (isBehind()) next(EVERY);
    } catch {
      gone.hidden = false;
    }
  };
  // One question at a time; what is told meanwhile is asked for after it, and what is told to a hidden page when it is seen again.
  let asking = null;
  let again = false;
  const refresh = () => {
    again = asking !== null || document.hidden;
    if (again) return asking;
    asking = look().finally(() => {
      asking = null;
      if (again) refresh();
    });
    return asking;
  };

  let stream = null;
  let heard = 0;
  let pause = EVERY;
  let timer;
  const next = (wait) => { clearTimeout(timer); timer = setTimeout(tick, wait); };
  const hush = () => { stream?.close(); stream = null; };
  const listen = () => {
    const opened = new EventSource('/su-kien');
    const hear = () => { heard = performance.now(); pause = EVERY; };
    stream = opened;
    heard = performance.now();
    opened.addEventListener('nhip', hear);
    opened.addEventListener('thay-doi', () => { hear(); refresh(); });
    // The browser's own tries do not grow apart. The page says at once if nobody answers.
    opened.addEventListener('error', () => {
      if (stream !== opened) return;
      hush();
      refresh();
      next(pause);
    });
  };
  const tick = async () => {
    if (document.hidden) return;
    if (stream && performance.now() - heard > SILENCE) hush();
    if (stream) {
      // A list that waits for somebody's form to be done.
      if (isBehind() && !inUse(document)) await refresh();
      next(isBehind() ? EVERY : SILENCE);
      return;
    }
    await refresh();
    if (gone.hidden && !stream) listen();
    pause = Math.min(pause * 1.5, SELDOM);
    next(pause);
  };
  // A page that slept asks at once what has changed; a line that fell silent meanwhile is made anew.
  const wake = () => { if (!document.hidden) { refresh(); next(0); } };
  document.addEventListener('visibilitychange', wake);
  document.addEventListener('resume', wake);
  addEventListener('pageshow', (event) => { if (event.persisted) wake(); });
  // Not at once: the next scan may come sooner.
  next(EVERY / 3);
  input.focus();
})();
