import type { Orderer, OrderOptions } from '../../src/orders/order.ts';

/** The caller of requests without credentials, without limits on spending. */
export const localCaller: Orderer = {
  client: 'local',
  seesAll: true,
  limits: { submitsPerMinute: null, secondsPerDay: null, callsPerDay: null, maxOpen: null },
};

/** The options of an order that does not wait where the upstream takes no orders. */
export const failing: OrderOptions = { whenBusy: 'FAIL', startBefore: null };

/** The settings that lift every limit on spending. */
export const noSpendingLimits = { SUBMITS_PER_MINUTE: 'none', SECONDS_PER_DAY: 'none', CALLS_PER_DAY: 'none' };
