// Draws what a model does: one line of what is happening, the loss, where the
// routing goes, and what the rows kept aside say.

const svg = 'http://www.w3.org/2000/svg';

function make(tag, attributes = {}, ...children) {
  const e = tag === 'svg' || tag === 'polyline' ? document.createElementNS(svg, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

/** Puts the panel into el; what it gives draws state anew. */
export function draw(el, state, stop) {
  const status = make('p', { role: 'status', 'data-testid': 'handful-status' });
  const fault = make('p', { role: 'alert', class: 'fault', 'data-testid': 'handful-fault' });
  const button = make('button', { type: 'button' }, 'Stop');
  button.onclick = stop;
  const line = make('polyline', { fill: 'none', stroke: 'currentColor', 'stroke-width': '1.5', 'vector-effect': 'non-scaling-stroke' });
  const chart = make('svg', { role: 'img', viewBox: '0 0 100 40', preserveAspectRatio: 'none', 'data-testid': 'handful-loss' }, line);
  const map = make('canvas', { role: 'img', 'data-testid': 'handful-routing' });
  const pictures = make('div', { class: 'pictures' }, figure('loss', chart), figure('routing: skills × layers', map));
  const table = make('table', { 'data-testid': 'handful-scores' });
  el.replaceChildren(make('div', { class: 'handful' }, make('div', { class: 'line' }, status, button), fault, pictures, table));

  const show = () => {
    status.textContent = state.status;
    fault.textContent = state.fault ?? '';
    button.hidden = !state.running;
    const { losses = [], routing, scores } = state;
    chart.parentNode.hidden = losses.length < 2;
    line.setAttribute('points', curve(losses, state.steps));
    chart.setAttribute('aria-label', losses.length ? `loss from ${losses[0].toFixed(3)} to ${losses.at(-1).toFixed(3)} in ${losses.length} steps` : 'no loss yet');
    map.parentNode.hidden = !routing?.w?.length;
    if (routing?.w?.length) paint(map, routing.w);
    table.replaceChildren(...rows(scores ?? []));
  };
  show();
  return show;
}

const figure = (caption, picture) => make('figure', {}, picture, make('figcaption', {}, caption));

/** Points of the losses in a box of 100 × 40. */
function curve(losses, steps) {
  const low = Math.min(...losses);
  const span = Math.max(...losses) - low || 1;
  const last = Math.max(steps ?? 0, losses.length) - 1 || 1;
  return losses.map((loss, i) => `${((100 * i) / last).toFixed(2)},${(38 - (36 * (loss - low)) / span).toFixed(2)}`).join(' ');
}

/** A column for each site, a row for each skill: its weight, the mean of the heads, against an even one. */
function paint(map, w) {
  const skills = w[0][0].length;
  map.width = w.length;
  map.height = skills;
  const ink = map.getContext('2d');
  const total = new Array(skills).fill(0);
  w.forEach((heads, x) => {
    for (let y = 0; y < skills; y++) {
      const mean = heads.reduce((sum, head) => sum + head[y], 0) / heads.length;
      total[y] += mean / w.length;
      ink.fillStyle = `hsl(215 80% ${Math.round(100 - 55 * Math.min(1, (mean * skills) / 2))}%)`;
      ink.fillRect(x, y, 1, 1);
    }
  });
  const best = total.indexOf(Math.max(...total));
  map.setAttribute('aria-label', `weights of ${skills} skills in ${w.length} linear layers; most goes to skill ${best + 1}, ${(100 * total[best]).toFixed(0)} %`);
}

function rows(scores) {
  if (!scores.length) return [];
  const cells = (tag, ...texts) => make('tr', {}, ...texts.map((t) => make(tag, {}, t)));
  const percent = (x) => `${(100 * x).toFixed(0)} %`;
  return [cells('th', `on ${scores[0].n} rows kept aside`, 'right', 'loss'), ...scores.map((s) => cells('td', s.name, percent(s.accuracy), s.loss.toFixed(3)))];
}
