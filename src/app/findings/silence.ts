// Which exporters have gone silent, and whose parked sets were lost lately: from what the ledger counts anyway, looked at now and then.

import type { Finding } from '../../model/finding.ts';
import { type ExporterCounts, otherExporters } from '../../telemetry/ledger.ts';
import { toFinding } from './catalog.ts';
import { toDurationText } from './exporter-findings.ts';

export interface CountWatch {
  look(exporters: ReadonlyMap<string, ExporterCounts>, nowMs: number): Finding[];
}

/** Who sends more seldom is not missed. */
const minDatagrams = 20;
/** So many times its usual pause, and five minutes at least. */
const pausesBeforeSign = 20;
const minSilenceMs = 5 * 60_000;
/** Who is silent for a day was taken out of service. */
const maxSilenceMs = 24 * 3_600_000;
const lossWindowMs = 10 * 60_000;

interface Seen {
  datagrams: number;
  readonly firstAtMs: number;
  readonly firstDatagrams: number;
  heardAtMs: number;
  expired: number;
  lostAtMs: number;
  lost: number;
}

export function createCountWatch(): CountWatch {
  const seen = new Map<string, Seen>();

  function look(exporters: ReadonlyMap<string, ExporterCounts>, nowMs: number): Finding[] {
    const findings: Finding[] = [];
    for (const [exporter, { datagramsReceived, faults }] of exporters) {
      if (exporter === otherExporters) continue;
      const expired = faults.get('parked-expired') ?? 0;
      let known = seen.get(exporter);
      if (known === undefined) {
        known = {
          datagrams: datagramsReceived,
          firstAtMs: nowMs,
          firstDatagrams: datagramsReceived,
          heardAtMs: nowMs,
          expired,
          lostAtMs: Number.NEGATIVE_INFINITY,
          lost: 0,
        };
        seen.set(exporter, known);
      }
      if (datagramsReceived !== known.datagrams) {
        known.datagrams = datagramsReceived;
        known.heardAtMs = nowMs;
      }
      if (nowMs - known.lostAtMs > lossWindowMs) known.lost = 0;
      if (expired > known.expired) {
        known.lost += expired - known.expired;
        known.expired = expired;
        known.lostAtMs = nowMs;
      }
      if (known.lost > 0) findings.push(toFinding('templates-lost', { sets: known.lost }, { exporter }));
      const silence = toSilence(known, nowMs);
      if (silence !== undefined) findings.push(toFinding('exporter-silent', silence, { exporter }));
    }
    return findings;
  }

  return { look };
}

function toSilence({ datagrams, firstDatagrams, firstAtMs, heardAtMs }: Seen, nowMs: number) {
  const silentMs = nowMs - heardAtMs;
  const came = datagrams - firstDatagrams;
  if (came < minDatagrams || silentMs < minSilenceMs || silentMs > maxSilenceMs) return undefined;
  const pauseMs = (heardAtMs - firstAtMs) / came;
  if (silentMs < pausesBeforeSign * pauseMs) return undefined;
  return { silence: toDurationText(silentMs), usual: pauseMs < 1000 ? 'second' : toDurationText(pauseMs) };
}
