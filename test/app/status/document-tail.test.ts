import { describe, expect, it } from 'vitest';
import { createDocumentTail } from '../../../src/app/status/document-tail.ts';
import { documentBatchOf } from '../../index/document-batches.ts';

const numbered = (count: number) => documentBatchOf(Array.from({ length: count }, (_, n) => `{"n":"${n}."}`));

describe('the tail of documents', () => {
  it('is watched for some seconds after somebody asked, and by nobody before', () => {
    const tail = createDocumentTail();
    expect(tail.isWatched(0)).toBe(false);
    expect(tail.read('', 0, 1000)).toEqual({ next: 0, documents: [], tried: 0, matched: 0 });
    expect(tail.isWatched(6000)).toBe(true);
    expect(tail.isWatched(6001)).toBe(false);
  });

  it('gives each document once, in order, to whoever goes on where he was', () => {
    const tail = createDocumentTail();
    tail.read('', 0, 0);
    tail.add(numbered(3), 0);
    const first = tail.read('', 0, 1000);
    expect(first?.documents).toEqual(['{"n":"0."}', '{"n":"1."}', '{"n":"2."}']);
    tail.add(numbered(1), 1000);
    expect(tail.read('', first?.next ?? 0, 2000)?.documents).toEqual(['{"n":"0."}']);
    expect(tail.read('', 0, 2000)?.documents).toHaveLength(4);
  });

  it('shows so many a second, and a filter has documents of its own', () => {
    const tail = createDocumentTail();
    tail.read('', 0, 0);
    tail.read('7.', 0, 0);
    tail.add(numbered(1000), 0);
    expect(tail.read('', 0, 1)?.documents).toHaveLength(20);
    expect(tail.read('7.', 0, 1)).toMatchObject({ matched: 20 });
    expect(tail.read('7.', 0, 1)?.documents[0]).toBe('{"n":"7."}');
    tail.add(numbered(1000), 1000);
    expect(tail.read('', 0, 1001)?.documents).toHaveLength(40);
  });

  it('keeps a bounded number of documents and of filters', () => {
    const tail = createDocumentTail();
    tail.read('', 0, 0);
    for (let second = 0; second < 20; second += 1) {
      tail.read('', 0, 1000 * second);
      tail.add(numbered(50), 1000 * second);
    }
    expect(tail.read('', 0, 20_000)?.documents).toHaveLength(100);
    for (let number = 0; number < 50; number += 1) tail.read(`${number}`, 0, 20_000);
    tail.add(numbered(50), 20_000);
    const watched = Array.from({ length: 50 }, (_, number) => tail.read(`${number}`, 0, 20_001)?.tried ?? 0);
    expect(watched.filter((tried) => tried > 0).length).toBeLessThanOrEqual(8);
    expect(tail.read('a'.repeat(500), 0, 20_001)).toBeUndefined();
  });
});
