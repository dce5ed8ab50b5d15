import { type Logger, pino } from 'pino';
import type { Environment } from './environment.ts';
import { currentRequestId } from './server/request-id.ts';

/** A JSON line an event, or in colours for people; each says in which request it happened. */
export function createLog({ level, pretty }: Environment['log']): Logger {
  const prettyOptions = { ignore: 'pid,hostname', singleLine: true };
  const mixin = () => {
    const requestId = currentRequestId();
    return requestId === undefined ? {} : { requestId };
  };
  if (pretty) return pino({ level, mixin, transport: { target: 'pino-pretty', options: prettyOptions } });
  const destination = pino.destination({ dest: 1, sync: true });
  // A log that nobody takes any more, on a full disk for one, must not end the service.
  destination.on('error', () => {});
  return pino({ level, mixin }, destination);
}
