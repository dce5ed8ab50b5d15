import type { SandboxSettings } from '../../src/sandbox/sandbox.ts';

/** A sandbox on a port that is free, with an account without limits. */
export const freeSandbox: SandboxSettings = { port: 0, submitsPerMinute: null, credit: null };
