import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider } from '../../src/database/database.ts';
import { Client } from './client.ts';
import { createRunDatabase, type RunDatabase, type TaskRow } from './database.ts';
import { endGracefully, type Instance, startInstance } from './service.ts';
import { type FaultyUpstream, startFaultyUpstream } from './upstream.ts';

/** A period, in milliseconds. */
interface Period {
  readonly from: number;
  readonly until: number;
}

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
  /** From when a pause had taken effect until it was ended. */
  readonly pauses: Period[] = [];
  pauseCount = 0;
  #pausing: { readonly ended: Promise<void>; readonly ending: AbortController } | null = null;
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

  /** Pauses submitting as an operator does, for `ms` after the pause has taken effect. Returns at once. */
  pause(ms: number): void {
    if (this.#pausing) return;
    const ending = new AbortController();
    const ended = this.#pauseUntil(ms, ending.signal).finally(() => {
      this.#pausing = null;
    });
    this.#pausing = { ended, ending };
  }

  /** Ends a pause that is not over. */
  async resume(): Promise<void> {
    this.#pausing?.ending.abort();
    await this.#pausing?.ended;
  }

  async #pauseUntil(ms: number, ending: AbortSignal): Promise<void> {
    this.pauseCount += 1;
    const wait = (waitMs: number) => sleep(waitMs, undefined, { signal: ending }).catch(() => {});
    await this.database.setPaused(true);
    await wait(lastSendMs);
    while (!ending.aborted && (await this.database.rows()).some(isSending)) await wait(50);
    const from = Date.now();
    if (!ending.aborted) await wait(ms);
    if (from < Date.now()) this.pauses.push({ from, until: Date.now() });
    await this.database.setPaused(false);
  }

  async killAll(): Promise<void> {
    await Promise.all(this.alive.map((instance) => instance.kill()));
  }

  async close(): Promise<void> {
    await this.resume();
    await this.killAll();
    await this.upstream.close();
    await this.database.drop();
  }
}

/** After a pause was written, an order may still leave for so long: `lastSendMs` in src/orders/pausing.ts. */
const lastSendMs = 1_500;

const isSending = ({ status, leasedUntil }: TaskRow): boolean =>
  status === 'SUBMITTING' && leasedUntil !== null && leasedUntil > Date.now();
