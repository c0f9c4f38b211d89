import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStateFile } from '../../src/app/state-file.ts';
import { createStateRedis } from '../../src/app/state-redis.ts';
import type { StateStore } from '../../src/app/state-store.ts';
import type { Decoder } from '../../src/decode/decoder.ts';
import type { RedisSettings } from '../../src/enqueue/redis-connection.ts';
import type { RecordSet } from '../../src/model/record.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import {
  flowDatagram,
  knowsTemplate,
  stateStoreContract,
  templateDatagram,
} from '../contracts/state-store-contract.ts';
import { netflow9, netflow9Template, set, uint } from '../decode/datagram-builder.ts';
import { createFeed, toRecords } from '../decode/feed.ts';
import { describeWith } from '../needs.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

let places = 0;

describe('the state file keeps the contract of state stores', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-state-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  stateStoreContract({
    async createPlace() {
      places += 1;
      const path = join(folder, `${places}.json`);
      return {
        open: (decoder) => createStateFile({ path, decoder, logger: silentLogger }),
        damage: () => writeFile(path, '{"weirDecoderState":2,"contents":[],"exporters":[{'),
      };
    },
  });
});

describeWith(['redis'], 'the state on Redis', () => {
  let server: RedisServer;
  let client: Redis;
  let redis: RedisSettings;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
    redis = { nodes: [{ host: '127.0.0.1', port: server.port }], mode: 'single', database: 0, tls: false };
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  const stores: StateStore[] = [];
  afterAll(() => Promise.all(stores.map((store) => store.stop())));

  function open(
    key: string,
    decoder: Decoder,
    onSets: (sets: readonly RecordSet[]) => void = () => undefined,
  ): StateStore {
    const store = createStateRedis({ redis, key, decoder, onSets, logger: silentLogger, now: () => Date.now() });
    stores.push(store);
    return store;
  }

  describe('keeps the contract of state stores', () => {
    stateStoreContract({
      async createPlace() {
        places += 1;
        const key = `state${places}`;
        return {
          open: (decoder) => open(key, decoder),
          damage: async () => {
            for (const address of await client.hkeys(key))
              await client.hset(key, address, '{"savedAtMs":1e99,"state":{');
          },
        };
      },
    });
  });

  test('what one listener learns another one knows soon, without a restart', async () => {
    const [one, other] = [createFeed(), createFeed()];
    const [first, second] = [open('shared', one.decoder), open('shared', other.decoder)];
    await Promise.all([first.load(), second.load()]);
    one.sets(templateDatagram, { exporter: '192.0.2.7' });
    await first.save();
    await expect.poll(() => knowsTemplate(other, '192.0.2.7')).toBe(true);
  });

  test('data that waits at one listener for a template that another one is sent is decoded then', async () => {
    const [one, other] = [createFeed(), createFeed()];
    const decoded: unknown[] = [];
    const first = open('parked', one.decoder);
    const second = open('parked', other.decoder, (sets) => decoded.push(...toRecords(sets)));
    await Promise.all([first.load(), second.load()]);
    expect(other.records(flowDatagram)).toEqual([]);
    one.sets(templateDatagram);
    await first.save();
    await expect.poll(() => decoded).toEqual([{ octetDeltaCount: 7 }]);
  });

  test('what two listeners learn of one exporter comes together, in both and on Redis', async () => {
    const [one, other] = [createFeed(), createFeed()];
    const [first, second] = [open('both', one.decoder), open('both', other.decoder)];
    await Promise.all([first.load(), second.load()]);
    const [a, b] = [256, 257].map((id) => netflow9([set(0, netflow9Template({ id, fields: [{ id: 1, length: 4 }] }))]));
    one.sets(a!);
    other.sets(b!);
    await Promise.all([first.save(), second.save()]);
    const knowsBoth = (feed: typeof one): boolean =>
      [256, 257].every((id) => feed.records(netflow9([set(id, uint(7, 4))])).length === 1);
    await expect
      .poll(async () => {
        await Promise.all([first.save(), second.save()]);
        return knowsBoth(one) && knowsBoth(other);
      })
      .toBe(true);
    await expect
      .poll(async () => {
        await Promise.all([first.save(), second.save()]);
        const late = createFeed();
        const third = open('both', late.decoder);
        await third.load();
        await third.stop();
        return knowsBoth(late);
      })
      .toBe(true);
  });
});
