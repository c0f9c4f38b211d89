// What somebody at three in the morning wants to know first: does it work, is anything lost, what is to be done.

import { byId, createMemo, el, replace } from './elements.js';
import { toBits, toCounted, toDuration, toPercent, toShort, toThousands } from './text.js';

/** A worker's documents are late by the age of the batch that waits longest. */
const lateMs = 10_000;

export function showOverview(report) {
  replace(byId('answers'), toAnswers(report).map(toAnswer));
  showFindings(report.warnings);
  showWho(report);
  showFacts(report);
}

export function showNoAnswer(reason, sinceMs) {
  replace(
    byId('answers'),
    toAnswer({
      question: 'Does it work?',
      tone: 'bad',
      word: 'weir does not answer',
      text: `Since ${toDuration(Date.now() - sinceMs)}: ${reason}. What stands below is as it was then. Look at its log: it may have been stopped.`,
    }),
  );
}

function toAnswers(report) {
  return [doesItWork(report), isAnythingLost(report), whatToDo(report)];
}

function doesItWork({ weir, rates, exportersKnown, index, queue, queueIsAway, atMs, listening }) {
  const question = 'Does it work?';
  const behindMs = queue?.oldestAtMs === undefined ? 0 : Math.max(0, atMs - queue.oldestAtMs);
  const behind = behindMs > lateMs ? `, ${toDuration(behindMs)} behind` : '';
  if (queueIsAway)
    return { question, tone: 'bad', word: 'Redis is away', text: 'Flows wait: on disk here, or with the listeners.' };
  if (index?.trouble !== undefined)
    return {
      question,
      tone: 'bad',
      word: 'Flows wait',
      text: `${index.trouble}. ${toCounted(queue?.records ?? 0, 'flow')} on the queue.`,
    };
  if (weir.part === 'work') {
    const word = rates.documents > 0 ? 'Working' : 'Ready';
    return {
      question,
      tone: behind ? 'warn' : 'good',
      word,
      text: `${toShort(rates.documents)} documents/s are indexed${behind}.`,
    };
  }
  if (exportersKnown === 0)
    return {
      question,
      tone: 'warn',
      word: 'Nothing comes',
      text: `No exporter was heard yet${listening.length > 0 ? ` on ${listening.join(', ')}` : ''}.`,
    };
  const goes =
    weir.part === 'listen'
      ? 'go onto the queue'
      : `come in, ${toShort(rates.documents)} documents/s are indexed${behind}`;
  return {
    question,
    tone: behind ? 'warn' : 'good',
    word: 'Working',
    text: `${toShort(rates.records)} flows/s ${goes}.`,
  };
}

function isAnythingLost({ losses, exporters }) {
  const question = 'Is anything lost?';
  const kept = ['quarantine', 'deadLetters'];
  const lost = losses.filter(({ lastHour, place }) => lastHour > 0 && !kept.includes(place));
  const ours = lost.filter(({ isInNetwork }) => !isInNetwork);
  const text = lost.map(({ what, lastHour }) => `${toThousands(lastHour)} ${what}`).join(', ');
  if (ours.length > 0) return { question, tone: 'bad', word: 'Yes', text: `In the last hour: ${text}.` };
  if (lost.length > 0) {
    const worst = exporters.toSorted((a, b) => (b.loss.shareOfLastHour ?? 0) - (a.loss.shareOfLastHour ?? 0))[0];
    const most =
      worst?.loss.shareOfLastHour > 0 ? `; most from ${worst.address}: ${toPercent(worst.loss.shareOfLastHour)}` : '';
    return { question, tone: 'warn', word: 'Before weir', text: `In the last hour: ${text}${most}.` };
  }
  const setAside = losses.filter(({ lastHour, place }) => lastHour > 0 && kept.includes(place));
  const aside = setAside.map(({ what, lastHour }) => `${toThousands(lastHour)} ${what}`).join(', ');
  if (aside !== '')
    return {
      question,
      tone: 'warn',
      word: 'Nothing, some set aside',
      text: `In the last hour: ${aside}; they are kept.`,
    };
  const unknown = exporters.filter(({ loss }) => !loss.isKnown).length;
  return {
    question,
    tone: 'good',
    word: 'Nothing',
    text: `in the last hour${unknown > 0 ? `; of ${toCounted(unknown, 'exporter')} the network’s loss is not known` : ''}.`,
  };
}

function whatToDo({ warnings }) {
  const question = 'What is to be done?';
  const errors = warnings.filter(({ severity }) => severity === 'error');
  const first = warnings[0]?.title;
  if (first === undefined)
    return { question, tone: 'good', word: 'Nothing', text: 'weir knows of nothing that should be mended.' };
  const others = warnings.length > 1 ? ` And ${warnings.length - 1} more, below.` : '';
  if (errors.length > 0)
    return { question, tone: 'bad', word: toCounted(errors.length, 'problem'), text: `${first}.${others}` };
  return {
    question,
    tone: 'warn',
    word: `${toCounted(warnings.length, 'thing')} to look at`,
    text: `${first}.${others}`,
  };
}

function toAnswer({ question, tone, word, text }) {
  return el(
    'div',
    { class: `answer ${tone}` },
    el('span', { class: 'question' }, question),
    el('span', { class: 'word' }, word),
    el('span', {}, text),
  );
}

const showFindings = createMemo((warnings) => {
  byId('warnings').hidden = warnings.length === 0;
  replace(byId('findings'), warnings.slice(0, 100).map(toFinding));
});

function toFinding({ severity, title, why, fix }) {
  return el(
    'li',
    { class: `finding ${severity}` },
    el('h3', {}, el('span', { class: 'severity' }, severity === 'error' ? 'Problem' : 'To look at'), title),
    el('p', {}, why),
    el('pre', {}, fix.join('\n')),
  );
}

const showWho = createMemo(({ weir }) => {
  const verb = { run: 'weir run', listen: 'weir listen', work: 'weir work' }[weir.part];
  byId('who').textContent = `${weir.pipeline} · ${verb} · ${weir.host}`;
  document.title = `weir · ${weir.pipeline} · ${weir.host}`;
});

function showFacts(report) {
  const { weir, queue, spool, index, disk, workers, listening, dataFiles, atMs, rates } = report;
  const facts = [
    listening.length > 0 ? ['Listens on', listening.join(', ')] : undefined,
    weir.part === 'work' ? undefined : ['Datagrams', `${toShort(rates.datagrams)}/s, ${toBits(rates.bits)}`],
    queue && [
      'Queue',
      `${toCounted(queue.records, 'flow')} in ${toCounted(queue.waiting + queue.active, 'batch', 'batches')}, ${toPercent(queue.bytes / queue.maxBytes)} full`,
    ],
    queue && [
      'Oldest waits',
      queue.oldestAtMs === undefined ? 'none waits' : toDuration(Math.max(0, atMs - queue.oldestAtMs)),
    ],
    spool && [
      'Spool on disk',
      spool.records === 0
        ? 'empty'
        : `${toCounted(spool.records, 'flow')}, ${toPercent(spool.bytes / spool.maxBytes)} full`,
    ],
    index && ['Index', `${index.target}: ${index.trouble ?? 'takes documents'}`],
    index?.health && ['Cluster', toHealth(index.health)],
    index?.lastLatencyMs !== undefined
      ? ['Last answer', `${toDuration(index.lastLatencyMs)}; ${toCounted(index.concurrency, 'request')} at a time`]
      : undefined,
    index?.concurrency === undefined ? undefined : ['Disk of the index', toDisk(disk)],
    workers && ['Workers', `${workers.filter(({ isReady }) => isReady).length} of ${workers.length} ready`],
    dataFiles.length > 0
      ? [
          'Data files',
          dataFiles.map(({ step, modifiedAtMs }) => `${step} ${toDuration(atMs - modifiedAtMs)} old`).join(', '),
        ]
      : undefined,
  ];
  replace(
    byId('facts'),
    facts.filter(Boolean).map(([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text))),
  );
  byId('process').textContent =
    `weir ${weir.version} on Node ${weir.node}, process ${weir.processId}, up ${toDuration(atMs - weir.startedAtMs)}, ${toShort(weir.residentBytes)}B of memory, ${toPercent(weir.cpuShare)} of a core`;
}

function toHealth({ colour, unassignedShards }) {
  return unassignedShards === 0 ? colour : `${colour}: ${toCounted(unassignedShards, 'shard')} without a place`;
}

function toDisk(disk) {
  if (disk === undefined) return 'no forecast: set index.elasticsearch.retention';
  const { bytes, fullInDays, bytesPerDay } = disk;
  const size = `${toShort(bytes)}B, ${toShort(bytesPerDay)}B a day`;
  return fullInDays === undefined
    ? `never full: old indices go before; ${size}`
    : `full in ${toDuration(fullInDays * 86_400_000)}; ${size}`;
}
