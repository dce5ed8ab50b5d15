import { readFile } from 'node:fs/promises';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaContainer, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

/** Excludes no table and no enum from the engine. */
export const everything = { externalTables: [], externalEnums: [] };

/** A function that the generated bindings export for loading WebAssembly by hand. Their types leave it out. */
const loadable = bindings as unknown as { __wbg_set_wasm(exports: object): void };

/** The one used function of a global that Node's types leave out. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

let loading: Promise<void> | undefined;

async function load(): Promise<void> {
  const path = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const { instance } = await WebAssembly.instantiate(await readFile(path), { './schema_engine_bg.js': bindings });
  loadable.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

/**
 * Runs `use` with Prisma's schema engine, as WebAssembly inside this process, so that migrating needs no CLI and no
 * download. The engine does not close its connections and keeps its lock on them, so they are closed here.
 */
export async function withSchemaEngine<Result>(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  datamodel: SchemaContainer | undefined,
  use: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  loading ??= load();
  await loading;
  const connections: SqlDriverAdapter[] = [];
  const remembering: SqlMigrationAwareDriverAdapterFactory = {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connectToShadowDb: () => adapter.connectToShadowDb(),
    async connect() {
      const connection = await adapter.connect();
      connections.push(connection);
      return connection;
    },
  };
  const datamodels: [string, string][] | undefined = datamodel && [[datamodel.path, datamodel.content]];
  try {
    const bound = bindMigrationAwareSqlAdapterFactory(remembering);
    const engine = await bindings.SchemaEngine.new({ datamodels }, () => {}, bound);
    return await use(engine);
  } finally {
    for (const connection of connections) await connection.dispose();
  }
}
