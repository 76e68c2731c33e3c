const channels = (colour) => {
  const [red, green, blue, alpha = 1] = (colour.match(/[\d.]+/g) ?? ['0', '0', '0', '0']).map(Number);
  return { red, green, blue, alpha };
};
const ground = (start) => {
  for (let at = start; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.alpha === 1) return colour;
  }
  return channels('rgb(255, 255, 255)');
};
const light = ({ red, green, blue }) => {
  const shares = [red, green, blue].map((value) => value / 255);
  const [r, g, b] = shares.map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, other) => {
  const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
