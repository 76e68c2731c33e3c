// The button that prints; where no script runs, the browser's own menu does.
'use strict';
document.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('[data-print]')) print();
});
