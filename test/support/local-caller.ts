import type { Orderer } from '../../src/orders/order.ts';

/** The caller of requests without credentials, without limits on spending. */
export const localCaller: Orderer = {
  client: 'local',
  seesAll: true,
  limits: { submitsPerMinute: null, secondsPerDay: null, callsPerDay: null },
};

/** The settings that lift every limit on spending. */
export const noSpendingLimits = { SUBMITS_PER_MINUTE: 'none', SECONDS_PER_DAY: 'none', CALLS_PER_DAY: 'none' };
