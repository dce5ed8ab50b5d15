import type { Provider } from '../../src/database/database.ts';
import { Client } from './client.ts';
import { createRunDatabase, type RunDatabase } from './database.ts';
import { endGracefully, type Instance, startInstance } from './service.ts';
import { type FaultyUpstream, startFaultyUpstream } from './upstream.ts';

/** One database, one upstream, up to two processes of the service, and a client of theirs. */
export class World {
  readonly database: RunDatabase;
  readonly upstream: FaultyUpstream;
  readonly client = new Client();
  readonly log: string[] = [];
  /** Every process there has been. */
  readonly instances: Instance[] = [];
  /** What went wrong on the way, in words. */
  readonly problems: string[] = [];
  readonly #settings: Record<string, string>;

  private constructor(database: RunDatabase, upstream: FaultyUpstream, settings: Record<string, string>) {
    this.database = database;
    this.upstream = upstream;
    this.#settings = settings;
    upstream.onMoment = (_, process) => void this.instance(process)?.kill();
  }

  static async create(
    provider: Provider,
    postgresUrl: string | null,
    settings: Record<string, string> = {},
  ): Promise<World> {
    const [database, upstream] = await Promise.all([createRunDatabase(provider, postgresUrl), startFaultyUpstream()]);
    return new World(database, upstream, settings);
  }

  get alive(): Instance[] {
    return this.instances.filter(({ alive }) => alive);
  }

  get kills(): number {
    return this.instances.filter(({ killedAt }) => killedAt !== null).length;
  }

  instance(name: string): Instance | undefined {
    return this.instances.find((instance) => instance.name === name);
  }

  async start(settings: Record<string, string> = {}): Promise<Instance> {
    const name = `p${this.instances.length + 1}`;
    const { url: databaseUrl } = this.database;
    const upstreamUrl = this.upstream.urlFor(name);
    const instance = await startInstance({
      name,
      databaseUrl,
      upstreamUrl,
      log: this.log,
      settings: { ...this.#settings, ...settings },
    });
    this.instances.push(instance);
    void instance.exited.then((end) => {
      if (instance.killedAt === null && !instance.stopping) this.problems.push(`${name} ended by itself with ${end}`);
    });
    return instance;
  }

  /** SIGTERM; an end that is not as it should be is a problem. */
  async stop(instance: Instance): Promise<void> {
    const problem = await endGracefully(instance);
    if (problem) this.problems.push(`${instance.name}: ${problem}`);
  }

  async killAll(): Promise<void> {
    await Promise.all(this.alive.map((instance) => instance.kill()));
  }

  async close(): Promise<void> {
    await this.killAll();
    await this.upstream.close();
    await this.database.drop();
  }
}
