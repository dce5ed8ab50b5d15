import dns from 'node:dns';
import { afterAll, beforeAll, inject } from 'vitest';
import type { StorageSettings } from '../../src/files/open-file-store.ts';
import { freshDirectory } from './database.ts';
import { createBucket } from './s3.ts';

type S3Place = Extract<StorageSettings, { kind: 's3' }>;

/** A new bucket on the S3 server of the run, as the service's settings name it. */
export async function freshBucket(changes: Partial<S3Place> = {}): Promise<S3Place> {
  const { endpoint, region, accessKeyId, secretAccessKey } = inject('s3');
  const bucket = await createBucket(inject('s3'));
  const place = { kind: 's3', bucket, prefix: '', addressing: 'path', sessionToken: null } as const;
  const limits = { temporaryDirectory: freshDirectory(), minFreeBytes: 0 };
  return { ...place, ...limits, endpoint, region, accessKeyId, secretAccessKey, ...changes };
}

/** Lets the names of hosts that begin with that of a bucket lead to this machine, as the DNS does for a real server. */
export function resolveVirtualHosts(): void {
  const original = dns.lookup;
  const { hostname } = new URL(inject('s3').virtualEndpoint);
  beforeAll(() => {
    const lookup = (name: string, ...rest: unknown[]) =>
      Reflect.apply(original, dns, [name.endsWith(`.${hostname}`) ? '127.0.0.1' : name, ...rest]);
    dns.lookup = Object.assign(lookup, { __promisify__: original.__promisify__ });
  });
  afterAll(() => {
    dns.lookup = original;
  });
}
