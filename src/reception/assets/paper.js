// Opens the browser's own print window for a paper that was asked for; without script Ctrl+P does the same.
'use strict';
(() => {
  if (!document.querySelector('#to-giay[data-print]')) return;
  const button = document.getElementById('in-ngay');
  button.hidden = false;
  button.addEventListener('click', () => print());
  // The next scan goes where scans go.
  addEventListener('afterprint', () => document.getElementById('o-nhap').focus());
  addEventListener('load', () => setTimeout(() => print(), 100), { once: true });
})();
