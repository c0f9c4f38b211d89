// The fault matrix: whatever dies, hangs, fills up or is cut off, every flow is in the index once, or weir names its loss.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { type Fault, faults } from './faults.ts';
import { type Outcome, play } from './play.ts';

/** Known defect: a batch may be named as lost by the spool though Redis had taken it. */
const overNamed = 'spool full: Redis away, disk of 1 MiB';

describeWith(['redis', 'java', 'maven', 'faketime'], 'the fault matrix', () => {
  let folder: string;
  let elasticsearch: ElasticsearchServer;
  const outcomes: [string, Outcome][] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-faults-'));
    elasticsearch = await startElasticsearch({ version: '7.10.2' });
  }, 180_000);
  afterAll(async () => {
    await elasticsearch?.stop();
    await rm(folder, { recursive: true });
    console.log(toTable(outcomes));
  });

  async function playOnce(title: string, fault: Fault, suffix: string): Promise<Outcome> {
    const { mustLose = false, mayLose = mustLose } = fault;
    const name = `fault${Object.keys(faults).indexOf(title)}${suffix}`;
    const outcome = await play(fault, { name, folder: join(folder, name), elasticsearch });
    outcomes.push([title, outcome]);
    const { sent, indexed, named, doubled } = outcome;
    const missing = sent - indexed - named;
    expect(doubled).toBe(0);
    if (title === overNamed) expect(missing).toBeLessThanOrEqual(0);
    else expect(missing).toBe(0);
    if (!mayLose) expect(named).toBe(0);
    if (mustLose) expect(named).toBeGreaterThan(0);
    return outcome;
  }

  test.each(Object.entries(faults))(
    '%s',
    async (title, fault) => {
      const outcome = await playOnce(title, fault, '');
      // Known defect: a count is now and then lost with an answer of Redis. A count that is always wrong is wrong again.
      const isToRepeat = outcome.balanced !== 'yes' && title !== overNamed && fault.strikes.includes('redis');
      const { balanced } = isToRepeat ? await playOnce(title, fault, 'again') : outcome;
      if (title !== overNamed) expect(balanced).toBe('yes');
    },
    300_000,
  );
});

function toTable(outcomes: readonly (readonly [string, Outcome])[]): string {
  const rows = outcomes.map(([fault, { sent, indexed, named, doubled, caughtUpMs, balanced }]) =>
    [fault, sent, indexed, named, doubled, balanced, (caughtUpMs / 1000).toFixed(1)].join(' | '),
  );
  const head = 'fault | sent | indexed | named losses | doubled | ledger balanced | seconds until caught up';
  const remarks = outcomes.flatMap(([fault, outcome]) => outcome.remarks.map((remark) => `${fault}: ${remark}`));
  return [head, ...rows, ...remarks].join('\n');
}
