import type { Client } from '../../src/videos/client.ts';

/** Who needs no key on their own machine, without the limits that would stop a test. */
export const localClient: Client = {
  name: 'local',
  seesAll: true,
  limits: { submitsPerMinute: null, secondsPerDay: null, callsPerDay: null },
};

/** The settings that lift every limit on spending. */
export const noSpendingLimits = { SUBMITS_PER_MINUTE: 'none', SECONDS_PER_DAY: 'none', CALLS_PER_DAY: 'none' };
