// Has the bar and the day's list follow what the program tells.
'use strict';
(() => {
  const form = document.getElementById('mau-quay');
  if (!form) return;
  const input = document.getElementById('o-nhap');
  // A question that nobody has answered yet knows better.
  const gone = (is) => desk.gone(is || form.dataset.lost !== undefined);
  const isLost = () => !document.getElementById('mat-ket-noi').hidden;
  // While no stream tells of changes the page asks, first often and then less so.
  const EVERY = 1500;
  const SELDOM = 15000;
  // Twice the server's beat, and a little.
  const SILENCE = 45000;
  const list = () => document.getElementById('hom-nay');
  // A page with all of the day's list keeps all of it.
  const address = () => (document.getElementById('cuoi-ngay') ? '/hom-nay/ca-ngay' : '/hom-nay');

  list().dataset.change = document.getElementById('trang-thai').dataset.change;
  const isBehind = () => document.getElementById('trang-thai').dataset.change !== list().dataset.change;
  const isEnded = () => !form.isConnected;
  // An answer that came meanwhile has a bar and a list of its own, which may be newer.
  let answers = 0;
  document.addEventListener('answered', () => { answers += 1; });
  const look = async () => {
    const before = answers;
    const isLate = () => {
      again ||= answers !== before;
      return isEnded() || answers !== before;
    };
    try {
      const status = await desk.part('/trang-thai');
      if (isLate()) return;
      const held = document.getElementById('trang-thai');
      if (status.dataset.run !== held.dataset.run) {
        // Another process answers; it does not know this page's form. Nothing may be lost by asking for a new one.
        const isIdle = !form.elements.luot && input.value === '' && !form.hasAttribute('aria-busy') && !desk.isInUse(document);
        if (isIdle) { location.replace('/'); return; }
        status.dataset.run = held.dataset.run;
      }
      // Nobody works here any more: the list is refused, and with the new bar the page leaves the screen. What somebody has asked is answered before, and says why.
      if (status.dataset.phien !== 'open') {
        if (!form.hasAttribute('aria-busy')) held.replaceWith(status);
        return;
      }
      // A form that somebody is filling in is not taken away; the list follows when it is done.
      if (status.dataset.change !== list().dataset.change && !desk.isInUse(document)) {
        const rows = await desk.part(address());
        if (isLate()) return;
        if (!desk.isInUse(document)) {
          rows.dataset.change = status.dataset.change;
          desk.exchange(list(), rows);
        }
      }
      const now = document.getElementById('trang-thai');
      const isChanged = status.dataset.change !== now.dataset.change;
      if (!status.isEqualNode(now)) desk.exchange(now, status);
      if (isChanged) document.dispatchEvent(new Event('changed'));
      gone(false);
      if (isBehind()) next(EVERY);
    } catch {
      if (isEnded()) return;
      gone(true);
      // Also while a stream tells of changes: of this one it has told already.
      next(EVERY);
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
      if (again && !isEnded()) refresh();
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
    if (isEnded()) { hush(); return; }
    if (document.hidden) return;
    if (stream && performance.now() - heard > SILENCE) hush();
    if (stream) {
      // A list that waits for somebody's form to be done, or a question that nobody answered.
      if (isLost() || (isBehind() && !desk.isInUse(document))) await refresh();
      if (!isEnded()) next(isLost() || isBehind() ? EVERY : SILENCE);
      return;
    }
    await refresh();
    if (isEnded()) return;
    if (!isLost() && !stream) listen();
    pause = Math.min(pause * 1.5, SELDOM);
    next(pause);
  };
  // A page that slept asks at once what has changed; a line that fell silent meanwhile is made anew.
  const wake = () => { if (!document.hidden && !isEnded()) { refresh(); next(0); } };
  document.addEventListener('visibilitychange', wake);
  document.addEventListener('resume', wake);
  // Not at once: the next scan may come sooner.
  next(EVERY / 3);
})();
