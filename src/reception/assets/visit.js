// Keys that neither a reader nor an input method sends: each presses a button that is there without script too.
'use strict';
(() => {
  const press = (id) => {
    const button = document.getElementById(id);
    if (button) button.click();
    return Boolean(button);
  };
  const options = () => {
    const details = document.getElementById('tuy-chon');
    if (!details) return false;
    details.open = true;
    details.querySelector('select').focus();
    return true;
  };
  const keys = { F2: () => press('cap-cuu'), F4: () => press('lay-so'), F8: () => press('in-phieu'), F9: options };
  document.addEventListener('keydown', (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!event.repeat) action();
  });
  // The rate on the page is that of the category that stands chosen: an Enter saves what is seen.
  const rate = () => {
    const shown = document.getElementById('muc-huong');
    const chosen = document.querySelector('#lua-chon [name=doi_tuong]')?.selectedOptions[0]?.dataset.rate;
    if (!shown || chosen === undefined) return;
    shown.dataset.rate = chosen;
    shown.querySelector('b').textContent = chosen + '%';
  };
  document.addEventListener('improved', rate);
  document.addEventListener('change', (event) => { if (event.target instanceof Element && event.target.matches('#lua-chon [name=doi_tuong]')) rate(); });
  // Enter in a list is Enter for the form it belongs to.
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.repeat || !(event.target instanceof HTMLSelectElement) || event.target.form?.id !== 'mau-quay') return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
})();
