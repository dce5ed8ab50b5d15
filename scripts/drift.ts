import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { adapterFor, providerOf } from '../src/database/database.ts';
import { everything, withSchemaEngine } from '../src/database/migrations/schema-engine.ts';
import { modelTextFor } from './model-text.ts';

/** The SQL that would lead from the database as it is to the model text, or null where they agree. */
export async function drift(url: string): Promise<string | null> {
  const files = [{ path: 'schema.prisma', content: modelTextFor(providerOf(url)) }];
  const { exitCode, stdout } = await withSchemaEngine(describingAdapterFor(url), files[0], (engine) =>
    engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '.' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: everything,
    }),
  );
  return exitCode === 0 ? null : stdout;
}

const charOid = 18;
const textOid = 25;

/** PostgreSQL describes itself in columns of type "char", which Prisma's adapter refuses to read: they pass as text. */
class DescribingPool extends pg.Pool {
  charColumns: number[] = [];

  // biome-ignore lint/suspicious/noExplicitAny: pg declares query with eleven overloads and any results
  override async query(...parameters: any[]): Promise<any> {
    const result = await super.query(...(parameters as [string]));
    const fields: pg.FieldDef[] = result.fields;
    this.charColumns = fields.flatMap((field, index) => (field.dataTypeID === charOid ? [index] : []));
    for (const index of this.charColumns) fields[index]!.dataTypeID = textOid;
    return result;
  }
}

/** The driver for a database that the schema engine is to describe; it asks one question after another. */
function describingAdapterFor(url: string): ReturnType<typeof adapterFor> {
  if (providerOf(url) === 'sqlite') return adapterFor(url);
  const pool = new DescribingPool({ connectionString: url });
  const adapter = new PrismaPg(pool, { disposeExternalPool: true });
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connectToShadowDb: () => adapter.connectToShadowDb(),
    async connect() {
      const connection = await adapter.connect();
      const queryRaw = connection.queryRaw.bind(connection);
      connection.queryRaw = async (query) => {
        const result = await queryRaw(query);
        for (const index of pool.charColumns) result.columnTypes[index] = ColumnTypeEnum.Character;
        return result;
      };
      return connection;
    },
  };
}
