// What the scripts of the page share: which fields are somebody's own, how a part of the page is asked for, and how it takes its place.
'use strict';
const desk = (() => {
  // Fields of their own stand in the list; they open only when somebody wants them, and then what is typed is theirs.
  const isOwn = (element) => element instanceof Element && element.closest('[data-own-input]') !== null;
  const isField = (element) => isOwn(element) && element.matches('input:not([type=hidden]), textarea');
  // Buttons that are chosen take no letters.
  const isText = (element) => isField(element) && !element.matches('[type=radio], [type=checkbox]');
  const isInUse = (part) => isField(document.activeElement)
    || [...part.querySelectorAll('[data-own-input] :is(input:not([type=hidden]), textarea)')].some((field) => field.value !== '');
  const read = (text) => new DOMParser().parseFromString(text, 'text/html');
  const part = async (address, sending) => {
    const answer = await fetch(address, { cache: 'no-store', signal: AbortSignal.timeout(5000), ...sending });
    if (!answer.ok) throw new Error('status ' + answer.status);
    return read(await answer.text()).body.firstElementChild;
  };
  // The guard takes forms of this kind only, by this very name.
  const sending = (fields) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', headers, body: new URLSearchParams(fields).toString() };
  };
  // A part made anew keeps whoever is going through it with Tab at the button or the link that does the same.
  const same = (element) => [element.tagName, element.getAttribute('href'), element.form?.getAttribute('action'), ...(element.form ? new FormData(element.form).values() : [])].join('|');
  const exchange = (held, fresh) => {
    const at = held.contains(document.activeElement) ? same(document.activeElement) : null;
    held.replaceWith(fresh);
    if (at) [...fresh.querySelectorAll('a, button, summary')].find((element) => same(element) === at)?.focus({ preventScroll: true });
  };
  // The hour at the station: the clock of whoever looks may be another one.
  const ahead = Number(document.getElementById('noi')?.dataset.now ?? NaN) - Date.now() || 0;
  const written = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Ho_Chi_Minh', hour: '2-digit', minute: '2-digit' });
  const hour = () => written.format(Date.now() + ahead);
  // The bar says since when, and that is when it came.
  const gone = (is) => {
    const bar = document.getElementById('mat-ket-noi');
    if (is && bar.hidden) bar.textContent = bar.dataset.words.replace('{time}', hour());
    bar.hidden = !is;
  };
  return { exchange, gone, hour, isOwn, isField, isText, isInUse, read, part, sending };
})();
