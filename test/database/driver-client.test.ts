import { expect, test } from 'vitest';
import { Sqlite } from '../../src/database/sqlite/driver.ts';
import { driverClientOf } from '../../src/database/sqlite/driver-client.ts';
import { freshDatabase } from '../support/database.ts';

test('the SQLite driver has every member that its patches need', async () => {
  const connection = await new Sqlite({ url: await freshDatabase() }).connect();
  expect(driverClientOf(connection).inTransaction).toBe(false);
  await connection.dispose();
});

test.each([
  ['connection.queryRaw', 'queryRaw'],
  ['connection.client.prepare, connection.client.exec, connection.client.inTransaction', 'client'],
])('a driver without %s stops the start and is named', async (missing, member) => {
  const connection = await new Sqlite({ url: await freshDatabase() }).connect();
  const other = Object.create(connection, { [member]: { value: undefined } });
  expect(() => driverClientOf(other)).toThrow(missing);
  await connection.dispose();
});
