// The disk has answered; the province may know better. Each answer has a token of its own: an Enter saves what is on the page.
'use strict';
(() => {
  const form = document.getElementById('mau-quay');
  if (!form) return;
  const LONGEST = 15000;
  let asked = 0;
  let timer;
  const later = (wait) => { clearTimeout(timer); timer = setTimeout(improve, wait); };
  const improve = async () => {
    const token = form.elements.luot;
    const waits = () => form.isConnected && token.isConnected && !form.hasAttribute('aria-busy') && document.getElementById('hoi-tinh');
    if (!token || !waits() || performance.now() - asked > LONGEST) return;
    const fields = { bieu_mau: form.elements.bieu_mau.value, luot: token.value, phan: '1' };
    try {
      const improved = await desk.part('/tra-cuu/moi', desk.sending(fields));
      const open = waits();
      if (!open) return;
      const result = improved.firstElementChild;
      if (improved.dataset.luot === token.value) {
        open.replaceWith(result.querySelector('#hoi-tinh') || '');
      } else {
        token.value = improved.dataset.luot;
        document.getElementById('ket-qua').replaceWith(result);
        result.classList.add('vua-moi');
        // What fits the better answer; what was chosen stays where it fits still.
        const [held, fresh] = [document.querySelector('#lua-chon [name=doi_tuong]'), improved.querySelector('[name=doi_tuong]')];
        if ([...fresh.options].some((option) => option.value === held.value)) fresh.value = held.value;
        const isHeld = document.activeElement === held;
        held.replaceWith(fresh);
        if (isHeld) fresh.focus({ preventScroll: true });
        const said = document.getElementById('bao-tinh');
        said.textContent = said.dataset.words;
        document.dispatchEvent(new Event('improved'));
      }
    } catch {
      // The bar says what is the matter, and the answer of the disk stays.
    }
    later(1000);
  };
  const begin = () => {
    asked = performance.now();
    later(300);
  };
  document.addEventListener('answered', begin);
  begin();
})();
