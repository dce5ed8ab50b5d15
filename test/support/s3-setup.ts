import type { TestProject } from 'vitest/node';
import { type S3Server, startS3 } from './s3.ts';

declare module 'vitest' {
  interface ProvidedContext {
    s3: Omit<S3Server, 'stop'>;
  }
}

/** One S3 server for the whole run, on which each test makes a bucket of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, ...server } = await startS3();
  project.provide('s3', server);
  return stop;
}
