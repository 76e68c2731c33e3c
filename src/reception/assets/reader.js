// What comes from a reader is told by its pace. One that ends with TAB asks as one does that ends with Enter. What fell into a field that somebody has
// opened is taken out of it, so that the field is as it was before, and is the next question.
'use strict';
(() => {
  const input = document.getElementById('o-nhap');
  if (!input) return;
  // Nobody types ten characters, the fewest that a number has, at this pace; whoever goes on by Tab has typed them slower.
  const BETWEEN = 150;
  const EACH = 70;
  const LEAST = 10;
  // There is a number in every code.
  const NUMBER = /\d{10}/;
  let burst = { count: 0, keys: '', began: 0, last: -BETWEEN, before: null };

  // Fields for the right number of somebody take a scan.
  const isForWords = (element) => desk.isText(element) && element.name !== 'ma';
  const state = (field) => (isForWords(field) ? { field, text: field.value, from: field.selectionStart, to: field.selectionEnd } : null);
  const written = ({ before: { field, text, from, to }, keys }) => {
    // A field that is full has lost the rest. What an input method joined stands only in the field.
    const isFull = field.value.length === field.maxLength;
    return isFull ? keys : field.value.slice(from, field.value.length - (text.length - to));
  };
  document.addEventListener('keydown', (event) => {
    // Of keys that an input method works on the page hears no letter.
    if (event.key.length === 1 || event.key === 'Process') {
      const goesOn = event.timeStamp - burst.last <= BETWEEN;
      if (!goesOn) burst = { count: 0, keys: '', began: event.timeStamp, before: state(event.target) };
      burst.count += 1;
      burst.last = event.timeStamp;
      if (event.key.length === 1) burst.keys += event.key;
    }
    const isEnd = (event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    const isScan = burst.count >= LEAST && event.timeStamp - burst.last <= BETWEEN && burst.last - burst.began <= EACH * burst.count;
    if (!isEnd || !isScan) return;
    const { before } = burst;
    if (event.target === before?.field) {
      const text = written(burst);
      if (!NUMBER.test(text)) return;
      before.field.value = before.text;
      before.field.setSelectionRange(before.from, before.to);
      input.value = text;
      input.dataset.moved = '';
      input.focus({ preventScroll: true });
    } else if (event.target !== input || event.key === 'Enter' || input.value.trim() === '') return;
    event.preventDefault();
    burst.count = 0;
    input.form.requestSubmit();
  }, true);
})();
