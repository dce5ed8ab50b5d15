import { expect, inject, test } from 'vitest';
import { databaseProviders } from '../support/database.ts';
import { drill } from './drill.ts';
import { storeKinds } from './place.ts';
import { wayNames } from './ways.ts';

/** A tenth of `npm run drill:files` over the four cases together. */
const options = { orders: 25, kills: 5, seed: 1 };

const cases = databaseProviders.flatMap((provider) => storeKinds.map((store) => ({ provider, store })));

test.each(cases)(
  'a faulty host and a service that is killed again and again leave each video whole, or failed for a true reason, over $provider and $store',
  async ({ provider, store }) => {
    const servers = { postgresUrl: inject('postgresUrl'), s3: inject('s3') };
    const { problems, ...report } = await drill({ ...options, provider, store }, servers);
    expect(problems.slice(0, 20)).toEqual([]);
    expect(report).toMatchObject({ kills: options.kills });
    expect(report.stored + report.failed).toBe(options.orders);
    // A drill without every way of the host, without kills in the middle of a download, or without reads, would prove little.
    expect(report.killsMidway).toBeGreaterThan(0);
    expect(options.orders).toBeGreaterThanOrEqual(wayNames.length);
    expect(report.reads.whole).toBeGreaterThan(5);
    expect(report.reads.part).toBeGreaterThan(2);
  },
);
