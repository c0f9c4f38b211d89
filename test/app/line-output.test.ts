// A stream that is slow, and one whose reader goes away.

import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLineOutput } from '../../src/app/line-output.ts';

describe('line output', () => {
  it('waits until a full stream has room again', async () => {
    const taken: string[] = [];
    let release = (): void => {};
    const stream = new Writable({
      highWaterMark: 4,
      write: (chunk, _, done) => {
        taken.push(String(chunk));
        release = done;
      },
    });
    const output = createLineOutput(stream);
    let waiting = true;
    const written = Promise.resolve(output.write('longer than four\n')).then((open) => {
      waiting = false;
      return open;
    });
    await turn();
    expect(waiting).toBe(true);
    release();
    expect(await written).toBe(true);
    expect(taken).toEqual(['longer than four\n']);
  });

  it('says that the reader has gone after EPIPE, also to who waits for room', async () => {
    const stream = new Writable({
      highWaterMark: 4,
      write: (_chunk, _, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const output = createLineOutput(stream);
    expect(await output.write('to nobody\n')).toBe(false);
    expect(await output.write('nor this\n')).toBe(false);
  });

  it('throws any other failure from a write', async () => {
    const stream = new Writable({
      write: (_chunk, _, done) => done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })),
    });
    const output = createLineOutput(stream);
    const writeTwice = async () => {
      await output.write('a\n');
      await turn();
      await output.write('b\n');
    };
    await expect(writeTwice).rejects.toThrow('no space left');
  });

  it('adds no listener per write', async () => {
    const stream = new Writable({ highWaterMark: 1, write: (_chunk, _, done) => void turn().then(() => done()) });
    const output = createLineOutput(stream);
    for (let i = 0; i < 20; i++) await output.write('a line\n');
    expect(stream.listenerCount('drain') + stream.listenerCount('close')).toBe(0);
  });
});
