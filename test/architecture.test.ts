import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importsByRoom, picture, rooms, sourceFiles } from './support/rooms.ts';

test('each room imports exactly the rooms that its row in the table names', () => {
  expect(importsByRoom()).toEqual(rooms);
});

test('no import goes back up: the rooms of the table can be put in an order', () => {
  const placed = new Set<string>();
  const names = Object.keys(rooms);
  while (placed.size < names.length) {
    const next = names.filter((room) => !placed.has(room) && rooms[room]?.every((other) => placed.has(other)));
    expect(next, `some of ${names.filter((room) => !placed.has(room))} import each other`).not.toEqual([]);
    for (const room of next) placed.add(room);
  }
});

test('the picture in docs/architecture.md is drawn from the table', () => {
  expect(readFileSync('docs/architecture.md', 'utf8')).toContain(picture());
});

/** Packages that belong to one room alone, because all else goes through its port. */
const packages: Readonly<Record<string, RegExp>> = {
  database: /from '(@prisma\/|pg|better-sqlite3)/,
  upstream: /from 'ky'/,
  outbound: /from 'node:dns\/promises'/,
};

test.each(Object.entries(packages))('only %s/ imports what it hides', (room, pattern) => {
  const users = sourceFiles.filter((path) => pattern.test(readFileSync(join('src', path), 'utf8')));
  expect(users).not.toEqual([]);
  expect(users.filter((path) => !path.startsWith(`${room}/`))).toEqual([]);
});

test('the median file has at most 100 lines', () => {
  const lengths = sourceFiles.map((path) => readFileSync(join('src', path), 'utf8').split('\n').length);
  expect(lengths.toSorted((one, other) => one - other)[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(100);
});

test('no two files have one name', () => {
  const names = sourceFiles.map((path) => path.split('/').at(-1) ?? path);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
