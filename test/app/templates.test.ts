// `weir templates` without the command line: what it lists of a state that a decoder saved.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeTemplates } from '../../src/app/templates.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import { ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint } from '../decode/datagram-builder.ts';

let folder: string;
let pipeline: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-templates-'));
  pipeline = join(folder, 'pipeline.yml');
  await mkdir(join(folder, 'state'));
  await writeFile(pipeline, `name: a\nsteps: []\nstate: ${JSON.stringify(join(folder, 'state'))}\n`);
});
afterAll(() => rm(folder, { recursive: true }));

async function save(state: unknown): Promise<void> {
  await writeFile(join(folder, 'state', 'templates.json'), typeof state === 'string' ? state : JSON.stringify(state));
}

function toState(): unknown {
  const decoder = createDecoder({ onFault: () => {} });
  const feed = (payload: Buffer, exporter: string): void => {
    decoder.decode({ payload, exporter, exporterPort: 2055, receivedAtMs: 1_700_000_000_000 });
  };
  const fields = [
    { id: 8, length: 4 },
    { id: 82, length: 65_535 },
    { id: 1, length: 2, enterprise: 99_999 },
  ];
  feed(
    ipfix([set(2, ipfixTemplate({ id: 300, fields }), ipfixTemplate({ id: 256, fields: fields.slice(0, 1) }))], {
      domain: 7,
    }),
    '192.0.2.10',
  );
  const sampler = {
    id: 257,
    fields: [
      { id: 1, length: 4 },
      { id: 48, length: 1 },
      { id: 50, length: 4 },
    ],
    scopeCount: 1,
  };
  feed(netflow9([set(1, netflow9Template(sampler)), set(257, uint(0, 4), uint(3, 1), uint(100, 4))]), '192.0.2.9');
  return decoder.saveState();
}

describe('weir templates', () => {
  it('lists exporters, domains and templates in order, with their elements and what options taught', async () => {
    await save(toState());
    const lines = (await describeTemplates(pipeline, { json: false })).split('\n');
    expect(lines.map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'EXPORTER | PROTOCOL | DOMAIN | TEMPLATE | KIND | FIELDS | BYTES | ELEMENTS',
      '192.0.2.9 | netflow9 | 0 | 257 | options | 3 | 9 | scope:system samplerId samplerRandomInterval',
      '192.0.2.10 | ipfix | 7 | 256 | flow | 1 | 4 | sourceIPv4Address',
      '192.0.2.10 | ipfix | 7 | 300 | flow | 3 | 6+ | sourceIPv4Address interfaceName 99999/1',
      '',
      'Options records taught:',
      '192.0.2.9 netflow9 domain 0: 1 sampling intervals',
      '',
    ]);
  });

  it('gives all of it as JSON', async () => {
    await save(toState());
    const domains = JSON.parse(await describeTemplates(pipeline, { json: true }));
    expect(domains[1]).toEqual({
      exporter: '192.0.2.10',
      protocol: 'ipfix',
      domain: 7,
      templates: [
        {
          id: 256,
          kind: 'flow',
          fields: [{ enterprise: 0, id: 8, name: 'sourceIPv4Address', length: 4, isScope: false }],
        },
        {
          id: 300,
          kind: 'flow',
          fields: [
            { enterprise: 0, id: 8, name: 'sourceIPv4Address', length: 4, isScope: false },
            { enterprise: 0, id: 82, name: 'interfaceName', length: 65_535, isScope: false },
            { enterprise: 99_999, id: 1, name: '99999/1', length: 2, isScope: false },
          ],
        },
      ],
      taught: { samplingIntervals: 0, interfaceNames: 0, interfaceDescriptions: 0, applicationNames: 0, vrfNames: 0 },
    });
  });

  it('says what is wrong with a file that is no state, and what to do where there is none', async () => {
    await save('{');
    await expect(describeTemplates(pipeline, { json: false })).rejects.toMatchObject({ code: 'file-invalid' });
    await save({ weirDecoderState: 77 });
    await expect(describeTemplates(pipeline, { json: false })).rejects.toMatchObject({ code: 'file-invalid' });
    await rm(join(folder, 'state', 'templates.json'));
    await expect(describeTemplates(pipeline, { json: false })).rejects.toMatchObject({
      code: 'file-missing',
      hint: expect.stringContaining('weir run'),
    });
  });
});
