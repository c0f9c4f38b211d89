// Templates of equal content share one plan, whoever sent them: 10,000 like exporters cost one compilation. A plan is made when data
// first needs it, and the least recently used go when there are too many: whoever sends a new template in each datagram fills no memory.

import type { InformationElements } from './information-elements.ts';
import { createRecencyList, type Listed } from './recency-list.ts';
import { type TemplatePlan, toTemplatePlan } from './template-plan.ts';
import type { TemplateContent } from './template-record.ts';

export interface SharedContent extends Listed<SharedContent> {
  readonly key: string;
  readonly content: TemplateContent;
  /** Templates that say this. */
  users: number;
  plan: TemplatePlan | undefined;
}

export interface SharedPlans {
  readonly contentCount: number;
  readonly planCount: number;
  /** Counts one more user. */
  share(content: TemplateContent): SharedContent;
  release(shared: SharedContent): void;
  planOf(shared: SharedContent): TemplatePlan;
}

export interface SharedPlansOptions {
  readonly elements: InformationElements;
  readonly maxPlans: number;
  /** Of the field specifiers of all that have a plan: a plan of many fields is large. */
  readonly maxPlanBytes: number;
}

export function createSharedPlans({ elements, maxPlans, maxPlanBytes }: SharedPlansOptions): SharedPlans {
  const contents = new Map<string, SharedContent>();
  const planned = createRecencyList<SharedContent>();
  let plannedBytes = 0;

  function share(content: TemplateContent): SharedContent {
    const key = toContentKey(content);
    let shared = contents.get(key);
    if (shared === undefined) {
      shared = { key, content, users: 0, plan: undefined, newer: undefined, older: undefined };
      contents.set(key, shared);
    }
    shared.users++;
    return shared;
  }

  function release(shared: SharedContent): void {
    shared.users--;
    if (shared.users > 0) return;
    contents.delete(shared.key);
    dropPlan(shared);
  }

  function planOf(shared: SharedContent): TemplatePlan {
    if (shared.plan !== undefined) {
      planned.touch(shared);
      return shared.plan;
    }
    const bytes = shared.content.specifiers.length;
    while (planned.oldest !== undefined && (planned.size >= maxPlans || plannedBytes + bytes > maxPlanBytes))
      dropPlan(planned.oldest);
    const plan = toTemplatePlan(shared.content, elements);
    shared.plan = plan;
    planned.add(shared);
    plannedBytes += bytes;
    return plan;
  }

  function dropPlan(shared: SharedContent): void {
    if (shared.plan === undefined) return;
    planned.remove(shared);
    plannedBytes -= shared.content.specifiers.length;
    shared.plan = undefined;
  }

  return {
    get contentCount() {
      return contents.size;
    },
    get planCount() {
      return planned.size;
    },
    share,
    release,
    planOf,
  };
}

export function toContentKey({ protocol, kind, scopeCount, specifiers, taught }: TemplateContent): string {
  const key = `${protocol} ${kind} ${scopeCount} ${specifiers}`;
  // Specifiers have whole bytes only, so that no other content has this key.
  return taught === undefined ? key : `${JSON.stringify(taught)} ${key}`;
}
