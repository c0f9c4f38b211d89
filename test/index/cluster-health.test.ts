import { expect, it } from 'vitest';
import { createClusterHealth } from '../../src/index/cluster-health.ts';
import { createElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { startElasticsearchDouble } from '../servers/elasticsearch-double.ts';

it('the colour of the cluster is asked for when somebody looks, at most each ten seconds, and forgotten when no answer comes', async () => {
  const elasticsearch = await startElasticsearchDouble();
  const client = createElasticsearchClient({ nodes: [elasticsearch.url] });
  let [answer, asked, nowMs]: [[number, unknown], number, number] = [
    [200, { status: 'yellow', unassigned_shards: 3 }],
    0,
    0,
  ];
  elasticsearch.answer = (_, path) => {
    if (path !== '/_cluster/health') return undefined;
    asked += 1;
    return answer;
  };
  const health = createClusterHealth({ client, now: () => nowMs });
  const next = async (times: number) => {
    nowMs += 10_000;
    health();
    await expect.poll(() => asked).toBe(times);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return health();
  };
  try {
    expect(health()).toBeUndefined();
    await expect.poll(health).toEqual({ colour: 'yellow', unassignedShards: 3 });
    for (let i = 0; i < 100; i++) health();
    expect(asked).toBe(1);
    answer = [200, { status: 'red', unassigned_shards: 4 }];
    expect(await next(2)).toEqual({ colour: 'red', unassignedShards: 4 });
    answer = [403, { error: 'no rights' }];
    expect(await next(3)).toBeUndefined();
    answer = [200, { status: '<b>', unassigned_shards: 'many' }];
    expect(await next(4)).toBeUndefined();
    await elasticsearch.stop();
    nowMs += 10_000;
    expect(health()).toBeUndefined();
  } finally {
    await client.close();
    await elasticsearch.stop().catch(() => undefined);
  }
});
