// The sequence numbers of one exporter, protocol and observation domain: which datagram is next, what is missing, what came late,
// twice, or after a restart. RFC 3954 §5.1 (v9), RFC 7011 §3.1 and §8 (IPFIX), sFlow v5 §5.1; v5 counts flows.

import { type SequenceChange, type SequenceUnit, sequenceUnits } from '../model/sequence.ts';
import { isRebooted, isSentBefore, isSentLater, isTwin, maxLateMs } from './sequence-clock.ts';
import { SequenceHoles } from './sequence-holes.ts';
import {
  findMeasures,
  interleaved,
  isAfter,
  lowestMeasure,
  measure,
  type Observation,
  toTrouble,
  unitsOf,
  usableMeasures,
} from './sequence-measures.ts';
import { SequenceStrands } from './sequence-strands.ts';
import { type SequenceSender, SequenceTally } from './sequence-tally.ts';

/** Loss that is plausible: so much at once, and what an exporter could have sent in the time that passed. More is a restart. */
const plausible = {
  records: { atOnce: 100_000, perMs: 2000 },
  datagrams: { atOnce: 10_000, perMs: 100 },
} as const;
/** Behind by more: nothing comes so late. */
const maxBehind = { records: 30_000, datagrams: 1000 } as const;

export function isPlausibleLoss(unit: SequenceUnit, ahead: number, passedMs: number): boolean {
  const { atOnce, perMs } = plausible[unit];
  return ahead <= atOnce + perMs * Math.max(0, passedMs);
}

/** Datagrams in their turn until the measure is believed, and loss told. */
const provenAfter = { telling: 2, any: 8 } as const;
/** Misfits in a row that another measure explains, and the protocol's own does not. */
const misfitsBeforeJudging = 8;
const explainedBeforeVerdict = 3;
const explainedBeforePardon = 32;
const judgedBeforeVerdict = 16;
/** A restart counts so much, a datagram in its turn takes one back: one restart in eight datagrams is no restart any more. */
const restartWeight = 8;
const maxRestartPressure = 64;

export class SequenceSpace {
  readonly sender: SequenceSender;
  readonly domain: number;
  last: Observation;
  /** The number of the datagram that comes next in its turn. */
  next = 0;
  /** Everything is as it should be: a datagram in its turn needs no further look. */
  isSteady = false;
  sentAtLast = 0;
  /** More than one datagram came. */
  hasFollowed = false;
  received: number;
  readonly tally: SequenceTally;

  #measure: number = measure.ownBefore;
  #start = 0;
  /** False: the last datagram had sets without a template, and `next` is the least that it can be. */
  #isNextKnown = true;
  #holes: SequenceHoles | undefined;
  /** From the first number that was not the next. */
  #strands: SequenceStrands | undefined;
  #proof = 0;
  #isJudged = false;
  #judged = 0;
  /** The measures that explained all of the last `#explained` datagrams. */
  #explanation = 0;
  #explained = 0;
  #restartPressure = 0;
  /** Where `lost` stood when the numbers began to look odd. */
  #lostBefore = 0;
  /** Where the life before the last restart ended, and when. */
  #formerNext = 0;
  #restartedAtMs = Number.NEGATIVE_INFINITY;

  constructor(sender: SequenceSender, domain: number, first: Observation, onChange: (change: SequenceChange) => void) {
    this.sender = sender;
    this.domain = domain;
    this.last = { ...first };
    this.received = Math.max(0, first.own);
    this.tally = new SequenceTally(sender, domain, onChange);
    this.#begin(first);
  }

  /** The numbers have proven to count what the protocol says, from the first unit of a datagram. */
  get countsAsSaid(): boolean {
    return this.tally.isProven && !this.#isJudged && this.#isNextKnown && this.#measure === measure.ownBefore;
  }

  /** Everything but a datagram in its turn while steady. */
  observe(now: Observation): void {
    this.hasFollowed = true;
    if (now.own > 0) this.received += now.own;
    this.#followStrands(now);
    if (this.#isJudged) {
      this.#judge(now);
      return;
    }
    const units = unitsOf(this.#measure, now);
    const begin = this.#toBegin(units, now);
    const ahead = (begin - this.next) | 0;
    // An after-measure needs the units to know where the datagram begins.
    const isVague = !this.#isNextKnown || (units < 0 && isAfter(this.#measure));
    if (isVague && ahead >= 0 && this.#isPlausible(ahead, begin, now)) this.#advance(begin, units, now);
    else if (ahead === 0) this.#inTurn(begin, units, now);
    else if (ahead > 0) this.#ahead(ahead, begin, units, now);
    else this.#behind(-ahead, begin, units, now);
    this.#settle();
  }

  /** How many counters take turns behind the exporter's address; 0: one. */
  countersAt(nowMs: number): number {
    return this.#strands?.countersAt(nowMs) ?? 0;
  }

  #followStrands(now: Observation): void {
    if (this.#strands === undefined) {
      if (now.sequence === this.next || this.#isJudged) return;
      this.#strands = new SequenceStrands(sequenceUnits[this.sender.protocol], this.last);
    }
    // What came in its turn meanwhile was not looked at.
    if (this.isSteady) this.#strands.follow(this.last);
    this.#strands.take(now);
    if (this.countersAt(now.receivedAtMs) === 0 || this.tally.trouble === interleaved) return;
    if (!this.#isJudged) this.#startJudging();
    this.tally.giveUp(interleaved);
  }

  #inTurn(begin: number, units: number, now: Observation): void {
    if (this.#restartPressure > 0) this.#restartPressure--;
    const measures = findMeasures(this.last, now, this.sender.sent - this.sentAtLast);
    if ((measures & this.#explanation) === 0) this.#explained = 0;
    this.#advance(begin, units, now);
    if (this.tally.isProven) return;
    const isTelling = (measures & ~usableMeasures[this.sender.protocol]) === 0;
    this.#proof += isTelling ? provenAfter.any / provenAfter.telling : 1;
    if (this.#proof >= provenAfter.any) this.tally.prove();
  }

  /** Something is missing before it, or the exporter has restarted. */
  #ahead(ahead: number, begin: number, units: number, now: Observation): void {
    if (this.#isOfFormerLife(begin, now)) {
      this.tally.late();
    } else if (isRebooted(this.last, now) || !this.#isPlausible(ahead, begin, now)) {
      this.#restart(begin, units, now);
    } else {
      this.#holes ??= new SequenceHoles();
      this.#holes.add(this.next, ahead);
      this.#misfit(now);
      this.tally.lose(ahead);
      this.#advance(begin, units, now);
    }
    if (this.#explained >= misfitsBeforeJudging) this.#startJudging();
  }

  /** Late, sent twice, after a restart, or not of this measure. */
  #behind(behind: number, begin: number, units: number, now: Observation): void {
    const { last } = this;
    const delta = (now.sequence - last.sequence) | 0;
    if (delta === 0 && !isRebooted(last, now)) {
      this.#misfit(now);
      const isDouble = isTwin(last, now);
      if (isDouble) this.tally.double();
      // Options records that are not counted, or numbers that never change.
      if ((!isDouble && last.second === 0) || this.#explained >= misfitsBeforeJudging) this.#startJudging(now);
    } else if (delta > 0 && !isRebooted(last, now)) {
      // The numbers grow, but no datagram begins inside of another: they count something else.
      this.#misfit(now);
      this.#startJudging(now);
    } else if (isRebooted(last, now) || isSentLater(last, now, begin) || this.#isTooFarBehind(behind)) {
      if (this.#isOfFormerLife(begin, now)) this.tally.late();
      else this.#restart(begin, units, now);
    } else {
      const filled = this.#holes?.fill(begin, units) ?? 0;
      if (filled > 0) {
        this.tally.lose(-filled);
        this.tally.late();
      } else if (((begin - this.#start) | 0) < 0) this.tally.late();
      else this.tally.double();
    }
  }

  #isTooFarBehind(behind: number): boolean {
    return behind > maxBehind[sequenceUnits[this.sender.protocol]];
  }

  /** Is it loss? A wide jump to the very first number is not. */
  #isPlausible(ahead: number, begin: number, { receivedAtMs }: Observation): boolean {
    const passedMs = begin <= 1 ? 0 : receivedAtMs - this.last.receivedAtMs;
    return isPlausibleLoss(sequenceUnits[this.sender.protocol], ahead, passedMs);
  }

  /** Overtaken by the first datagrams after a restart. */
  #isOfFormerLife(begin: number, now: Observation): boolean {
    if (now.receivedAtMs - this.#restartedAtMs > maxLateMs || !isSentBefore(this.last, now)) return false;
    return !this.#isTooFarBehind(Math.abs((this.#formerNext - begin) | 0));
  }

  #restart(begin: number, units: number, now: Observation): void {
    if (this.#restartPressure === 0) this.#lostBefore = this.tally.lost;
    this.#restartPressure += restartWeight;
    this.#formerNext = this.next;
    this.#restartedAtMs = now.receivedAtMs;
    this.#holes?.clear();
    this.#start = begin;
    this.#advance(begin, units, now);
    this.tally.restart();
    if (this.#restartPressure >= maxRestartPressure) this.#startJudging();
  }

  #begin(now: Observation): void {
    const units = unitsOf(this.#measure, now);
    const begin = this.#toBegin(units, now);
    this.#holes?.clear();
    this.#start = begin;
    this.#advance(begin, units, now);
  }

  /** The number of its first unit: some measures count up to the end of a datagram. */
  #toBegin(units: number, now: Observation): number {
    return isAfter(this.#measure) ? (now.sequence - Math.max(0, units)) >>> 0 : now.sequence;
  }

  #advance(begin: number, units: number, now: Observation): void {
    this.#isNextKnown = units >= 0;
    this.next = (begin + Math.max(0, units)) >>> 0;
    this.#remember(now);
  }

  #remember(now: Observation): void {
    Object.assign(this.last, now);
    this.sentAtLast = this.sender.sent;
  }

  /** Counts how long another measure has explained what the own one does not. */
  #misfit(now: Observation): void {
    const measures = findMeasures(this.last, now, this.sender.sent - this.sentAtLast) & ~this.#measure;
    if (this.#explained === 0) {
      this.#explanation = measures;
      this.#lostBefore = this.tally.lost;
    } else this.#explanation &= measures;
    this.#explained = this.#explanation === 0 ? 0 : this.#explained + 1;
  }

  /** From here on nothing is counted until a measure has explained some datagrams in a row. */
  #startJudging(now?: Observation): void {
    this.#isJudged = true;
    this.isSteady = false;
    this.#judged = 0;
    this.#restartPressure = 0;
    this.tally.takeBack(this.#lostBefore);
    this.#holes?.clear();
    if (now === undefined) return;
    this.#explained = 0;
    this.#judge(now);
  }

  #judge(now: Observation): void {
    const isKnown = now.own >= 0 && this.last.own >= 0;
    const measures = isKnown ? findMeasures(this.last, now, this.sender.sent - this.sentAtLast) : 0;
    const common = this.#explained === 0 ? measures : this.#explanation & measures;
    this.#explained = common === 0 ? (measures === 0 ? 0 : 1) : this.#explained + 1;
    this.#explanation = common === 0 ? measures : common;
    if (isKnown) this.#judged++;
    this.#remember(now);

    const usable = this.#explanation & usableMeasures[this.sender.protocol];
    const isSure = usable === this.#explanation || this.#explained >= provenAfter.any;
    const enough = this.tally.trouble === undefined ? explainedBeforeVerdict : explainedBeforePardon;
    const isOne = this.countersAt(now.receivedAtMs) === 0;
    if (isOne && usable !== 0 && isSure && this.#explained >= enough) {
      this.#measure = lowestMeasure(usable);
      this.#isJudged = false;
      this.#proof = 0;
      this.#explained = 0;
      this.tally.doubt();
      this.tally.pardon();
      this.#begin(now);
    } else if (this.tally.trouble === undefined) {
      const { protocol } = this.sender;
      if (usable === 0 && this.#explained >= explainedBeforeVerdict) {
        this.tally.giveUp(toTrouble(protocol, this.#explanation));
      } else if (this.#judged >= judgedBeforeVerdict) this.tally.giveUp(toTrouble(protocol, 0));
    }
  }

  #settle(): void {
    this.isSteady =
      !this.#isJudged &&
      this.tally.isProven &&
      this.#isNextKnown &&
      this.#explained === 0 &&
      this.#restartPressure === 0 &&
      this.#measure === measure.ownBefore &&
      this.#strands?.isAt(this.last) !== false;
  }
}
