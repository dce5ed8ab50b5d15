/**
 * Compares the rows of stored videos and images with the file store: `npm run files -- check`. It uses the service's
 * settings, database and file store, whether the service is running or not.
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { openDatabase } from './database/database.ts';
import { createImageFileStore } from './database/prisma-image-file-store.ts';
import { createVideoFileStore } from './database/prisma-video-file-store.ts';
import { readPlaces } from './environment.ts';
import type { FileStore } from './files/file-store.ts';
import { type FileRows, missingFiles, orphansIn, sweepOrphans } from './media/orphans.ts';
import { openPairedStore } from './media/paired-store.ts';
import { runCommand } from './run-command.ts';

const usage = `Usage: npm run files -- <command>

  check    names the stored videos and images whose file is missing or has another size, and the files that belong to none;
           ends with 1 where there are any
  sweep    deletes the files that belong to none of them, as the service does every hour

  --development   on the sandbox's database and files, as npm run dev uses them`;

/** Resolves to whether everything is as it should be. */
type Command = (files: FileStore, rows: FileRows) => Promise<boolean>;

async function check(files: FileStore, rows: FileRows): Promise<boolean> {
  let differences = 0;
  for await (const { name, sizeBytes } of missingFiles(files, rows)) {
    differences += 1;
    console.log(`missing  ${name}, ${sizeBytes} bytes`);
  }
  for await (const { name, sizeBytes } of orphansIn(files, rows, new Date())) {
    differences += 1;
    console.log(`orphan   ${name}, ${sizeBytes} bytes`);
  }
  if (differences === 0) console.log(`The rows and ${files.place} agree.`);
  return differences === 0;
}

async function sweep(files: FileStore, rows: FileRows): Promise<boolean> {
  console.log(`${await sweepOrphans(files, rows, new Date())} files deleted.`);
  return true;
}

const commands: Readonly<Record<string, Command>> = { check, sweep };

async function main(): Promise<void> {
  const options = { development: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(usage);
  const command = positionals.length === 1 ? commands[positionals[0] ?? ''] : undefined;
  if (!command) throw new Error(usage);
  const { databaseUrl, storage } = readPlaces(undefined, values);
  if (storage === null) throw new Error('STORAGE_URL is none, or not set with PostgreSQL: no files are kept.');
  const database = await openDatabase(databaseUrl, pino({ level: 'silent' }));
  try {
    const videos = createVideoFileStore(database.client);
    const images = createImageFileStore(database.client);
    const isFine = await command(await openPairedStore(storage, videos), { videos, images });
    process.exitCode = isFine ? 0 : 1;
  } finally {
    await database.close();
  }
}

await runCommand(main);
