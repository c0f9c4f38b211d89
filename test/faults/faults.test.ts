// The fault matrix: whatever dies, hangs, fills up or is cut off, every flow is in the index once, or weir names its loss.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith } from '../needs.ts';
import { type ElasticsearchServer, startElasticsearch } from '../servers/elasticsearch/index.ts';
import { faults } from './faults.ts';
import { type Outcome, play } from './play.ts';

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

  test.each(Object.entries(faults))(
    '%s',
    async (title, fault) => {
      const { mustLose = false, mayLose = mustLose } = fault;
      const name = `fault${Object.keys(faults).indexOf(title)}`;
      const outcome = await play(fault, { name, folder: join(folder, name), elasticsearch });
      outcomes.push([title, outcome]);
      const { sent, indexed, named, doubled, balanced } = outcome;
      expect({ missing: sent - indexed - named, doubled, balanced }).toEqual({
        missing: 0,
        doubled: 0,
        balanced: 'yes',
      });
      if (!mayLose) expect(named).toBe(0);
      if (mustLose) expect(named).toBeGreaterThan(0);
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
