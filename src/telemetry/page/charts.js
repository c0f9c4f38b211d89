// Small charts of the last hour, as SVG: lines, or bars of what was lost. A pointer, or the arrow keys, read the values of a moment.

import { el, replace, svg } from './elements.js';
import { toClock } from './text.js';

const height = 150;
const edge = { top: 8, right: 4, bottom: 18, left: 44 };
const hourMs = 3_600_000;
/** Of a weir that was just started the axis is shorter. */
const shortestMs = 600_000;

/** `series`: `{ name, kind, read(point) }`; `format`: of a value; `isBars`: bars that stand on each other. */
export function createChart({ title, series, format, isBars = false }) {
  const now = el('span', { class: 'now' });
  const legend = el('span', { class: 'legend' });
  const picture = svg('svg', { tabindex: 0, role: 'img' });
  const figure = el('figure', { class: 'chart' }, el('figcaption', {}, el('h3', {}, title), now, legend), picture);
  let points = [];
  let chosen;
  let spanMs = hourMs;

  function draw() {
    const width = picture.clientWidth || 400;
    const toMs = points.at(-1)?.atMs ?? 0;
    spanMs = Math.min(hourMs, Math.max(shortestMs, toMs - (points[0]?.atMs ?? 0)));
    const left = (atMs) => edge.left + ((atMs - (toMs - spanMs)) / spanMs) * (width - edge.left - edge.right);
    const values = points.map((point) => series.map(({ read }) => Math.max(0, read(point))));
    const peak = Math.max(0, ...values.map((each) => (isBars ? sum(each) : Math.max(...each))));
    const top = niceTop(peak);
    const down = (value) => height - edge.bottom - (value / top) * (height - edge.top - edge.bottom);
    picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
    replace(
      picture,
      [0, 0.5, 1].map((part) =>
        svg('line', {
          class: part === 0 ? 'base' : 'grid',
          x1: edge.left,
          x2: width - edge.right,
          y1: down(part * top),
          y2: down(part * top),
        }),
      ),
      [0, 0.5, 1].map((part) =>
        svg('text', { x: edge.left - 6, y: down(part * top) + 4, 'text-anchor': 'end' }, format(part * top, true)),
      ),
      [1, 0.5].map((part) =>
        svg(
          'text',
          { x: left(toMs - part * spanMs), y: height - 4, 'text-anchor': part === 1 ? 'start' : 'middle' },
          `−${Math.round((part * spanMs) / 60_000)} min`,
        ),
      ),
      svg('text', { x: width - edge.right, y: height - 4, 'text-anchor': 'end' }, 'now'),
      isBars ? bars(values, left, down, width) : lines(values, left, down),
      chosen !== undefined && points[chosen] !== undefined
        ? svg('line', {
            class: 'cross',
            x1: left(points[chosen].atMs),
            x2: left(points[chosen].atMs),
            y1: edge.top,
            y2: height - edge.bottom,
          })
        : undefined,
    );
    const most = format(peak);
    picture.setAttribute(
      'aria-label',
      `${title}, the last hour: now ${nowText()}, at most ${most}. Arrow keys read values.`,
    );
    drawLegend(values);
  }

  function lines(values, left, down) {
    return series.flatMap(({ kind }, index) => {
      const path = points
        .map(({ atMs }, at) => `${at === 0 ? 'M' : 'L'}${left(atMs).toFixed(1)} ${down(values[at][index]).toFixed(1)}`)
        .join('');
      if (path === '') return [];
      const area = `${path}L${left(points.at(-1).atMs).toFixed(1)} ${down(0)}L${left(points[0].atMs).toFixed(1)} ${down(0)}Z`;
      return [
        index === 0 ? svg('path', { class: `area ${kind}`, d: area }) : undefined,
        svg('path', { class: `line ${kind}`, d: path }),
      ];
    });
  }

  function bars(values, left, down, width) {
    const bar = Math.max(1.5, (width - edge.left - edge.right) / 360 - 0.5);
    return points.flatMap(({ atMs }, at) => {
      let below = 0;
      return series.map(({ kind }, index) => {
        const value = values[at][index];
        if (value === 0) return undefined;
        const y = Math.min(down(below + value), down(below) - 2);
        const rect = svg('rect', {
          class: `bar-lost ${kind}`,
          x: left(atMs) - bar,
          y,
          width: bar,
          height: down(below) - y,
        });
        below += value;
        return rect;
      });
    });
  }

  function nowText() {
    const last = points.at(-1);
    return last === undefined ? '–' : format(series[0].read(last));
  }

  function drawLegend(values) {
    const at = chosen ?? points.length - 1;
    const shown = values[at];
    now.textContent = chosen === undefined ? (figure.nowText ?? nowText()) : format(shown?.[0] ?? 0);
    replace(
      legend,
      series.map(({ name, kind }, index) =>
        el('span', { class: `key ${kind}` }, chosen === undefined ? name : `${name} ${format(shown?.[index] ?? 0)}`),
      ),
      chosen === undefined ? undefined : ` at ${toClock(points[at]?.atMs ?? 0)}`,
    );
  }

  function choose(index) {
    chosen = index;
    draw();
  }

  picture.addEventListener('pointermove', ({ clientX }) => {
    const box = picture.getBoundingClientRect();
    const part = (clientX - box.left - edge.left) / (box.width - edge.left - edge.right);
    const atMs = (points.at(-1)?.atMs ?? 0) - spanMs * (1 - part);
    let best = 0;
    points.forEach((point, index) => {
      if (Math.abs(point.atMs - atMs) < Math.abs(points[best].atMs - atMs)) best = index;
    });
    choose(points.length === 0 ? undefined : best);
  });
  picture.addEventListener('pointerleave', () => choose(undefined));
  picture.addEventListener('blur', () => choose(undefined));
  picture.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    choose(Math.min(points.length - 1, Math.max(0, (chosen ?? points.length) + step)));
  });
  new ResizeObserver(draw).observe(picture);

  return {
    figure,
    /** `text`: in place of the last point's value. */
    show(next, text) {
      // The place that was chosen stays the same moment.
      const atMs = points[chosen]?.atMs;
      points = next;
      if (chosen !== undefined)
        chosen = Math.max(
          0,
          points.findIndex((point) => point.atMs === atMs),
        );
      figure.nowText = text;
      draw();
    },
  };
}

/** A line without axes: how it went, at a glance. */
export function toSpark(values, label) {
  const top = Math.max(1, ...values);
  const step = 118 / 59;
  const start = 119 - (values.length - 1) * step;
  const path = values
    .map(
      (value, index) =>
        `${index === 0 ? 'M' : 'L'}${(start + index * step).toFixed(1)} ${(20 - (value / top) * 18).toFixed(1)}`,
    )
    .join('');
  return svg(
    'svg',
    { class: 'spark', viewBox: '0 0 120 22', role: 'img', 'aria-label': label },
    svg('path', { class: 'line', d: path || 'M1 20' }),
  );
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** 1, 2, 5, 10, 20 …: the first that is not less. */
function niceTop(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value * 0.999);
}
