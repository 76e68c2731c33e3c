// What the page does beyond a plain form: keeps the cursor in the input, lets a second Enter of a reader fall, and refreshes status and list.
// Everything else, saving included, works without it.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  const form = input.form;
  const gone = document.getElementById('mat-ket-noi');
  const BOUNCE = 350;
  const EVERY = 1500;
  let opened = performance.now();
  let sent = false;

  form.addEventListener('submit', (event) => {
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

  const focus = () => {
    if (document.activeElement !== input && String(getSelection()) === '') input.focus({ preventScroll: true });
  };
  addEventListener('focus', focus);
  document.addEventListener('click', focus);
  document.addEventListener('keydown', (event) => {
    // An Enter that is held down is one Enter.
    if (event.key === 'Enter' && event.repeat) { event.preventDefault(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key.length === 1 || event.key === 'Enter') input.focus({ preventScroll: true });
  });

  const part = async (address) => {
    const answer = await fetch(address, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error('status ' + answer.status);
    return new DOMParser().parseFromString(await answer.text(), 'text/html').body.firstElementChild;
  };

  let list = document.getElementById('trang-thai').dataset.change;
  let timer;
  const refresh = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const status = await part('/trang-thai');
      const held = document.getElementById('trang-thai');
      if (status.dataset.run !== held.dataset.run) {
        // Another process answers; it does not know this page's form. Nothing may be lost by asking for a new one.
        if (!form.elements.luot && input.value === '' && !sent) { location.replace('/'); return; }
        status.dataset.run = held.dataset.run;
      }
      if (status.dataset.change !== list) {
        const rows = await part('/hom-nay');
        document.getElementById('hom-nay').replaceWith(rows);
        list = status.dataset.change;
      }
      if (status.outerHTML !== held.outerHTML) held.replaceWith(status);
      gone.hidden = true;
    } catch {
      gone.hidden = false;
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, EVERY);
  };
  document.addEventListener('visibilitychange', refresh);
  timer = setTimeout(refresh, EVERY);
  input.focus();
})();
