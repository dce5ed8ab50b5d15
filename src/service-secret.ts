import { hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OperatorError } from './errors.ts';

/** The length of a secret and of each key that is derived from it. */
const secretBytes = 32;

/** The secret cannot be read or written, or is none. The message never contains it. */
export class ServiceSecretError extends OperatorError {
  override readonly name = 'ServiceSecretError';
}

/** The 32 bytes that a text holds in base64 or hexadecimal; null where it holds others. */
export function secretIn(text: string): Buffer | null {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  return bytes.length === secretBytes ? bytes : null;
}

/**
 * The secret in a file of its own beside a SQLite database (`file:…`). It is made where it is missing, readable for its owner only;
 * of several processes that make it at once, all get the same.
 *
 * @throws ServiceSecretError when the file cannot be read or written, or holds no secret.
 */
export function secretBeside(databaseUrl: string): Buffer {
  const path = join(dirname(databaseUrl.slice('file:'.length)), 'service-secret');
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(draft, `${randomBytes(secretBytes).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    // The name appears with the whole content, and never replaces a secret that is there.
    tryTo(() => linkSync(draft, path), 'EEXIST');
    tryTo(() => rmSync(draft), 'ENOENT');
    const secret = secretIn(readFileSync(path, 'utf8').trim());
    if (secret) return secret;
  } catch (error) {
    throw new ServiceSecretError(
      `The secret ${path} cannot be used (${error instanceof Error && 'code' in error ? error.code : error}): set SERVICE_SECRET, or make its folder writable.`,
    );
  }
  throw new ServiceSecretError(
    `The secret ${path} is not 32 bytes in base64: restore the file, or set SERVICE_SECRET.`,
  );
}

function tryTo(act: () => void, unless: string): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === unless)) throw error;
  }
}

/** The key for one purpose. Keys for different purposes tell nothing about each other or the secret. */
export const deriveKey = (secret: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, secretBytes));
