import type { VideoTaskStatus } from './generated/graphql.ts';

/**
 * What each status means to a person who waits. A status that the schema adds does not compile until it has its text
 * here.
 */
const words: Record<VideoTaskStatus, string> = {
  WAITING: 'waiting until it can be ordered',
  SUBMITTING: 'being ordered',
  QUEUED: 'waiting to be made',
  PROCESSING: 'being made',
  COMPLETED: 'made',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  UNCONFIRMED: 'perhaps ordered: the answer was lost',
};

export interface Progress {
  show(status: VideoTaskStatus): void;
  end(): void;
}

const barWidth = 20;

/** In a terminal, one line that is kept up to date; elsewhere, as in a log, a line for each change. */
export function startProgress(out: NodeJS.WriteStream, typical: { min: number; max: number }): Progress {
  const startedAt = Date.now();
  let current: VideoTaskStatus | undefined;

  function draw(): void {
    if (!current) return;
    const seconds = (Date.now() - startedAt) / 1_000;
    // The duration is not known beforehand, so the bar is full only when the video is there.
    const part = current === 'COMPLETED' ? 1 : Math.min(seconds / typical.max, 0.95);
    const bar = '█'.repeat(part * barWidth).padEnd(barWidth, '░');
    out.write(
      `\r\x1b[K${bar} ${words[current]}, ${clock(seconds)} (usually ${clock(typical.min)} to ${clock(typical.max)})`,
    );
  }

  const timer = out.isTTY ? setInterval(draw, 1_000) : undefined;
  return {
    show(status) {
      if (status === current) return;
      current = status;
      if (out.isTTY) draw();
      else out.write(`${words[status]}\n`);
    },
    end() {
      clearInterval(timer);
      if (out.isTTY && current) out.write('\n');
    },
  };
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
