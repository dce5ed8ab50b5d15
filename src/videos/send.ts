import { setTimeout as sleep } from 'node:timers/promises';
import type { SubmitReply } from '../upstream/replies.ts';
import { AnswerNotSavedError, TaskNotFoundError } from './errors.ts';
import type { VideoRequest } from './request.ts';
import { momentOf, type Services } from './services.ts';
import type { VideoTask } from './task.ts';
import { recordChange } from './tasks.ts';
import { afterSubmit } from './transitions.ts';

/** How long a client waits for an answer to be saved; the saving itself goes on. */
const savePatienceMs = 10_000;

/** The pauses between attempts to save an answer: doubled each time. */
const saveRetryMs = { first: 100, max: 5_000 };

/** Lets the shutdown wait for `promise`. */
export function untilSettled<Result>({ submitting }: Services, promise: Promise<Result>): Promise<Result> {
  submitting.add(promise);
  const done = () => void submitting.delete(promise);
  promise.then(done, done);
  return promise;
}

/**
 * Sends an order that was written down, once, and saves what came of it. `whenSaved` hears of it however long that takes,
 * while a client does not wait for ever.
 *
 * @throws AnswerNotSavedError when the order was sent, but the database does not take the answer.
 */
export async function send(
  services: Services,
  task: VideoTask,
  request: VideoRequest,
  whenSaved: (task: VideoTask) => Promise<void>,
): Promise<VideoTask> {
  const sentAt = services.now();
  const reply = await call(services, task, request);
  services.throttle.heedSubmit(reply, sentAt, services.now());
  if (reply.kind === 'ACCEPTED') {
    // Said before it is saved: should the process die meanwhile, the paid id is at least in the log.
    services.log.info({ taskId: task.id, upstreamId: shown(services, reply) }, 'order accepted');
    // A log that stands still is waited for one second at most, because the database is the better place.
    await new Promise((resolve) => services.log.flush(resolve));
  } else {
    services.log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'submit failed');
  }
  const saved = untilSettled(services, saveReply(services, task, reply, whenSaved));
  const { promise: lostPatience, reject } = Promise.withResolvers<never>();
  const patience = setTimeout(() => reject(new AnswerNotSavedError(task.id)), savePatienceMs);
  return Promise.race([saved, lostPatience]).finally(() => clearTimeout(patience));
}

/** The upstream's id as it is shown: without the key, should it be in there. */
const shown = ({ upstream }: Services, reply: SubmitReply): string | null =>
  reply.kind === 'ACCEPTED' ? upstream.redact(reply.upstreamId) : null;

/**
 * The one paid call. Not after the lease: by then the task counts as UNCONFIRMED, its owner may have given it up, and
 * nobody expects an order of it any more.
 */
async function call(
  { upstream, aborting, now }: Services,
  task: VideoTask,
  request: VideoRequest,
): Promise<SubmitReply> {
  const expired = task.leasedUntil !== null && now() >= task.leasedUntil;
  if (!expired && !aborting.aborted) return upstream.submit(request, aborting);
  return { kind: 'NEVER_SENT', message: 'The service was held up or stopped before it could send the order.' };
}

/** Saves what the upstream has answered, however long the database takes to be there again. */
async function saveReply(
  services: Services,
  task: VideoTask,
  reply: SubmitReply,
  whenSaved: (task: VideoTask) => Promise<void>,
): Promise<VideoTask> {
  for (let pauseMs = saveRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, saveRetryMs.max)) {
    try {
      const saved = await recordReply(services, task, reply);
      await whenSaved(saved);
      return saved;
    } catch (err) {
      // Should nothing else survive, this line does: it holds all that has to be put into the row.
      const upstreamId = shown(services, reply);
      services.log.error({ taskId: task.id, kind: reply.kind, upstreamId, err }, 'answer to the order not saved yet');
      if (services.aborting.aborted) throw new AnswerNotSavedError(task.id);
      await sleep(pauseMs, undefined, { signal: services.aborting }).catch(() => {});
    }
  }
}

async function reread({ store }: Services, { id }: VideoTask): Promise<VideoTask> {
  const task = await store.find(id);
  if (!task) throw new TaskNotFoundError(id);
  return task;
}

async function recordReply(services: Services, task: VideoTask, reply: SubmitReply): Promise<VideoTask> {
  // The tracker may have given the task up while we were waiting. What we have learned since is newer than that.
  for (let current = task; ; current = await reread(services, task)) {
    const change = afterSubmit(current, reply, momentOf(services));
    const saved = change && (await recordChange(services, current, change));
    if (saved) return saved;
    if (change) continue;
    if (reply.kind === 'ACCEPTED' && reply.upstreamId !== current.upstreamId) {
      // It was confirmed meanwhile, under another id: somebody has to look.
      services.log.error({ taskId: task.id, upstreamId: shown(services, reply) }, 'answer to the order came too late');
    }
    return current;
  }
}
