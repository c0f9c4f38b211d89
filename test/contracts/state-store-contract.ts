// What every store of a decoder's state must do. An implementation's test calls this with a way to make one.

import { expect, test } from 'vitest';
import type { StateStore } from '../../src/app/state-store.ts';
import type { Decoder } from '../../src/decode/decoder.ts';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';
import { createFeed, type Feed } from '../decode/feed.ts';

export interface StateStoreUnderTest {
  /** A place of its own. */
  createPlace(): Promise<{
    open(decoder: Decoder): StateStore;
    /** Spoils whatever is saved. */
    damage(): Promise<void>;
  }>;
}

export const templateDatagram = ipfix([set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] }))]);
export const flowDatagram = ipfix([set(256, uint(7, 4))]);
const flow = [{ octetDeltaCount: 7 }];

export function knowsTemplate(feed: Feed, exporter: string): boolean {
  return feed.records(flowDatagram, { exporter }).length === 1;
}

export function stateStoreContract({ createPlace }: StateStoreUnderTest): void {
  test('the next run knows what the last one learnt', async () => {
    const place = await createPlace();
    const first = createFeed();
    const store = place.open(first.decoder);
    await store.load();
    for (const exporter of ['192.0.2.1', '2001:db8::1']) first.sets(templateDatagram, { exporter });
    await store.stop();

    const next = createFeed();
    const again = place.open(next.decoder);
    await again.load();
    expect(next.records(flowDatagram, { exporter: '192.0.2.1' })).toEqual(flow);
    expect(next.records(flowDatagram, { exporter: '2001:db8::1' })).toEqual(flow);
    expect(next.records(flowDatagram, { exporter: '192.0.2.9' })).toEqual([]);
    await again.stop();
  });

  test('what was saved is there without a stop, as after a kill', async () => {
    const place = await createPlace();
    const first = createFeed();
    const store = place.open(first.decoder);
    await store.load();
    first.sets(templateDatagram);
    await store.save();
    const next = createFeed();
    const again = place.open(next.decoder);
    await again.load();
    expect(next.records(flowDatagram)).toEqual(flow);
    await again.stop();
    await store.stop();
  });

  test('nothing saved: nothing known, and no complaint', async () => {
    const place = await createPlace();
    const feed = createFeed();
    const store = place.open(feed.decoder);
    await store.load();
    expect(feed.decoder.saveState().exporters).toEqual([]);
    await store.stop();
  });

  test('what is damaged is not used, and what is learnt afterwards is saved', async () => {
    const place = await createPlace();
    const first = createFeed();
    const store = place.open(first.decoder);
    await store.load();
    first.sets(templateDatagram);
    await store.stop();
    await place.damage();

    const second = createFeed();
    const damaged = place.open(second.decoder);
    await damaged.load();
    expect(second.records(flowDatagram)).toEqual([]);
    second.sets(templateDatagram);
    await damaged.stop();

    const third = createFeed();
    const mended = place.open(third.decoder);
    await mended.load();
    expect(third.records(flowDatagram)).toEqual(flow);
    await mended.stop();
  });
}
