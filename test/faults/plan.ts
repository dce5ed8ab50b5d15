import fc from 'fast-check';
import type { Moment, OrderScript } from './upstream.ts';
import {
  type CheckFault,
  checkFaults,
  type Ending,
  endings,
  type Outage,
  outages,
  progress,
  type SubmitFault,
  submitFaults,
} from './upstream-faults.ts';

/** What an order of a plan says beside the video. `startWithinMs` counts from when it is sent. */
export interface PlannedOptions {
  readonly whenBusy?: 'FAIL';
  readonly startWithinMs?: number;
}

/** What is ordered, and what the upstream does with it. */
export interface PlannedOrder {
  readonly script: OrderScript;
  readonly options: PlannedOptions;
}

/** The steps of a run, in order. `via` says which of the two instances gets the request, if both are up. */
export type Step =
  | { readonly do: 'submit'; readonly keyed: boolean; readonly order: PlannedOrder; readonly via: number }
  /** The same order again, so many times at once, over one instance or over both. */
  | {
      readonly do: 'duplicates';
      readonly of: number;
      readonly copies: number;
      readonly spread: boolean;
      readonly via: number;
    }
  /** Another order under a key that was used, at once with a duplicate of the first. */
  | { readonly do: 'other order'; readonly of: number; readonly via: number }
  /** The last of the batch is a duplicate of an earlier order. */
  | { readonly do: 'batch'; readonly orders: readonly PlannedOrder[]; readonly of: number; readonly via: number }
  /** Cancels one of the tasks that wait, or all of them. */
  | { readonly do: 'cancel'; readonly of: number | 'all'; readonly via: number }
  /** For so long the upstream takes no order. */
  | { readonly do: 'outage'; readonly by: Outage; readonly ms: number }
  /** Submitting is paused, and for so long after that is done. */
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'resolve'; readonly of: number; readonly confirm: boolean; readonly via: number }
  | { readonly do: 'kill'; readonly via: number; readonly afterMs: number }
  | { readonly do: 'stop'; readonly via: number }
  /** Starts the missing one of the two, or both, after a long or a short pause. */
  | { readonly do: 'start'; readonly longOutage: boolean }
  | { readonly do: 'refuse the key'; readonly from: boolean }
  | { readonly do: 'wait'; readonly ms: number };

const keysOf = <Key extends string>(table: Record<Key, unknown>) => Object.keys(table) as Key[];

const submitFault: fc.Arbitrary<SubmitFault> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<SubmitFault>('ok') },
  // After most refusals a run is over before the order is sent again.
  { weight: 2, arbitrary: fc.constant<SubmitFault>('429 for 0.02 s') },
  { weight: 5, arbitrary: fc.constantFrom(...keysOf(submitFaults)) },
);

const oneCheck: fc.Arbitrary<readonly CheckFault[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...keysOf(progress)).map((said) => [said]) },
  { weight: 4, arbitrary: fc.constantFrom(...keysOf(checkFaults)).map((fault) => [fault]) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom<CheckFault>('404', '400 for content'), fc.integer({ min: 1, max: 3 }))
      .map(([fault, times]) => Array<CheckFault>(times).fill(fault)),
  },
  { weight: 1, arbitrary: fc.integer({ min: 2, max: 20 }).map((times) => Array<CheckFault>(times).fill('503')) },
);

const moments: readonly Moment[] = ['POST arrived', 'POST answered', 'GET arrived', 'GET answered'];

const script: fc.Arbitrary<OrderScript> = fc.record({
  submit: submitFault,
  sentAgain: fc.array(submitFault, { maxLength: 3, size: 'max' }),
  checks: fc.array(oneCheck, { maxLength: 4, size: 'max' }).map((parts) => parts.flat()),
  ending: fc.oneof(fc.constant<Ending>('completed'), fc.constantFrom(...keysOf(endings))),
  interruptAt: fc.oneof(
    { weight: 14, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom(...moments) },
  ),
});

const options: fc.Arbitrary<PlannedOptions> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: fc.constant({ whenBusy: 'FAIL' as const }) },
  { weight: 1, arbitrary: fc.record({ startWithinMs: fc.integer({ min: 0, max: 4_000 }) }) },
);

const order = fc.record({ script, options });

const via = fc.integer({ min: 0, max: 1 });
const of = fc.nat({ max: 1_000 });
const named = <Name extends Step['do']>(name: Name) => fc.constant(name);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: named('submit'),
      keyed: fc.integer({ max: 4, min: 0 }).map(Boolean),
      order,
      via,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: named('duplicates'),
      of,
      copies: fc.integer({ min: 1, max: 4 }),
      spread: fc.boolean(),
      via,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: named('other order'), of, via }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: named('batch'),
      orders: fc.array(order, { minLength: 2, maxLength: 5, size: 'max' }),
      of,
      via,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: named('cancel'), of: fc.oneof(of, fc.constant('all' as const)), via }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: named('outage'),
      by: fc.oneof(fc.constantFrom(...outages), fc.constant<Outage>('429 for 0.02 s')),
      ms: fc.integer({ min: 100, max: 1_500 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: named('pause'), ms: fc.integer({ min: 100, max: 1_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: named('resolve'), of, confirm: fc.boolean(), via }) },
  { weight: 2, arbitrary: fc.record({ do: named('kill'), via, afterMs: fc.integer({ min: 0, max: 100 }) }) },
  { weight: 1, arbitrary: fc.record({ do: named('stop'), via }) },
  { weight: 1, arbitrary: fc.record({ do: named('start'), longOutage: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: named('refuse the key'), from: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: named('wait'), ms: fc.integer({ min: 100, max: 500 }) }) },
);

/** A step, and how long it is until the next one. */
export interface PlannedStep {
  readonly step: Step;
  readonly thenMs: number;
}

const plannedStep = fc.record({ step, thenMs: fc.integer({ min: 0, max: 60 }) });

/** How long what is under way may go on before the end, when all processes die: some answers never come that soon. */
const lastPatienceMs = fc.constantFrom(0, 150, 400, 1_000);

/** A random interleaving of orders, faults, kills and restarts. */
export const plan = fc.record({
  steps: fc.array(plannedStep, { minLength: 10, maxLength: 22, size: 'max' }),
  lastPatienceMs,
});

export interface Plan {
  readonly steps: readonly PlannedStep[];
  readonly lastPatienceMs: number;
}
