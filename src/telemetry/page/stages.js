// The stages in the order of a flow's way: what goes through, how long it takes, how full each is.

import { createChart } from './charts.js';
import { byId, el, replace } from './elements.js';
import { toBits, toDuration, toPercent, toShort } from './text.js';

const titles = { collect: 'Collect', decode: 'Decode', enqueue: 'Queue', enrich: 'Enrich', index: 'Index' };
const units = { datagrams: 'datagrams/s', records: 'flows/s', documents: 'documents/s' };

export function showStages({ stages }) {
  replace(byId('stages'), stages.map(toStage));
}

function toStage({ name, unit, rate, latencyMs, saturation, saturationOf }) {
  const latency = {
    enqueue: 'oldest waits',
    decode: 'a datagram takes',
    enrich: 'a batch takes',
    index: 'a batch is written in',
  }[name];
  return el(
    'li',
    { class: 'stage' },
    el('h3', {}, titles[name]),
    el('p', { class: 'rate' }, toShort(rate), ' ', el('small', {}, units[unit])),
    saturation === undefined
      ? undefined
      : el('meter', {
          min: 0,
          max: 1,
          low: 0.7,
          high: 0.9,
          optimum: 0,
          value: saturation,
          'aria-label': `${titles[name]}: share of ${saturationOf}`,
        }),
    saturation === undefined ? undefined : el('p', {}, `${toPercent(saturation)} of ${saturationOf}`),
    latencyMs === undefined
      ? undefined
      : el('p', {}, name === 'enqueue' && latencyMs === 0 ? 'none waits' : `${latency} ${toDuration(latencyMs)}`),
  );
}

const isIn = (part) => part !== 'work';

/** Returns a function that shows the points of the hour. */
export function createCharts(part) {
  const perSecond = (value) => `${toShort(value)}`;
  const flows = createChart({
    title: isIn(part) ? 'Flows per second' : 'Documents per second',
    format: perSecond,
    series: [
      ...(isIn(part) ? [{ name: 'come in', kind: 'series-1', read: ({ rates }) => rates.records }] : []),
      ...(part === 'listen'
        ? []
        : [{ name: 'indexed', kind: isIn(part) ? 'series-2' : 'series-1', read: ({ rates }) => rates.documents }]),
    ],
  });
  const second = isIn(part)
    ? createChart({
        title: 'Received',
        format: (value, isShort) => (isShort ? toShort(value) : toBits(value)),
        series: [{ name: 'bits per second of datagrams', kind: 'series-1', read: ({ rates }) => rates.bits }],
      })
    : createChart({
        title: 'Waiting',
        format: perSecond,
        series: [{ name: 'flows on the queue', kind: 'series-1', read: ({ waiting }) => waiting }],
      });
  const lost = createChart({
    title: 'Lost',
    isBars: true,
    format: (value) => toShort(value),
    series: [
      { name: 'by weir', kind: 'series-bad', read: (point) => point.lost },
      { name: 'before weir', kind: 'series-2', read: (point) => point.lostInNetwork },
    ],
  });
  replace(byId('charts'), flows.figure, second.figure, lost.figure);
  return (points) => {
    flows.show(points);
    second.show(points);
    const total = points.reduce((sum, point) => sum + point.lost + point.lostInNetwork, 0);
    lost.show(points, total === 0 ? 'nothing' : `${toShort(total)} in the hour`);
  };
}
