// Who talks most, and documents as they go by.

import { askJson, createPoll } from './ask.js';
import { byId, el, replace, svg } from './elements.js';
import { toBits, toBytes, toPercent, toShort, toThousands } from './text.js';

export function showTalkers({ talkers, weir, rates }) {
  const note = byId('talkers-note');
  const table = byId('talkers-table');
  if (talkers === undefined) {
    note.textContent = 'a listener makes no documents: look at the page of a weir work';
    replace(table);
    table.hidden = true;
    return;
  }
  table.hidden = false;
  const { looked, documents, overMs, pairs } = talkers;
  const share = documents === 0 ? 1 : looked / documents;
  note.textContent =
    share >= 0.999
      ? `the last ${overMs / 60_000} minutes, every flow`
      : `the last ${overMs / 60_000} minutes, estimated from ${toPercent(share)} of the flows (${toThousands(looked)})`;
  const most = pairs[0]?.bytes || 1;
  const head = ['Source', 'Destination', 'Service', 'Bytes', '', 'Mean', 'Flows'];
  const rows = pairs
    .slice(0, 15)
    .map(({ source, sourceName, destination, destinationName, service, bytes, flows }) =>
      el(
        'tr',
        {},
        el('td', {}, ...toEnd(source, sourceName)),
        el('td', {}, ...toEnd(destination, destinationName)),
        el('td', {}, service ?? '–'),
        el('td', { class: 'number' }, toBytes(bytes)),
        el(
          'td',
          {},
          svg(
            'svg',
            { class: 'share', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
            svg('rect', { width: (100 * bytes) / most, height: 8, rx: 1 }),
          ),
        ),
        el('td', { class: 'number' }, toBits((8000 * bytes) / overMs)),
        el('td', { class: 'number' }, toShort(flows)),
      ),
    );
  const empty = `No flow in this time${weir.part === 'work' && rates.documents === 0 ? ': nothing comes from the queue' : ''}.`;
  replace(
    table,
    el(
      'table',
      {},
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          head.map((title, index) =>
            title === '' ? el('td') : el('th', { scope: 'col', class: index >= 3 ? 'number' : undefined }, title),
          ),
        ),
      ),
      el('tbody', {}, rows.length > 0 ? rows : el('tr', {}, el('td', { class: 'empty', colspan: head.length }, empty))),
    ),
  );
}

function toEnd(address, name) {
  return name === undefined ? [address] : [name, ' ', el('span', { class: 'quiet' }, address)];
}

const shownDocuments = 100;

export function startTail() {
  const form = byId('tail-form');
  const input = byId('tail-filter');
  const toggle = byId('tail-toggle');
  const list = byId('tail-list');
  const state = byId('tail-state');
  let filter;
  let after = 0;

  async function turn() {
    if (filter === undefined) return;
    const asked = filter;
    try {
      const page = await askJson(`/api/tail?${new URLSearchParams({ filter: asked, after: String(after) })}`);
      if (asked !== filter) return;
      after = page.next;
      list.prepend(...page.documents.toReversed().map(toLine));
      while (list.children.length > shownDocuments) list.lastElementChild.remove();
      state.textContent =
        page.tried === 0
          ? 'Waiting for the first document.'
          : `${toThousands(page.matched)} of ${toThousands(page.tried)} that were tried fit; at most 20 a second are shown.`;
    } catch (error) {
      if (asked === filter) state.textContent = `Nothing to show: ${error.message}`;
    }
  }

  const poll = createPoll(() => 1000, turn);

  function watch(next) {
    filter = next;
    after = 0;
    toggle.textContent = next === undefined ? 'Watch' : 'Stop';
    if (next === undefined) {
      state.textContent = list.children.length > 0 ? 'Stopped.' : '';
      return;
    }
    replace(list);
    state.textContent = 'Waiting for the first document.';
    void poll.now();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    watch(filter === undefined ? input.value.trim() : undefined);
  });
  let typing;
  input.addEventListener('input', () => {
    clearTimeout(typing);
    if (filter === undefined) return;
    typing = setTimeout(() => watch(input.value.trim()), 400);
  });
}

function toLine(text) {
  const found = JSON.parse(text);
  const flow = found.flow ?? {};
  const ends = `${toPlace(flow, 'src')} → ${toPlace(flow, 'dst')}`;
  const about = [
    flow.service_name ?? flow.ip_protocol,
    flow.bytes === undefined ? undefined : toBytes(Number(flow.bytes)),
  ];
  const names = [flow.input_ifname, flow.output_ifname].filter(Boolean).join(' → ');
  const pre = el('pre', { tabindex: 0 });
  const details = el(
    'details',
    {
      ontoggle: () => {
        if (details.open && pre.textContent === '') pre.textContent = JSON.stringify(found, undefined, 2);
      },
    },
    el(
      'summary',
      {},
      el('span', { class: 'time' }, String(found['@timestamp'] ?? '').slice(11, 19)),
      ends,
      el('span', { class: 'quiet' }, [...about, names, `by ${found.node?.ipaddr ?? '?'}`].filter(Boolean).join(' · ')),
    ),
    pre,
  );
  return el('li', {}, details);
}

function toPlace(flow, side) {
  const address = String(flow[`${side}_addr`] ?? '?');
  const port = flow[`${side}_port`];
  const host = address.includes(':') ? `[${address}]` : address;
  return port === undefined ? address : `${host}:${port}`;
}
