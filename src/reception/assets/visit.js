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
  // Enter in a list is Enter for the form it belongs to.
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.repeat || !(event.target instanceof HTMLSelectElement) || event.target.form?.id !== 'mau-quay') return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
})();
