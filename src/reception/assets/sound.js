// Lets somebody who looks elsewhere hear that an answer has come: rising where the card is in force and the person's own, falling where a look is needed.
// Off until it is wanted, kept by this browser, and never the only thing that tells.
'use strict';
(() => {
  const KEPT = 'bhyt-am-thanh';
  const ANSWERS = '#ket-qua, #ung-vien, #loi';
  const IN_FORCE = [660, 880];
  const LOOK = [330, 220];
  const EACH = 0.12;
  const root = document.documentElement;
  // A browser may keep nothing; then it is off again on the next page.
  const kept = () => { try { return localStorage.getItem(KEPT); } catch { return null; } };
  const keep = (state) => { try { localStorage.setItem(KEPT, state); } catch { /* as above */ } };
  root.dataset.amThanh = kept() === 'on' ? 'on' : 'off';

  let context = null;
  const play = (tones) => {
    // Browsers keep a page silent that nobody has touched.
    if (!navigator.userActivation?.hasBeenActive) return;
    context ??= new AudioContext();
    context.resume();
    tones.forEach((frequency, index) => {
      const begin = context.currentTime + index * EACH;
      const [tone, volume] = [context.createOscillator(), context.createGain()];
      tone.frequency.value = frequency;
      // Rises and falls softly: a tone that is cut off cracks.
      volume.gain.setValueAtTime(0, begin);
      volume.gain.linearRampToValueAtTime(0.2, begin + 0.01);
      volume.gain.linearRampToValueAtTime(0, begin + EACH);
      tone.connect(volume).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + EACH);
    });
  };

  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element && event.target.closest('#am-thanh'))) return;
    root.dataset.amThanh = root.dataset.amThanh === 'on' ? 'off' : 'on';
    keep(root.dataset.amThanh);
    if (root.dataset.amThanh === 'on') play(IN_FORCE);
  });
  new MutationObserver((changes) => {
    const added = changes.flatMap((change) => [...change.addedNodes]);
    const isAnswer = (node) => node instanceof Element && (node.matches(ANSWERS) || node.querySelector(ANSWERS) !== null);
    if (root.dataset.amThanh !== 'on' || !added.some(isAnswer)) return;
    const result = document.querySelector('#ket-qua[data-class="in_force"]:not(.khac)');
    play(result && !document.getElementById('loi') ? IN_FORCE : LOOK);
  }).observe(document.body, { childList: true, subtree: true });
})();
