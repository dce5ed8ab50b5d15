import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

interface Program {
  readonly args: readonly string[];
  /** What it says, on any line, once it can be used. */
  readonly sign: RegExp;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** Programs that run under this Node as processes of their own. */
export class Programs {
  readonly #children: ChildProcess[] = [];

  /** Resolves with the sign; rejects, with all that the program said, if it ends before. */
  async start({ args, sign, cwd = process.cwd(), env = {} }: Program): Promise<string> {
    const { PATH = '', HOME = '' } = process.env;
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, args, { cwd, env: { PATH, HOME, ...env }, stdio: [...stdio] });
    this.#children.push(child);
    const lines: string[] = [];
    return new Promise((resolve, reject) => {
      const read = (line: string) => {
        lines.push(line);
        const [found] = sign.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', read);
      child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}:\n${lines.join('\n')}`)));
    });
  }

  async stop(): Promise<void> {
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ended = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
  }
}
