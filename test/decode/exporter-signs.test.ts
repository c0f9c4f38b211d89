// Signs of a wrong exporter: seen where they are, and not where everything is as it should be, above all not in real captures.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import type { ExporterSign } from '../../src/model/exporter-sign.ts';
import { capturesFolder, describeWith } from '../needs.ts';
import { ipfix, ipfixTemplate, netflow5, netflow5Record, set, uint } from './datagram-builder.ts';
import { opaque, uint32s } from './sflow-datagram.ts';

const elements = createInformationElements();
const startMs = 1_700_000_040_000;
const minuteMs = 60_000;
const exporter = '192.0.2.1';

interface Flow {
  readonly bytes?: number;
  readonly packets?: number;
  readonly transport?: number;
  readonly flags?: number;
  readonly ingress?: number;
  readonly egress?: number;
  readonly direction?: number;
  readonly startMs?: number;
  readonly endMs?: number;
  /** 0: the field is there and says nothing. */
  readonly interval?: number;
}

const fields = [
  { id: 1, length: 8 },
  { id: 2, length: 4 },
  { id: 4, length: 1 },
  { id: 6, length: 1 },
  { id: 10, length: 4 },
  { id: 14, length: 4 },
  { id: 61, length: 1 },
  { id: 152, length: 8 },
  { id: 153, length: 8 },
  { id: 34, length: 4 },
];
const template = set(2, ipfixTemplate({ id: 256, fields }));

function toRecord(flow: Flow): Buffer {
  const { bytes = 6000, packets = 8, transport = 6, flags = 0x1b, ingress = 1, egress = 2, direction = 0 } = flow;
  const { startMs: start = startMs - 9000, endMs = startMs - 1000, interval = 0 } = flow;
  const values = [bytes, packets, transport, flags, ingress, egress, direction, start, endMs, interval];
  return Buffer.concat(values.map((value, i) => uint(value, fields[i]!.length)));
}

function createScene() {
  const decoder = createDecoder({ onFault: () => {}, elements });
  let sequence = 0;
  const receive = (payload: Buffer, receivedAtMs: number, from = exporter) => {
    decoder.decode({ payload, exporter: from, exporterPort: 2055, receivedAtMs });
  };
  return {
    decoder,
    receive,
    /** A datagram with `flows`, and the template unless told otherwise. */
    send(flows: readonly Flow[], atMs: number, { skewMs = 0, withTemplate = true } = {}) {
      const sets = [...(withTemplate ? [template] : []), set(256, ...flows.map(toRecord))];
      receive(ipfix(sets, { sequence, exportSeconds: Math.floor((atMs + skewMs) / 1000) }), atMs);
      sequence += flows.length;
    },
    /** The clock of the decoder goes on. */
    pass(fromMs: number, toMs: number) {
      for (let atMs = fromMs; atMs <= toMs; atMs += 30_000) decoder.expire(atMs);
      decoder.expire(toMs);
    },
    signs: (atMs: number): readonly ExporterSign[] => {
      decoder.expire(atMs);
      return decoder.levels().signs;
    },
  };
}

const many = (count: number, flow: (i: number) => Flow): Flow[] => Array.from({ length: count }, (_, i) => flow(i));

/** For some minutes, 60 flows in each. */
function sendMinutes(
  scene: ReturnType<typeof createScene>,
  minutes: number,
  flow: (i: number) => Flow,
  skewMs = 0,
): void {
  for (let minute = 0; minute < minutes; minute++) {
    scene.send(many(60, flow), startMs + minute * minuteMs, { skewMs });
  }
}

function signsOf(flow: (i: number) => Flow, minutes = 4, skewMs = 0): readonly ExporterSign[] {
  const scene = createScene();
  sendMinutes(scene, minutes, flow, skewMs);
  return scene.signs(startMs + minutes * minuteMs);
}

describe('counters and times', () => {
  it('are no sign where they can be', () => {
    expect(signsOf((i) => ({ bytes: 20 * (i + 1), packets: i + 1 }))).toEqual([]);
    expect(signsOf((i) => ({ bytes: 65_535 * (i + 1), packets: i + 1 }))).toEqual([]);
    expect(signsOf(() => ({ bytes: 500, packets: 0 }))).toEqual([]);
    expect(signsOf(() => ({ startMs: startMs, endMs: startMs }))).toEqual([]);
  });

  it('that can’t be are told, with an example', () => {
    expect(signsOf((i) => (i % 10 === 0 ? { bytes: 70_000, packets: 1 } : {}))).toMatchObject([
      { kind: 'counters-impossible', exporter, values: { percent: 10, bytes: 70_000, packets: 1 } },
    ]);
    expect(signsOf((i) => (i % 2 === 0 ? { bytes: 19, packets: 1 } : {}))).toMatchObject([
      { kind: 'counters-impossible', values: { percent: 50 } },
    ]);
    expect(signsOf(() => ({ startMs: startMs, endMs: startMs - 5000 }))).toMatchObject([
      { kind: 'times-impossible', values: { percent: 100 } },
    ]);
  });

  it('of a single broken record are no sign', () => {
    const scene = createScene();
    scene.send([{ bytes: 1, packets: 9 }, ...many(200, () => ({}))], startMs);
    expect(scene.signs(startMs + minuteMs)).toEqual([]);
  });

  it('of uptimes that wrap are no sign', () => {
    const scene = createScene();
    const record = netflow5Record([1, 2, 0, 1, 2, 3, 300, 2 ** 32 - 5000, 4000, 1, 2, 0x1b, 6, 0, 0, 0, 0, 0]);
    const records = many(30, () => ({})).map(() => record);
    scene.receive(netflow5(records, { seconds: startMs / 1000, sysUptimeMs: 5000 }), startMs);
    expect(scene.signs(startMs + minuteMs)).toEqual([]);
  });

  it('that are mended are forgotten', () => {
    const scene = createScene();
    sendMinutes(scene, 3, () => ({ bytes: 1, packets: 1 }));
    expect(scene.signs(startMs + 3 * minuteMs)).not.toEqual([]);
    for (let minute = 3; minute < 80; minute++)
      scene.send(
        many(60, () => ({})),
        startMs + minute * minuteMs,
      );
    expect(scene.signs(startMs + 80 * minuteMs)).toEqual([]);
  });
});

describe('sampling', () => {
  /** As a sampler of 1 of 1000 leaves it: most flows are one packet of the middle of a connection. */
  const sampled = (i: number): Flow => ({ bytes: i % 3 === 0 ? 52 : 1500, packets: 1, flags: 0x10 });

  it('that is not told is seen by single large packets', () => {
    expect(signsOf(sampled)).toMatchObject([{ kind: 'sampling-unsaid', values: { percent: 67, says: 'nothing' } }]);
    expect(signsOf((i) => ({ ...sampled(i), interval: 1 }))).toMatchObject([{ values: { says: '1 of 1' } }]);
  });

  it('that is told, in the record or by options data, is no sign', () => {
    expect(signsOf((i) => ({ ...sampled(i), interval: 1000 }))).toEqual([]);
    const scene = createScene();
    const options = ipfixTemplate({
      id: 300,
      fields: [
        { id: 149, length: 4 },
        { id: 34, length: 4 },
      ],
      scopeCount: 1,
    });
    scene.receive(
      ipfix([set(3, options), set(300, uint(0, 4), uint(1000, 4))], { exportSeconds: startMs / 1000 }),
      startMs,
    );
    sendMinutes(scene, 4, sampled);
    expect(scene.signs(startMs + 4 * minuteMs)).toEqual([]);
  });

  it('is not suspected where scans are all there is', () => {
    expect(signsOf(() => ({ bytes: 40, packets: 1, flags: 0x02 }))).toEqual([]);
    expect(signsOf((i) => (i % 5 === 0 ? { bytes: 1500, packets: 1, flags: 0x10 } : {}))).toEqual([]);
  });
});

describe('directions', () => {
  it('of all interfaces twice are told', () => {
    const signs = signsOf((i) => ({ ingress: 1 + (i % 2), egress: 2 - (i % 2), direction: (i >> 1) % 2 }));
    expect(signs).toMatchObject([{ kind: 'directions-doubled', values: { percent: 100 } }]);
  });

  it('of the outer interface only, or of ingress everywhere, are no sign', () => {
    expect(
      signsOf((i) => (i % 2 === 0 ? { ingress: 1, egress: 2, direction: 0 } : { ingress: 2, egress: 1, direction: 1 })),
    ).toEqual([]);
    expect(signsOf((i) => ({ ingress: 1 + (i % 4), egress: 9, direction: 0 }))).toEqual([]);
    expect(signsOf((i) => ({ ingress: 1, egress: 0, direction: i % 2 }))).toEqual([]);
  });
});

describe('the clock', () => {
  it.each([
    [2 * 3_600_000, 'clock-zone'],
    [-5 * 3_600_000 + 20_000, 'clock-zone'],
    [5.75 * 3_600_000, 'clock-zone'],
    [7 * minuteMs, 'clock-wrong'],
    [-90 * 24 * 3_600_000, 'clock-wrong'],
  ])('that is off by %d ms is %s', (skewMs, kind) => {
    expect(signsOf(() => ({}), 5, skewMs)).toMatchObject([{ kind, values: { skewMs } }]);
  });

  it('that is right is no sign, though datagrams come late and one of them by hours', () => {
    const scene = createScene();
    for (let minute = 0; minute < 5; minute++) {
      scene.send([{}], startMs + minute * minuteMs, { skewMs: -3 * 3_600_000 });
      scene.send([{}], startMs + minute * minuteMs + 1000, { skewMs: -20_000 });
    }
    expect(scene.signs(startMs + 5 * minuteMs)).toEqual([]);
  });
});

describe('templates', () => {
  it('that come each minute are no sign; each twenty minutes they are', () => {
    for (const [everyMinutes, expected] of [
      [1, 0],
      [10, 0],
      [20, 1],
    ] as const) {
      const scene = createScene();
      for (let minute = 0; minute < 45; minute++) {
        const atMs = startMs + minute * minuteMs;
        scene.send([{}], atMs, { withTemplate: minute % everyMinutes === 0 });
        scene.pass(atMs, atMs + 59_000);
      }
      const signs = scene.decoder.levels().signs;
      expect(signs.map(({ kind }) => kind)).toEqual(expected === 0 ? [] : ['templates-rare']);
    }
  });

  it('that nobody uses any more need not come again', () => {
    const scene = createScene();
    scene.send([{}], startMs);
    scene.pass(startMs, startMs + 60 * minuteMs);
    expect(scene.decoder.levels().signs).toEqual([]);
  });

  it('that data waits for are told after two minutes, with the vendor once it is known', () => {
    const scene = createScene();
    const withVendor = ipfixTemplate({
      id: 257,
      fields: [
        { id: 8, length: 4 },
        { id: 7, length: 4, enterprise: 12_356 },
      ],
    });
    scene.receive(ipfix([set(2, withVendor)], { exportSeconds: startMs / 1000 }), startMs);
    scene.send([{}], startMs, { withTemplate: false });
    expect(scene.signs(startMs + minuteMs)).toEqual([]);
    expect(scene.signs(startMs + 3 * minuteMs)).toEqual([
      { kind: 'templates-missing', exporter, values: { sets: 1, minutes: 3 }, enterprises: [12_356] },
    ]);
  });
});

describe('sFlow', () => {
  function sflow(agent: number, sourceId: number, input: number, output: number, sequence: number): Buffer {
    const sample = opaque(1, uint32s(sequence, sourceId, 1000, sequence * 1000, 0, input, output, 0));
    return Buffer.concat([uint32s(5, 1, agent, 0, sequence, 60_000 + sequence, 1), sample]);
  }

  it('of several agents behind one address is told', () => {
    const scene = createScene();
    for (let i = 0; i < 20; i++) scene.receive(sflow(0x0a00_0001 + (i % 2), 1, 1, 2, i >> 1), startMs + i);
    expect(scene.signs(startMs + minuteMs)).toMatchObject([
      { kind: 'agents-behind-one-address', values: { agents: '10.0.0.1, 10.0.0.2' } },
    ]);
  });

  it('that samples packets in and out of every port is told; of one direction it is not', () => {
    for (const both of [true, false]) {
      const scene = createScene();
      for (let i = 0; i < 120; i++) {
        scene.receive(sflow(0x0a00_0001, both && i % 2 === 1 ? 2 : 1, 1, 2, i), startMs + 3000 * i);
      }
      expect(scene.signs(startMs + 360_000).map(({ kind }) => kind)).toEqual(both ? ['directions-doubled'] : []);
    }
  });
});

describe('bounds', () => {
  it('a flood of forged addresses is 500 signs at most, and forgotten after an hour', () => {
    const decoder = createDecoder({ onFault: () => {}, elements, limits: { exporters: 2000 } });
    const record = netflow5Record([1, 2, 0, 1, 2, 3, 1, 1, 2, 1, 2, 0, 17, 0, 0, 0, 0, 0]);
    const payload = netflow5(
      many(10, () => ({})).map(() => record),
      { seconds: startMs / 1000 },
    );
    for (let i = 0; i < 3000; i++) {
      decoder.decode({ payload, exporter: `10.1.${i >> 8}.${i & 255}`, exporterPort: 1, receivedAtMs: startMs });
    }
    decoder.expire(startMs + 1000);
    expect(decoder.levels().signs).toHaveLength(500);
    decoder.expire(startMs + 2 * 3_600_000);
    expect(decoder.levels().signs).toEqual([]);
  });
});

describeWith(['captures'], 'real exporters', () => {
  /** A file made by hand to be wrong. */
  const wrong = ['nf5-invalid-01.json'];

  it('give no sign of anything', () => {
    const folder = join(capturesFolder, 'datagrams');
    for (const name of readdirSync(folder)) {
      const { datagrams, meta } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        readonly datagrams: readonly string[];
        readonly meta: readonly { readonly src: string; readonly ts: number }[];
      };
      const decoder = createDecoder({ onFault: () => {}, elements });
      datagrams.forEach((hex, i) => {
        const { src, ts } = meta[i]!;
        decoder.decode({ payload: Buffer.from(hex, 'hex'), exporter: src, exporterPort: 1, receivedAtMs: ts * 1000 });
      });
      decoder.expire((meta.at(-1)?.ts ?? 0) * 1000 + 20_000);
      expect([name, decoder.levels().signs.length]).toEqual([name, wrong.includes(name) ? 1 : 0]);
    }
  });
});
