// The table of exporters: sorted by any column, filtered by what somebody types.

import { toSpark } from './charts.js';
import { byId, el, replace } from './elements.js';
import { protocolNames, toBits, toCounted, toDuration, toPercent, toShort, toThousands } from './text.js';

/** Silent: weir samples every 10 s. */
const silentMs = 90_000;
/** A clock that is off by so much moves flows to the wrong minute. */
const skewMs = 30_000;
const rowsAtFirst = 50;

const columns = [
  { title: 'Exporter', key: 'address', isText: true, value: ({ address }) => address, cell: ({ address }) => address },
  { title: 'Protocol', key: 'protocol', isText: true, value: toProtocols, cell: toProtocols },
  {
    title: 'Flows/s',
    key: 'records',
    value: ({ rates }) => rates.records,
    cell: ({ rates }) => toShort(rates.records),
  },
  {
    title: 'Last hour',
    key: 'hour',
    isText: true,
    value: ({ recordsByMinute }) => recordsByMinute.reduce((sum, records) => sum + records, 0),
    cell: ({ recordsByMinute, address }) =>
      toSpark(
        recordsByMinute.slice(0, -1),
        `Flows of ${address} in each minute of the last hour, at most ${toThousands(Math.max(0, ...recordsByMinute))}`,
      ),
  },
  { title: 'Received', key: 'bits', value: ({ rates }) => rates.bits, cell: ({ rates }) => toBits(rates.bits) },
  {
    title: 'Lost on the way',
    key: 'loss',
    value: ({ loss }) => (loss.isKnown ? (loss.shareOfLastHour ?? 0) : -1),
    cell: toLoss,
  },
  { title: 'Sampling', key: 'sampling', value: ({ sampling }) => sampling?.interval ?? 0, cell: toSampling },
  { title: 'Templates', key: 'templates', value: ({ templates }) => templates?.data ?? -1, cell: toTemplates },
  { title: 'Clock', key: 'clock', value: ({ clockSkewMs }) => Math.abs(clockSkewMs ?? -1), cell: toSkew },
  { title: 'Faults', key: 'faults', value: toFaultCount, cell: toFaults },
  { title: 'Last seen', key: 'seen', value: ({ lastSeenAtMs }) => lastSeenAtMs, cell: toSeen },
];

export function createExporterTable() {
  let sorted = { key: 'records', isDown: true };
  let report;
  let isWhole = false;
  const body = el('tbody');
  const heads = columns.map(({ title, key, isText }) => {
    const arrow = el('span', { class: 'arrow', 'aria-hidden': 'true' });
    const head = el(
      'th',
      { scope: 'col', class: isText ? undefined : 'number' },
      el('button', { type: 'button', onclick: () => sortBy(key, !isText || key === 'hour') }, title, arrow),
    );
    return { head, arrow, key };
  });
  const filter = byId('exporters-filter');
  const more = byId('exporters-more');
  replace(
    byId('exporters-table'),
    el(
      'table',
      {},
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          heads.map(({ head }) => head),
        ),
      ),
      body,
    ),
  );
  filter.addEventListener('input', draw);
  more.addEventListener('click', () => {
    isWhole = true;
    draw();
  });

  function sortBy(key, isDownFirst) {
    sorted = { key, isDown: sorted.key === key ? !sorted.isDown : isDownFirst };
    draw();
  }

  function draw() {
    for (const { head, arrow, key } of heads) {
      const isSorted = key === sorted.key;
      if (isSorted) head.setAttribute('aria-sort', sorted.isDown ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
      arrow.textContent = isSorted ? (sorted.isDown ? '↓' : '↑') : '';
    }
    if (report === undefined) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { value } = columns.find(({ key }) => key === sorted.key);
    const rows = report.exporters.filter((exporter) => {
      const text = toSearched(exporter, report.atMs);
      return words.every((word) => text.includes(word));
    });
    rows.sort((a, b) => (sorted.isDown ? -1 : 1) * compare(value(a), value(b)));
    const shown = isWhole ? rows : rows.slice(0, rowsAtFirst);
    const { exporters, exportersKnown } = report;
    byId('exporters-count').textContent =
      rows.length === exportersKnown
        ? toThousands(rows.length)
        : `${toThousands(rows.length)} of ${toThousands(exportersKnown)}`;
    more.hidden = shown.length === rows.length;
    more.textContent = `Show all ${toThousands(rows.length)}`;
    if (rows.length === 0) {
      const text = exporters.length === 0 ? 'No exporter was heard yet.' : 'None fits the filter.';
      replace(body, el('tr', {}, el('td', { class: 'empty', colspan: columns.length }, text)));
      return;
    }
    replace(body, shown.map(toRow));
  }

  function toRow(exporter) {
    const isSilent = report.atMs - exporter.lastSeenAtMs > silentMs;
    return el(
      'tr',
      { class: isSilent ? 'silent' : undefined },
      columns.map(({ cell, isText, key }) =>
        el(
          key === 'address' ? 'th' : 'td',
          { class: isText ? undefined : 'number', scope: key === 'address' ? 'row' : undefined },
          cell(exporter, report.atMs),
        ),
      ),
    );
  }

  return (next) => {
    report = next;
    draw();
  };
}

function toSearched(exporter, atMs) {
  const words = [exporter.address, toProtocols(exporter), ...Object.keys(exporter.faults)];
  if ((exporter.loss.shareOfLastHour ?? 0) > 0) words.push('lost');
  if (exporter.sampling?.source === 'none') words.push('unsampled');
  if (atMs - exporter.lastSeenAtMs > silentMs) words.push('silent');
  return words.join(' ').toLowerCase();
}

function toProtocols({ protocols }) {
  return protocols.map((protocol) => protocolNames[protocol] ?? protocol).join(', ') || '–';
}

function toLoss({ loss }) {
  if (!loss.isKnown) return el('span', { class: 'is-warn', title: 'Its sequence numbers make no sense' }, 'not known');
  const { shareOfLastHour: share, lastHour, unit } = loss;
  if (share === undefined) return '–';
  if (lastHour === 0) return '0 %';
  return el(
    'span',
    {
      class: share >= 0.01 ? 'is-bad' : 'is-warn',
      title: `${toCounted(lastHour, unit.slice(0, -1))} in the last hour`,
    },
    toPercent(share),
  );
}

const sources = { exporter: 'its flows', options: 'its options', override: 'pipeline file', default: 'pipeline file' };

function toSampling({ sampling }) {
  if (sampling === undefined) return '–';
  if (sampling.interval === undefined) return el('span', { class: 'quiet' }, 'not told');
  const text = sampling.interval === 1 ? 'none' : `1 : ${toThousands(sampling.interval)}`;
  return [text, ' ', el('span', { class: 'quiet' }, `(${sources[sampling.source]})`)];
}

function toTemplates({ templates }) {
  if (templates === undefined) return '–';
  const { data, options, names } = templates;
  const title = `${toCounted(data, 'template')}, ${toCounted(options, 'options template')}, ${toCounted(names, 'name')} taught`;
  return el('span', { title }, options > 0 ? `${data} + ${options}` : `${data}`);
}

function toSkew({ clockSkewMs: skew }) {
  if (skew === undefined) return '–';
  // Headers in whole seconds, and the way here: less is nothing.
  if (Math.abs(skew) < 2000) return 'right';
  const text = `${toDuration(skew)} ${skew > 0 ? 'ahead' : 'behind'}`;
  return Math.abs(skew) >= skewMs ? el('span', { class: 'is-warn' }, text) : text;
}

/** A template that comes later is no fault of the exporter. */
function toFaultCount({ faults }) {
  return Object.entries(faults).reduce((sum, [code, count]) => (code === 'template-missing' ? sum : sum + count), 0);
}

function toFaults(exporter) {
  const count = toFaultCount(exporter);
  if (count === 0) return '0';
  const title = Object.entries(exporter.faults)
    .map(([code, times]) => `${code}: ${toThousands(times)}`)
    .join(', ');
  return el('span', { class: 'is-warn', title }, toShort(count));
}

function toSeen({ lastSeenAtMs }, atMs) {
  const ageMs = Math.max(0, atMs - lastSeenAtMs);
  return ageMs < 10_000 ? 'now' : `${toDuration(ageMs)} ago`;
}

function compare(a, b) {
  return typeof a === 'string' ? a.localeCompare(b, 'en', { numeric: true }) : a - b;
}
