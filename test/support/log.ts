import { pino } from 'pino';

/** A log for parts that want one. */
export const silentLog = pino({ level: 'silent' });
