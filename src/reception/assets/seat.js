// Who sits at the desk: one key changes places, and a page that stands on the screen of a desk that was locked is taken off it.
// All of it works without script: the way to change places is a link, and the page leaves by itself.
'use strict';
(() => {
  // Lists to be printed have no bar, and people all the same.
  const isSheet = document.body.matches('.to');
  if (!isSheet && !(document.getElementById('trang-thai') && document.getElementById('nguoi-truc'))) return;
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'F3' || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    location.assign('/dang-nhap');
  });
  const isOpen = () => isSheet || document.getElementById('trang-thai').dataset.phien === 'open';
  // The page's own script puts a new bar in the place of the old one; a page without it asks here.
  new MutationObserver(() => { if (!isOpen()) location.replace('/dang-nhap'); }).observe(document.body, { childList: true });
  if (document.getElementById('o-nhap')) return;
  setInterval(async () => {
    try {
      const answer = await fetch('/trang-thai', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      const status = new DOMParser().parseFromString(await answer.text(), 'text/html').body.firstElementChild;
      if (answer.ok && status.dataset.phien !== 'open') location.replace('/dang-nhap');
    } catch {
      // What does not answer does not lock.
    }
  }, 5000);
})();
