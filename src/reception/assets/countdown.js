// Counts what is left until the data get worse. The hour itself stands in the words and is right without this; what is left is counted from what the
// server said, because the clock of whoever looks may be another one.
'use strict';
(() => {
  const begun = new WeakMap();
  const pad = (number) => String(number).padStart(2, '0');
  const tick = () => {
    for (const line of document.querySelectorAll('[data-left]')) {
      if (!begun.has(line)) begun.set(line, performance.now());
      const left = Math.floor(Number(line.dataset.left) - (performance.now() - begun.get(line)) / 1000);
      const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
      if (left <= 0) {
        if (line.textContent !== line.dataset.over) line.textContent = line.dataset.over;
      } else {
        const shown = line.querySelector('span');
        if (shown) shown.textContent = `(${hours}:${pad(minutes)}:${pad(seconds)})`;
      }
    }
  };
  setInterval(tick, 1000);
  tick();
})();
