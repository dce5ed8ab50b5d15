import { randomBytes } from 'node:crypto';
import type { Outcome } from './read-order.ts';

/**
 * Everything that the sandbox knows about a task. It is encoded in the task's id, so the sandbox stores nothing and
 * survives a restart.
 */
export interface SandboxTask {
  readonly createdAtMs: number;
  readonly upstreamModel: string;
  readonly durationSeconds: number;
  readonly outcome: Outcome;
}

const prefix = 'video_sandbox_';

/** Encodes a task as an id, with a random part. */
export function toTaskId(task: SandboxTask): string {
  const facts = [
    task.createdAtMs,
    task.upstreamModel,
    task.durationSeconds,
    task.outcome,
    randomBytes(4).toString('hex'),
  ];
  return prefix + Buffer.from(facts.join(' ')).toString('base64url');
}

/** Decodes an id; null where it is not one of the sandbox's. */
export function fromTaskId(id: string): SandboxTask | null {
  if (!id.startsWith(prefix)) return null;
  const [createdAtMs, upstreamModel, durationSeconds, outcome] = Buffer.from(id.slice(prefix.length), 'base64url')
    .toString()
    .split(' ');
  if (!upstreamModel || !outcome || !Number(createdAtMs) || !Number(durationSeconds)) return null;
  return {
    createdAtMs: Number(createdAtMs),
    upstreamModel,
    durationSeconds: Number(durationSeconds),
    outcome: outcome as Outcome,
  };
}
