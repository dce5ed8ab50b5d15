import { describe, expect, test } from 'vitest';
import type { TaskChange, VideoTask } from '../../src/tasks/task.ts';
import { databaseProviders, freshDatabase } from '../support/database.ts';
import { at, create, newTask, openStore, promptsOf, start } from '../support/task-store.ts';

/** The time that a UUID v7 starts with. */
const timeOf = (id: string): Date => new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16));

const idsOf = (tasks: readonly VideoTask[]): string[] => tasks.map(({ id }) => id);

describe.each(databaseProviders)('the task store on %s', (provider) => {
  const freshStore = async () => openStore(await freshDatabase(provider));

  test('a new task is read back as it was written, with its first version and null for what is not known yet', async () => {
    const store = await freshStore();
    const { referenceImages, ...task } = newTask({
      mode: 'IMAGE_TO_VIDEO',
      prompt: 'Ein Papierboot ⛵ – “dämmert”\n\t🌧',
      referenceImages: [
        { kind: 'URL', url: 'https://example.com/ü.png?a=1&b="2"' },
        { kind: 'INLINE', mimeType: 'image/png', sizeBytes: 68, sha256: 'a'.repeat(64) },
      ],
      nextCheckAt: at(1),
      leasedUntil: at(999),
    });
    const created = await create(store, { ...task, referenceImages });
    expect(created).toEqual({
      ...task,
      id: created.id,
      version: 1,
      ...{ refusalCount: 0, refusedAt: null, checkCount: 0 },
      repeatedAnswer: null,
      repeatedAnswerCount: 0,
      history: [],
      upstreamId: null,
      confirmedUpstreamId: null,
      upstreamStatus: null,
      failureCode: null,
      failureMessage: null,
      failureRetryAfterSeconds: null,
      videoUrl: null,
      videoExpiresAt: null,
      videoDurationSeconds: null,
      submittedAt: null,
      lastCheckedAt: null,
      completedAt: null,
      storeDueAt: null,
      storage: null,
    });
    expect(await store.find(created.id)).toEqual(created);
    expect(await store.findReferenceImages(created.id)).toEqual(referenceImages);
    expect(await store.findReferenceImages('019a0000-0000-7000-8000-000000000000')).toEqual([]);
  });

  test('a change of every field is read back as it was written, to the millisecond, and back to null', async () => {
    const store = await freshStore();
    const task = await create(store);
    const everything: Required<TaskChange> = {
      status: 'FAILED',
      upstreamId: 'video_grok_1',
      confirmedUpstreamId: 'video_grok_1',
      upstreamStatus: 'Failed!',
      failureCode: 'GENERATION_FAILED',
      failureMessage: 'It “failed”.',
      failureRetryAfterSeconds: 7,
      videoUrl: 'https://videos.example.com/1.mp4?signature=a%20b',
      videoExpiresAt: at(6),
      videoDurationSeconds: 10.041667,
      submittedAt: at(1),
      lastCheckedAt: at(2),
      nextCheckAt: at(3),
      completedAt: at(4),
      storeDueAt: at(7),
      storage: 'STORED',
      ...{ turn: 12, waitsFor: 'RATE_LIMITED', sendAttempt: 3, refusalCount: 2, refusedAt: at(8), account: 'second' },
      leasedUntil: at(5),
      checkCount: 3,
      repeatedAnswer: 'NOT_FOUND',
      repeatedAnswerCount: 2,
      history: [
        {
          from: 'QUEUED',
          to: 'FAILED',
          at: at(4).toISOString(),
          cause: 'CHECK',
          upstreamStatus: 'Failed!',
          attempt: 3,
        },
      ],
      idempotencyKey: 'key',
    };
    const changed = await store.update(task, everything);
    expect(changed).toEqual({ ...task, ...everything, version: 2 });
    expect(await store.find(task.id)).toEqual(changed);

    const nothing = { nextCheckAt: null, leasedUntil: null, failureCode: null, videoDurationSeconds: null };
    expect(await store.update({ id: task.id, version: 2 }, nothing)).toEqual({ ...changed, ...nothing, version: 3 });
  });

  test('there is no task under an id that was never given', async () => {
    const store = await freshStore();
    await create(store);
    for (const id of ['', 'nonsense', '019a0000-0000-7000-8000-000000000000', "' OR 1=1 --"]) {
      expect.soft(await store.find(id), id).toBeNull();
    }
  });

  test('only the first of two writers that read the same version saves its change', async () => {
    const store = await freshStore();
    const task = await create(store);
    expect(await store.update(task, { upstreamId: 'first' })).toMatchObject({ upstreamId: 'first', version: 2 });
    expect(await store.update(task, { upstreamId: 'second', status: 'FAILED' })).toBeNull();
    expect(await store.find(task.id)).toMatchObject({ upstreamId: 'first', status: 'QUEUED', version: 2 });
  });

  test('of many concurrent writers over two connections exactly one saves its change', async () => {
    const url = await freshDatabase(provider);
    const stores = [await openStore(url), await openStore(url)];
    const task = await create(stores[0]!);
    const writes = Array.from({ length: 20 }, (_, index) =>
      stores[index % 2]!.update(task, { upstreamId: `writer ${index}` }),
    );
    const written = (await Promise.all(writes)).filter((saved) => saved !== null);
    expect(written).toHaveLength(1);
    expect(await stores[1]!.find(task.id)).toEqual(written[0]);
  });

  test('a claim takes what is due, up to the limit, the longest due first', async () => {
    const store = await freshStore();
    for (const [prompt, nextCheckAt] of [
      ['due last', at(0)],
      ['not due', at(1)],
      ['due first', at(-3_000)],
      ['never again', null],
      ['due second', at(-2_000)],
      ['due third', at(-1_000)],
    ] as const) {
      await create(store, { prompt, nextCheckAt });
    }
    const claim = async (limit: number) => promptsOf(await store.claimDue(start, at(30_000), limit));
    expect(await claim(1)).toEqual(['due first']);
    expect(new Set(await claim(2))).toEqual(new Set(['due second', 'due third']));
    expect(await claim(10)).toEqual(['due last']);
    expect(await claim(10)).toEqual([]);
  });

  test('a claimed task is not claimed again until its lease ends', async () => {
    const store = await freshStore();
    const task = await create(store);
    const [claimed] = await store.claimDue(start, at(30_000), 10);
    expect(claimed).toEqual({ ...task, leasedUntil: at(30_000), version: task.version + 1 });
    expect(await store.claimDue(at(29_999), at(60_000), 10)).toEqual([]);
    const [again] = await store.claimDue(at(30_000), at(60_000), 10);
    expect(again).toEqual({ ...task, leasedUntil: at(60_000), version: task.version + 2 });
    // The first claimant is too late: its result would overwrite what the second one knows.
    expect(await store.update(claimed!, { status: 'COMPLETED' })).toBeNull();
  });

  test('checks written at once leave the same rows as one by one, to the millisecond', async () => {
    const store = await freshStore();
    const found = [
      {
        lastCheckedAt: at(1),
        nextCheckAt: at(30_001),
        leasedUntil: null,
        checkCount: 1,
        repeatedAnswer: null,
        repeatedAnswerCount: 0,
      },
      {
        lastCheckedAt: null,
        nextCheckAt: at(2_000_000),
        leasedUntil: at(7),
        checkCount: 200,
        repeatedAnswer: 'NOT_FOUND',
        repeatedAnswerCount: 2,
      },
      {
        lastCheckedAt: at(-5),
        nextCheckAt: null,
        leasedUntil: null,
        checkCount: 0,
        repeatedAnswer: 'another',
        repeatedAnswerCount: 1,
      },
    ];
    const [singly, atOnce] = [
      await Promise.all(found.map(() => create(store))),
      await Promise.all(found.map(() => create(store))),
    ];
    await Promise.all(singly.map((task, index) => store.update(task, found[index]!)));
    await store.saveChecks(atOnce.map((task, index) => ({ ...task, ...found[index]! })));
    for (const [index, { id }] of atOnce.entries()) {
      const expected = await store.find(singly[index]!.id);
      expect(await store.find(id)).toEqual({ ...expected, id });
    }
    // A claim compares these times.
    expect(await store.claimDue(at(30_000), at(60_000), 10)).toEqual([]);
    expect(await store.claimDue(at(30_001), at(60_000), 10)).toHaveLength(2);
  });

  test('of checks written in one statement, those are left out whose task was written since', async () => {
    const url = await freshDatabase(provider);
    const [store, other] = [await openStore(url), await openStore(url)];
    const tasks = await Promise.all(Array.from({ length: 5 }, () => create(store)));
    const later = await other.update(tasks[2]!, { upstreamStatus: 'later' });
    await store.saveChecks(tasks.map((task) => ({ ...task, checkCount: 7 })));
    const expected = tasks.map((task) => ({ ...task, checkCount: 7, version: task.version + 1 }));
    for (const [index, { id }] of tasks.entries()) {
      expect(await other.find(id)).toEqual(index === 2 ? later : expected[index]);
    }
    await store.saveChecks([]);
  });

  test('twenty claimants at once over two connections share the due tasks and never get the same one', async () => {
    const url = await freshDatabase(provider);
    const stores = [await openStore(url), await openStore(url)];
    const created = [];
    for (let index = 0; index < 60; index++) {
      created.push(await create(stores[0]!, { nextCheckAt: at(-index) }));
    }
    const claimUntilNothingIsLeft = async (index: number) => {
      const claimed: VideoTask[] = [];
      for (;;) {
        const tasks = await stores[index % 2]!.claimDue(start, at(30_000), 4);
        claimed.push(...tasks);
        if (tasks.length === 0) return claimed;
      }
    };
    const shares = await Promise.all(Array.from({ length: 20 }, (_, index) => claimUntilNothingIsLeft(index)));
    // A claimant that lost all its candidates to others has stopped early; the next claim gets the rest.
    const claimed = [...shares.flat(), ...(await claimUntilNothingIsLeft(0))];
    expect(claimed).toHaveLength(created.length);
    expect(new Set(idsOf(claimed))).toEqual(new Set(idsOf(created)));
    expect(claimed.every(({ version }) => version === 2)).toBe(true);
  });

  test('an id is a UUID v7 whose time is createdAt, so that ordering by id is ordering by creation', async () => {
    const store = await freshStore();
    // Written in another order than created, as a clock that is set or a second instance make it.
    for (const ms of [5, 3_600_000, 0, 86_400_000, 1]) {
      const { id, createdAt } = await create(store, { prompt: String(ms), createdAt: at(ms) });
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(timeOf(id)).toEqual(createdAt);
    }
    const listed = await store.list({}, { limit: 10, inverted: true });
    expect(promptsOf(listed)).toEqual(['0', '1', '5', '3600000', '86400000']);
  });
});
