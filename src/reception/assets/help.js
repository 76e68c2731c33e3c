// One key opens the manual and closes it again: it follows the link that says so, which is there without script too.
'use strict';
document.addEventListener('keydown', (event) => {
  if (!['F1', 'Escape'].includes(event.key) || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  const link = document.querySelector(`a[aria-keyshortcuts~="${event.key}"]`);
  if (!link) return;
  event.preventDefault();
  if (!event.repeat) link.click();
});
