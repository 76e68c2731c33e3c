const done = arguments[arguments.length - 1];
const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const tell = (kind) => (rule) => rule.nodes.map((node) => {
  const why = [...node.any, ...node.all, ...node.none].map((check) => check.message).join('; ');
  return { text: `${kind}${rule.id}: ${why}: ${node.html.slice(0, 160)}`, element: document.querySelector(node.target[0]) };
});
// What stands in a drawing is not decided by axe-core; it has one colour on the plain ground of the figure around it.
const isPlain = ({ element }) => element instanceof SVGTextElement
  && contrast(channels(getComputedStyle(element).fill), ground(element.closest('figure'))) >= 4.5;
axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations', 'incomplete'] }).then(
  (found) => done([
    ...found.violations.flatMap(tell('')),
    ...found.incomplete.filter((rule) => rule.id === 'color-contrast').flatMap(tell('undecided ')).filter((one) => !isPlain(one)),
  ].map(({ text }) => text)),
  (error) => done([`axe-core: ${error}`]),
);
