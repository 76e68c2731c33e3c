// Keeps the cursor in the input, except in a field that somebody has opened, and lets a second Enter of a reader fall.
// Everything else, saving included, works without it.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  if (!input) return;
  document.addEventListener('toggle', ({ target }) => {
    // What comes open with an answer was opened by nobody.
    const isOpened = desk.isOwn(target) && target.open && target.contains(document.activeElement) && !desk.isField(document.activeElement);
    if (isOpened) target.querySelector('select, input:not([type=hidden]), textarea')?.focus();
  }, true);
  document.addEventListener('submit', (event) => {
    if (event.target === input.form) return;
    // The second Enter of a reader is no second correction.
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = '1';
    setTimeout(() => { delete event.target.dataset.sent; }, 3000);
  });

  // A digit chooses in a list that has it, as in any list; unless the next key comes as soon as a reader's: then the list is as it was before, and both are
  // the beginning of a scan.
  const BETWEEN = 150;
  // So long browsers take what is typed for one word.
  const WORD = 1000;
  let typed = null;
  const chooses = (event) => {
    if (event.key.length !== 1) return false;
    const list = event.target instanceof HTMLSelectElement && desk.isOwn(event.target) ? event.target : null;
    const before = list && typed && event.timeStamp - typed.at <= WORD ? typed : null;
    if (before && !event.repeat && event.timeStamp - before.at <= BETWEEN) {
      if ([...list.options].some((option) => option.value === before.stood)) list.value = before.stood;
      list.dispatchEvent(new Event('change', { bubbles: true }));
      input.setRangeText(before.key, input.selectionStart, input.selectionEnd, 'end');
      typed = null;
      return false;
    }
    const has = (word) => list !== null && /^\d/.test(word) && [...list.options].some((option) => option.text.startsWith(word));
    const word = [(before?.word ?? '') + event.key, event.key].find(has);
    typed = word ? { word, key: event.key, at: event.timeStamp, stood: list.value } : null;
    return typed !== null;
  };
  const focus = (event) => {
    // Neither from what waits for an Enter.
    if (desk.isOwn(event?.target) || desk.isField(document.activeElement) || document.activeElement?.matches('[data-first]')) return;
    if (document.activeElement !== input && String(getSelection()) === '') input.focus({ preventScroll: true });
  };
  addEventListener('focus', focus);
  document.addEventListener('click', focus);
  document.addEventListener('keydown', (event) => {
    // An Enter that is held down is one Enter.
    if (event.key === 'Enter' && event.repeat) { event.preventDefault(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (chooses(event)) return;
    // A field keeps what is typed into it, and its button or heading keeps Enter and space; everything else is a scan and goes where scans go.
    if (desk.isText(event.target) || (desk.isOwn(event.target) && (event.key === 'Enter' || event.key === ' '))) return;
    if (event.key.length === 1 || event.key === 'Enter') input.focus({ preventScroll: true });
  });
  // Back to a page the browser had kept: what stood on it may be of somebody who has long gone.
  addEventListener('pageshow', (event) => { if (event.persisted) location.replace('/'); });
  // What a form waits with comes before the next person; a scan finds its own way.
  const first = document.querySelector('[data-first]') ?? input;
  first.focus();
  if (first !== input && desk.isText(first)) first.select();
})();
