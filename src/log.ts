import { type Logger, pino } from 'pino';
import type { Environment } from './environment.ts';
import { LogOutput, neverWaitFor } from './log-output.ts';
import { currentRequest } from './request-context.ts';

export interface Log {
  readonly log: Logger;
  /** Resolves when every line is written, or after `ms` milliseconds. */
  end(ms: number): Promise<void>;
}

/**
 * Creates the log: one JSON line for each event, or coloured text when `pretty` is set. Each line carries the id of the
 * request in which it was written.
 */
export async function createLog({ level, pretty }: Environment['log']): Promise<Log> {
  // A copy, because pino writes the fields of a line into it.
  const mixin = () => ({ ...currentRequest() });
  for (const stream of [process.stdout, process.stderr]) neverWaitFor(stream);
  const output = new LogOutput({
    fd: 1,
    format: pretty ? await prettyFormat() : (line) => line,
    onDropped: (dropped) => log.error({ dropped }, 'log lines were dropped, because the output did not take them'),
  });
  const log = pino({ level, mixin }, output);
  return { log, end: (ms) => output.end(ms) };
}

async function prettyFormat(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  return prettyFactory({ ignore: 'pid,hostname', singleLine: true });
}
