document.activeElement.blur();
getSelection().removeAllRanges();
const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')];
const isChosen = (radio) => {
  const group = [...document.getElementsByName(radio.name)].filter((other) => other.form === radio.form);
  return radio === (group.find((other) => other.checked) ?? group[0]);
};
const reached = all.filter((element) => element.checkVisibility({ visibilityProperty: true })
  && element.type !== 'hidden' && !element.disabled && element.tabIndex >= 0
  && (element.type !== 'radio' || isChosen(element)));
for (const element of document.querySelectorAll('[data-tab]')) delete element.dataset.tab;
reached.forEach((element, index) => { element.dataset.tab = String(index); });
// Tab goes on from here: from the top of the page.
document.body.tabIndex = -1;
document.body.focus();
document.body.removeAttribute('tabindex');
return reached.length;
