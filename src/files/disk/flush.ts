import { open } from 'node:fs/promises';

/** Flushes a folder, so that the names in it survive a power cut. */
export async function flush(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
