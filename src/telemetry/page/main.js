// Asks weir for its state every few seconds while the page is seen, and shows it.

import { ask, askJson, createPoll } from './ask.js';
import { byId } from './elements.js';
import { createExporterTable } from './exporters.js';
import { showTalkers, startTail } from './live.js';
import { showNoAnswer, showOverview } from './overview.js';
import { createCharts, showStages } from './stages.js';
import { toClock } from './text.js';

const reportEveryMs = 5000;
/** A report of a thousand exporters is half a megabyte. */
const largeReportEveryMs = 15_000;
const largeReport = 200;
const historyEveryMs = 10_000;

let showHistory;
let points = [];
let isLarge = false;
let answeredAtMs = Date.now();
const showExporters = createExporterTable();

async function report() {
  const fresh = byId('fresh');
  try {
    const next = await askJson('/api/status');
    answeredAtMs = Date.now();
    isLarge = next.exporters.length > largeReport;
    showOverview(next);
    showStages(next);
    showExporters(next);
    showTalkers(next);
    if (showHistory === undefined) {
      showHistory = createCharts(next.weir.part);
      showHistory(points);
    }
    fresh.textContent = `as of ${toClock(next.atMs)}`;
    fresh.classList.remove('stale');
    document.body.dataset.state = 'shown';
  } catch (error) {
    showNoAnswer(error.message, answeredAtMs);
    fresh.textContent = `as of ${toClock(answeredAtMs)}: no answer since`;
    fresh.classList.add('stale');
  }
}

async function history() {
  try {
    ({ points } = await askJson('/api/history'));
    byId('flow-note').textContent = points.length < 2 ? 'the first minute: charts begin soon' : 'the last hour';
    showHistory?.(points);
  } catch {
    // `report` says so.
  }
}

async function configuration() {
  const text = byId('configuration-text');
  try {
    text.textContent = await (await ask('/api/config')).text();
  } catch (error) {
    text.textContent = `no answer: ${error.message}`;
  }
}

byId('configuration-details').addEventListener('toggle', ({ target }) => {
  if (target.open) void configuration();
});
startTail();
void createPoll(() => (isLarge ? largeReportEveryMs : reportEveryMs), report).now();
void createPoll(() => historyEveryMs, history).now();
