import { connect, type Socket } from 'node:net';
import { type LoadRequest, watchRequest } from './requests.ts';

/** How long an event is waited for. */
const patienceMs = 30_000;

/** A watcher of a task over server-sent events, on a bare socket, so that thousands of them cost little. */
export class Subscriber {
  readonly #socket: Socket;
  #heard = '';
  #onHeard = () => {};

  constructor(url: string, token: string, taskId: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname).setEncoding('latin1');
    this.#socket.on('data', (text) => {
      this.#heard += text;
      this.#onHeard();
    });
    // An error shows as a missing event.
    this.#socket.on('error', () => {});
    this.#socket.write(textOf(watchRequest(taskId, token)));
  }

  /** Resolves with the time at which an event first says that the task is in this state. */
  hears(status: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => reject(new Error(`A subscriber heard only: ${this.#heard}`)), patienceMs);
      this.#onHeard = () => {
        if (!this.#heard.includes(`"status":"${status}"`)) return;
        clearTimeout(patience);
        this.#onHeard = () => {};
        resolve(performance.now());
      };
      this.#onHeard();
    });
  }

  /** How many events there were. */
  get events(): number {
    return this.#heard.split('event: next').length - 1;
  }

  leave(): void {
    this.#socket.destroy();
  }
}

function textOf({ method, path, headers, body = '' }: LoadRequest): string {
  const all = { host: 'localhost', ...headers, 'content-length': Buffer.byteLength(body) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
