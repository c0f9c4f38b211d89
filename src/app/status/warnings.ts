// What somebody should know or mend, from the numbers of the status page: pure, the worst first. What exporters do wrong is told
// by src/app/findings/.

import type { Finding } from '../../model/finding.ts';
import { toThousands } from '../count-text.ts';
import { bySeverity } from '../findings/findings.ts';
import type { Loss, StatusReport } from './status-report.ts';

type Numbers = Omit<StatusReport, 'warnings'>;

/** Of what the queue may hold. */
const queueHighWater = 0.75;
const lateMs = 60_000;
const fullSoonDays = 14;
const fullNowDays = 3;
/** Places and autonomous systems move: databases come monthly. */
const oldDatabaseMs = 90 * 86_400_000;
/** Exporters that are named one by one. */
const maxNamed = 5;
/** Of what an exporter sent. */
const noteworthyShare = 0.01;
const silenceMs = 60_000;

export function toWarnings(report: Numbers): Finding[] {
  return [
    ...ofIndex(report),
    ...ofQueue(report),
    ...report.losses.flatMap((loss) => (loss.lastHour > 0 ? (ofLoss(loss) ?? []) : [])),
    ...ofWorkers(report),
    ...ofDisk(report),
    ...ofExporters(report),
    ...ofDataFiles(report),
    ...ofSilence(report),
  ].sort(bySeverity);
}

function ofIndex({ index, weir }: Numbers): Finding[] {
  const found: Finding[] = [];
  if (index?.trouble !== undefined) {
    found.push({
      id: 'index-trouble',
      severity: 'error',
      title: `${index.target} takes no documents: ${index.trouble}`,
      why: 'Flows wait on the queue and are written when it takes them again; they are lost only when queue and spool are full.',
      fix: [
        `weir check --connect ${weir.pipelineFile}`,
        '# docs/operations.md, "Troubleshooting", has the usual causes',
      ],
    });
  }
  if (index?.health?.colour === 'red') {
    found.push({
      id: 'cluster-red',
      severity: 'error',
      title: `The cluster of ${index.target} is red: ${toThousands(index.health.unassignedShards)} shards have no place, primary ones among them`,
      why: 'Documents for these wait, and searches miss what is in them.',
      fix: ['curl ELASTICSEARCH/_cluster/allocation/explain?pretty', `weir doctor ${weir.pipelineFile}`],
    });
  }
  if ((index?.deadLettersLost ?? 0) > 0) {
    found.push({
      id: 'dead-letters-lost',
      severity: 'error',
      title: `${toThousands(index?.deadLettersLost ?? 0)} refused documents could be kept nowhere`,
      why: 'Neither the index of dead letters nor the file in the state folder took them: they are lost.',
      fix: ['# Look whether the disk of the state folder is full'],
    });
  }
  return found;
}

function ofQueue({ queue, queueIsAway, spool, weir, atMs, index }: Numbers): Finding[] {
  const found: Finding[] = [];
  if (queueIsAway === true) {
    found.push({
      id: 'queue-away',
      severity: 'error',
      title: 'The queue on Redis does not answer',
      why:
        weir.part === 'work'
          ? 'Nothing can be taken from the queue: documents come late, and none is lost yet.'
          : 'What comes in goes to the spool on disk until Redis is back; when the spool is full, flows are lost.',
      fix: ['redis-cli ping', `weir queue ${weir.pipelineFile}   # says what is wrong`],
    });
  }
  if (queue !== undefined && queue.bytes > queueHighWater * queue.maxBytes) {
    found.push({
      id: 'queue-filling',
      severity: 'error',
      title: `The queue is ${Math.round((100 * queue.bytes) / queue.maxBytes)} % full`,
      why: 'More comes in than is written. When it is full, flows go to the spool on disk, and are lost when that is full, too.',
      fix:
        index?.trouble === undefined
          ? ['# Start another weir work, or give Elasticsearch more to work with', `weir queue ${weir.pipelineFile}`]
          : ['# Mend the index first'],
    });
  } else if (queue?.oldestAtMs !== undefined && atMs - queue.oldestAtMs > lateMs) {
    found.push({
      id: 'queue-late',
      severity: 'warning',
      title: `Documents come ${toAge(atMs - queue.oldestAtMs)} late: ${toThousands(queue.records)} flows wait on the queue`,
      why: 'Dashboards lack the newest flows. Nothing is lost.',
      fix: ['# Start another weir work, or wait: after an outage the queue empties by itself'],
    });
  }
  if (spool !== undefined && spool.records > 0) {
    found.push({
      id: 'spool-used',
      severity: spool.bytes > queueHighWater * spool.maxBytes ? 'error' : 'warning',
      title: `${toThousands(spool.records)} flows wait on disk, ${Math.round((100 * spool.bytes) / spool.maxBytes)} % of the spool`,
      why: 'The queue was full or away. They are put on the queue in order when it takes them; a full spool drops its oldest flows.',
      fix: ['# Look at the queue (Redis) and at the index; the spool empties by itself'],
    });
  }
  return found;
}

const lossTexts: Readonly<
  Record<string, { readonly severity?: 'warning'; readonly why: string; readonly fix: readonly string[] }>
> = {
  kernel: {
    why: 'The receive buffer was full: a burst was larger than it, or weir had no time. These flows are lost.',
    fix: [
      'sysctl -w net.core.rmem_max=33554432',
      '# and in the pipeline file: collect: { receive_buffer: 32 MiB }; then restart weir',
    ],
  },
  workers: {
    why: 'A worker of this listener was too slow, or died, and had no room left. These flows are lost.',
    fix: ['# More workers (collect.workers), or a larger collect.receive_buffer'],
  },
  workersParked: {
    why: 'They waited for their template in a worker that died.',
    fix: ['# The log says why the worker died'],
  },
  queueFull: {
    why: 'Neither queue nor spool had room. These flows are lost.',
    fix: ['# Mend what holds the queue up; give it more room (queue.memory or queue.max_bytes, queue.spool.size)'],
  },
  spoolFull: {
    why: 'The spool was full, or its disk damaged it: the oldest flows in it are lost.',
    fix: ['# Mend what holds the queue up; give the spool more room (queue.spool.size)'],
  },
  queueLost: {
    why: 'Redis no longer had their bytes (maxmemory-policy, a restart without persistence), or their batch was given up.',
    fix: ['redis-cli config get maxmemory-policy   # must be noeviction', 'redis-cli config get appendonly'],
  },
  quarantine: {
    severity: 'warning',
    why: 'Their batches failed three times. They are kept with their bytes, and are neither indexed nor lost.',
    fix: ['weir queue list', 'weir queue retry all   # when the cause is mended'],
  },
  deadLetters: {
    severity: 'warning',
    why: 'Elasticsearch will not take them as they are, mostly for the type of a field. They are kept with the reason.',
    fix: ['weir dead-letters list', 'weir dead-letters retry   # when the cause is mended'],
  },
  noTemplate: {
    why: 'NetFlow v9 and IPFIX can’t be read without their template, and it did not come within 30 minutes.',
    fix: ['# Let the exporter send its templates each minute (docs/exporters/)'],
  },
  recordsBetweenListeners: {
    severity: 'warning',
    why: 'Exporters sent them while no weir listened, or they were in the hands of one that was killed.',
    fix: ['# Nothing to mend, unless restarts are frequent; a socket of systemd keeps what comes during one'],
  },
};

function ofLoss({ place, what, lastHour, isInNetwork }: Loss): Finding | undefined {
  // Told exporter by exporter.
  if (isInNetwork) return undefined;
  const text = lossTexts[place === 'datagramsBetweenListeners' ? 'recordsBetweenListeners' : place];
  if (text === undefined) return undefined;
  const { severity = 'error', why, fix } = text;
  const isKept = place === 'quarantine' || place === 'deadLetters';
  return {
    id: `lost-${place}`,
    severity,
    title: `In the last hour: ${toThousands(lastHour)} ${what}${isKept ? '' : ' lost'}`,
    why,
    fix,
  };
}

function ofWorkers({ workers = [] }: Numbers): Finding[] {
  const away = workers.filter(({ isReady }) => !isReady);
  if (away.length === 0) return [];
  return [
    {
      id: 'workers-away',
      severity: 'error',
      title: `${away.length} of ${workers.length} workers of this listener are not ready`,
      why: 'What exporters of these workers send waits in memory, and is lost when there is no more room.',
      fix: ['# The log says why they died; they are started again'],
    },
  ];
}

function ofDisk({ disk }: Numbers): Finding[] {
  const days = disk?.fullInDays;
  if (days === undefined || days > fullSoonDays) return [];
  return [
    {
      id: 'disk-full-soon',
      severity: days <= fullNowDays ? 'error' : 'warning',
      title: `The disk of Elasticsearch is full in ${days < 1 ? 'less than a day' : `${Math.floor(days)} days`}`,
      why: 'At its flood stage (95 %) Elasticsearch makes indices read-only: dashboards stop, and flows wait on the queue.',
      fix: [
        '# In the pipeline file: index: { elasticsearch: { retention: { max_size: … } } }, or a shorter keep',
        'weir prune',
      ],
    },
  ];
}

function ofExporters({ exporters }: Numbers): Finding[] {
  const losing = exporters
    .filter(({ loss }) => (loss.shareOfLastHour ?? 0) >= noteworthyShare)
    .sort((a, b) => (b.loss.shareOfLastHour ?? 0) - (a.loss.shareOfLastHour ?? 0));
  return losing.slice(0, maxNamed).map(({ address, loss }, index) => ({
    id: 'lost-in-network',
    severity: 'warning',
    exporter: address,
    title: `${toPercent(loss.shareOfLastHour)} of what ${address} sent in the last hour never came${
      index === maxNamed - 1 && losing.length > maxNamed ? ` (and of ${losing.length - maxNamed} others)` : ''
    }`,
    why: 'Its sequence numbers have holes: the network, or the kernel of this machine, dropped datagrams.',
    fix: [
      '# Look at drops on the way: interfaces, policers, firewalls; and at kernel drops of this machine, below',
      'nstat -az UdpRcvbufErrors',
    ],
  }));
}

function ofDataFiles({ dataFiles, atMs }: Numbers): Finding[] {
  return dataFiles.flatMap(({ step, path, isRefused, modifiedAtMs }): Finding[] => {
    if (isRefused) {
      return [
        {
          id: 'data-file-refused',
          severity: 'warning',
          title: `The changed file ${path} of the step ${step} is refused`,
          why: 'The one before it goes on being used. The log says what is wrong with the new one.',
          fix: [`# Mend ${path}; it is read again when it changes`],
        },
      ];
    }
    if (!path.endsWith('.mmdb') || atMs - modifiedAtMs < oldDatabaseMs) return [];
    return [
      {
        id: 'database-old',
        severity: 'warning',
        title: `The database of the step ${step} is ${Math.floor((atMs - modifiedAtMs) / 86_400_000)} days old`,
        why: 'Addresses change hands: places and autonomous systems of some are no longer right.',
        fix: ['weir geoip update'],
      },
    ];
  });
}

function ofSilence({ listening, exportersKnown, weir, atMs }: Numbers): Finding[] {
  if (listening.length === 0 || exportersKnown > 0 || atMs - weir.startedAtMs < silenceMs) return [];
  return [
    {
      id: 'nothing-comes',
      severity: 'warning',
      title: `Nothing has come in yet, on ${listening.join(', ')}`,
      why: 'No exporter sends to this machine and port, or a firewall is in between.',
      fix: [
        `tcpdump -ni any udp port ${toPort(listening[0])}   # does anything arrive?`,
        'nft list ruleset   # does this machine drop it?',
        '# How to configure exporters: docs/exporters/',
      ],
    },
  ];
}

function toPort(address = ''): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

function toPercent(share = 0): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function toAge(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
