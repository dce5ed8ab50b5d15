import { adapterFor, openDatabase } from '../../src/database/database.ts';
import { createImageFileStore } from '../../src/database/prisma-image-file-store.ts';
import { createTaskStore } from '../../src/database/prisma-task-store.ts';
import type { VideoTask } from '../../src/tasks/task.ts';
import { silentLog } from './log.ts';

/** A task's row, over a connection of its own. */
export async function rowOf(databaseUrl: string, id: string): Promise<VideoTask> {
  const database = await openDatabase(databaseUrl, silentLog);
  try {
    const task = await createTaskStore(database.client).find(id);
    if (!task) throw new Error(`no task ${id}`);
    return task;
  } finally {
    await database.close();
  }
}

/** Writes the row of an uploaded image, in the place of one that has the id. */
export async function writeImageRow(
  databaseUrl: string,
  { id, sha256 }: { id: string; sha256: string },
): Promise<void> {
  const database = await openDatabase(databaseUrl, silentLog);
  try {
    const images = createImageFileStore(database.client);
    const before = await images.find(id);
    if (before) await images.remove(before);
    const deleteAt = new Date(Date.now() + 60 * 60_000);
    const times = { createdAt: new Date(), uploadUntil: deleteAt, deleteAt, dueAt: deleteAt };
    const facts = { contentType: 'image/png', sizeBytes: 100, widthPixels: 1, heightPixels: 1, name: `images/${id}/x` };
    await images.create({ id, sha256, client: 'local', origin: 'UPLOAD', state: 'READY', ...facts, ...times });
  } finally {
    await database.close();
  }
}

/** Sets texts of a task's row, as an older version may have written them. */
export async function rewriteRow(databaseUrl: string, id: string, texts: Record<string, string>): Promise<void> {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const changes = Object.entries(texts).map(([column, text]) => `"${column}" = ${quoted(text)}`);
  const adapter = await adapterFor(databaseUrl).connect();
  await adapter.executeScript(`UPDATE "Task" SET ${changes.join(', ')} WHERE "id" = ${quoted(id)}`);
  await adapter.dispose();
}
