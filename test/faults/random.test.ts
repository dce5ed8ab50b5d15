import { expect, inject, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { runMany } from './random.ts';

/** A fifteenth of `npm run drill:faults`. */
const runs = 20;

const longestRunMs = 30_000;

test.each(databaseProviders)(
  `${runs} random interleavings of orders, faults, kills and restarts break no promise, on %s`,
  async (provider) => {
    const options = { postgresUrl: inject('postgresUrl') };
    const total = await runMany({ first: 1, runs, parallel: 2 }, provider, options);
    expect(total.reports.join('\n')).toBe('');
    expect(total).toMatchObject({ runs, broken: 0 });
    // Runs in which nothing was ordered, nothing waited or no process was killed would prove nothing.
    expect(total.paid).toBeGreaterThan(runs);
    expect(total.waited).toBeGreaterThan(0);
    expect(total.sentAgain).toBeGreaterThan(0);
    expect(total.cancelled).toBeGreaterThan(0);
    expect(total.expired).toBeGreaterThan(0);
    expect(total.pauses).toBeGreaterThan(0);
    expect(total.kills).toBeGreaterThan(runs);
  },
  runs * longestRunMs,
);
