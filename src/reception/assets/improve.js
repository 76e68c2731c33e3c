// The disk has answered; the province may know better, and another desk may save the same person meanwhile. Each answer has a token of its own: an Enter saves
// what is on the page.
'use strict';
(() => {
  const form = document.getElementById('mau-quay');
  if (!form) return;
  const LONGEST = 15000;
  let asked = 0;
  let timer;
  const later = (wait) => { clearTimeout(timer); timer = setTimeout(improve, wait); };
  const question = () => document.getElementById('hoi-tinh');
  const isIdle = () => form.isConnected && !form.hasAttribute('aria-busy');
  const judge = async () => {
    const token = form.elements.luot;
    const isShown = () => token.isConnected && isIdle() && document.getElementById('ket-qua');
    const fields = { bieu_mau: form.elements.bieu_mau.value, luot: token.value, phan: '1' };
    const improved = await desk.part('/tra-cuu/moi', desk.sending(fields));
    const open = isShown();
    if (!open) return;
    const result = improved.firstElementChild;
    const answer = result.querySelector('#hoi-tinh');
    if (improved.dataset.luot === token.value) {
      question()?.replaceWith(answer || '');
      return;
    }
    const isAnswered = question() && !answer;
    token.value = improved.dataset.luot;
    open.replaceWith(result);
    result.classList.add('vua-moi');
    // What fits the better answer; what was chosen stays where it fits still.
    const [held, fresh] = [document.querySelector('#lua-chon [name=doi_tuong]'), improved.querySelector('[name=doi_tuong]')];
    if ([...fresh.options].some((option) => option.value === held.value)) fresh.value = held.value;
    const isHeld = document.activeElement === held;
    held.replaceWith(fresh);
    if (isHeld) fresh.focus({ preventScroll: true });
    // What else is new is an alert, and tells itself.
    const said = document.getElementById('bao-tinh');
    if (isAnswered) said.textContent = said.dataset.words;
    document.dispatchEvent(new Event('improved'));
  };
  // One question at a time; what changes meanwhile is asked for after it.
  let asking = false;
  let again = false;
  const ask = async () => {
    again = asking;
    if (asking) return;
    asking = true;
    try {
      if (form.elements.luot && document.getElementById('ket-qua') && isIdle()) await judge();
    } catch {
      // The bar says what is the matter, and the answer of the disk stays.
    }
    asking = false;
    if (again) ask();
  };
  const improve = async () => {
    if (!question() || !isIdle() || performance.now() - asked > LONGEST) return;
    await ask();
    later(1000);
  };
  const begin = () => {
    asked = performance.now();
    later(300);
  };
  document.addEventListener('answered', begin);
  document.addEventListener('changed', ask);
  begin();
})();
