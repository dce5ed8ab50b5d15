import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsClient } from 'aws4fetch';
import { closedPort } from './closed-port.ts';

export interface S3Server {
  /** The URL of the server, for the address of a bucket in the path. */
  readonly endpoint: string;
  /** The same for the name of a bucket before that of the host. The name has no address until a test gives it one. */
  readonly virtualEndpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

/** Makes a new bucket, and returns its name. */
export async function createBucket(server: Omit<S3Server, 'stop'>): Promise<string> {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const bucket = `bucket-${randomBytes(6).toString('hex')}`;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  const { status } = await client.fetch(`${endpoint}/${bucket}`, { method: 'PUT' });
  if (status !== 200) throw new Error(`the bucket was not made: HTTP ${status}`);
  return bucket;
}

/** What the server consists of, by the program that shows whether it is there. */
const packages: Readonly<Record<string, string>> = {
  'swift-proxy-server': 'swift-proxy',
  'swift-account-server': 'swift-account',
  'swift-container-server': 'swift-container',
  'swift-object-server': 'swift-object',
  memcached: 'memcached',
};

/** The name under which the server answers for buckets in the name of the host. */
const domain = 's3.test';
const user = userInfo().username;

/** How many keys are on one page of a listing, so that few objects need several. */
export const keysPerPage = 10;

/**
 * Starts OpenStack Swift with its S3 API, in a folder of its own on free ports of loopback. It checks the signature and
 * the SHA-256 of every request.
 *
 * @throws Error when its packages are not installed.
 */
export async function startS3(): Promise<S3Server> {
  const isMissing = (program: string) => spawnSync('which', [program]).status !== 0;
  const missing = Object.entries(packages).filter(([program]) => isMissing(program));
  if (missing.length > 0) {
    const names = missing.map(([, name]) => name).join(' ');
    throw new Error(`These tests need OpenStack Swift: apt-get install --no-install-recommends ${names}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'grok-video-graphql-s3-'));
  const ports = { account: await closedPort(), container: await closedPort(), object: await closedPort() };
  const [proxyPort, cachePort] = [await closedPort(), await closedPort()];
  prepare(folder, ports);
  writeFileSync(join(folder, 'proxy.conf'), proxyConfiguration(folder, proxyPort, cachePort));
  const cache = ['memcached', '-l', '127.0.0.1', '-p', `${cachePort}`, '-u', user];
  const servers = [...Object.keys(ports), 'proxy'].map((name) => [
    `swift-${name}-server`,
    join(folder, `${name}.conf`),
  ]);
  const children = [cache, ...servers].map((command) => start(folder, command));
  await answering(`http://127.0.0.1:${proxyPort}/healthcheck`, folder, children);
  return {
    endpoint: `http://127.0.0.1:${proxyPort}`,
    virtualEndpoint: `http://${domain}:${proxyPort}`,
    region: 'us-east-1',
    accessKeyId: 'test:tester',
    secretAccessKey: 'testing-secret',
    async stop() {
      const ended = children.map((child) => (child.exitCode === null ? once(child, 'exit') : null));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ended);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Writes a ring, which says where data is, and a configuration for each of the servers with data. */
function prepare(folder: string, ports: Readonly<Record<string, number>>): void {
  for (const name of ['rings', 'devices/d1']) mkdirSync(join(folder, name), { recursive: true });
  const policy = '[storage-policy:0]\nname = p0\ndefault = yes\n';
  const hash = '[swift-hash]\nswift_hash_path_prefix = p\nswift_hash_path_suffix = s\n';
  writeFileSync(join(folder, 'rings/swift.conf'), `${hash}${policy}`);
  for (const [name, port] of Object.entries(ports)) {
    const ring = join(folder, 'rings', `${name}.builder`);
    const steps = [['create', '4', '1', '1'], ['add', `r1z1-127.0.0.1:${port}/d1`, '1'], ['rebalance']];
    for (const step of steps) spawnSync('swift-ring-builder', [ring, ...step]);
    const own = `devices = ${folder}/devices\nmount_check = false\n`;
    const app = `[pipeline:main]\npipeline = ${name}-server\n[app:${name}-server]\nuse = egg:swift#${name}\n`;
    writeFileSync(join(folder, `${name}.conf`), `${shared(folder, port)}${own}${app}`);
  }
}

const shared = (folder: string, port: number): string =>
  `[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = ${port}\nswift_dir = ${folder}/rings\nuser = ${user}\nworkers = 0\nlog_level = WARNING\n`;

const proxyConfiguration = (folder: string, port: number, cachePort: number): string => `${shared(folder, port)}
[pipeline:main]
pipeline = catch_errors healthcheck proxy-logging cache s3api tempauth copy slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${cachePort}
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
storage_domain = ${domain}
max_bucket_listing = ${keysPerPage}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing-secret .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
`;

function start(folder: string, [program = '', ...parameters]: readonly string[]): ChildProcess {
  const log = openSync(join(folder, `${program}.log`), 'a');
  const env = { ...process.env, SWIFT_DIR: folder };
  const child = spawn(program, parameters, { env, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

/** Waits until the server answers. Its servers are Python programs, which take seconds to start. */
async function answering(url: string, folder: string, children: readonly ChildProcess[]): Promise<void> {
  for (;;) {
    const dead = children.find(({ exitCode }) => exitCode !== null);
    if (dead) throw new Error(`${dead.spawnfile} ended:\n${logOf(folder, dead.spawnfile)}`);
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await sleep(100);
  }
}

const logOf = (folder: string, program: string): string => readFileSync(join(folder, `${program}.log`), 'utf8');
