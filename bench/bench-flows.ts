// Flows for benchmarks: 300 inner hosts talk to 30,000 outer addresses, the popular ones more often (Zipf).

import type { Flow } from '../src/app/demo/flow.ts';
import { createRandom } from '../src/app/demo/random.ts';

export const recordsPerDatagram = 30;
const outerAddresses = 30_000;
const ports = [443, 443, 443, 80, 53, 22, 3478, 8443];

/** Returns a function that gives the flows of one more datagram. */
export function createBenchFlows(seed: number): (nowMs: number) => readonly Flow[] {
  // The same outer addresses for every seed, so that exporters share them.
  const world = createRandom(1);
  const outer = Array.from({ length: outerAddresses }, () => world.between(0x0100_0000, 0xdeff_ffff));
  const random = createRandom(seed);

  function flow(nowMs: number): Flow {
    const inner = 0x0a01_0000 + random.between(1, 300);
    // The rank of a popular address: r comes about 1/r as often as the first.
    const other = outer[Math.floor(outerAddresses ** random.next()) - 1] as number;
    const port = random.pick(ports);
    const client = random.between(32_768, 60_999);
    const isAnswer = random.chance(0.5);
    const packets = random.between(1, 200);
    const endMs = nowMs - random.between(0, 1_000);
    return {
      source: isAnswer ? other : inner,
      destination: isAnswer ? inner : other,
      nextHop: isAnswer ? 0 : 0x0aff_0001,
      sourcePort: isAnswer ? port : client,
      destinationPort: isAnswer ? client : port,
      protocol: port === 53 || port === 3478 ? 17 : 6,
      tcpFlags: port === 53 || port === 3478 ? 0 : 0x1b,
      typeOfService: 0,
      packets,
      bytes: packets * random.between(40, 1_500),
      startMs: endMs - random.between(0, 55_000),
      endMs,
      inputInterface: isAnswer ? 1 : 2,
      outputInterface: isAnswer ? 2 : 1,
      sourcePrefixLength: isAnswer ? 16 : 24,
      destinationPrefixLength: isAnswer ? 24 : 16,
    };
  }

  return (nowMs) => Array.from({ length: recordsPerDatagram }, () => flow(nowMs));
}
