import type { TaskFilter } from '../src/database/task-list.ts';
import type { ModelName } from '../src/videos/models.ts';
import type { TaskStatus } from '../src/videos/task.ts';
import { client } from './database.ts';
import { retired } from './many-tasks.ts';
import { fields, pageSize } from './requests.ts';

/** As a client writes it. */
interface Filter {
  readonly client?: readonly string[];
  readonly status?: readonly TaskStatus[];
  readonly model?: readonly ModelName[];
  readonly createdAfter?: string;
  readonly createdBefore?: string;
}

/** Who asks: somebody with many tasks everywhere, somebody with old ones only, and somebody who sees all. */
export const callers = [client, retired, 'admin'] as const;
export type Caller = (typeof callers)[number];

export interface List {
  readonly caller: Caller;
  readonly filter: Filter;
}

/** Every filter, for what is frequent and for what is rare and old; whatever they choose is more than a page. */
export function listsAround(middle: Date): readonly List[] {
  const by: Readonly<Record<Caller, readonly Filter[]>> = {
    [client]: [
      {},
      { status: ['COMPLETED'] },
      { status: ['UNCONFIRMED'] },
      { status: ['CANCELLED'] },
      { status: ['QUEUED', 'PROCESSING'] },
      { status: ['FAILED', 'CANCELLED', 'UNCONFIRMED'] },
      { model: ['GROK_VIDEO3'] },
      { model: ['GROK_VIDEO3_STABLE'] },
      { model: ['GROK_VIDEO3_PRO', 'GROK_VIDEO3_STABLE'] },
      { status: ['COMPLETED'], model: ['GROK_VIDEO3'] },
      { status: ['FAILED'], model: ['GROK_VIDEO3_STABLE'] },
      { createdBefore: middle.toISOString() },
      { createdAfter: middle.toISOString(), status: ['FAILED'] },
    ],
    [retired]: [{}, { status: ['COMPLETED'] }],
    admin: [
      {},
      { client: [retired] },
      { client: ['another', retired, 'nobody'] },
      { client: ['another', retired], status: ['COMPLETED', 'FAILED'] },
      { status: ['CANCELLED'] },
      { model: ['GROK_VIDEO3_STABLE'] },
      { status: ['FAILED'], model: ['GROK_VIDEO3_STABLE'] },
      { createdAfter: middle.toISOString() },
    ],
  };
  return callers.flatMap((caller) => by[caller].map((filter) => ({ caller, filter })));
}

/** What the service makes of a list. */
export const taskFilterOf = ({ caller, filter }: List): TaskFilter => ({
  clients: caller === 'admin' ? filter.client : [caller],
  statuses: filter.status,
  models: filter.model,
  createdAfter: filter.createdAfter === undefined ? undefined : new Date(filter.createdAfter),
  createdBefore: filter.createdBefore === undefined ? undefined : new Date(filter.createdBefore),
});

/** The arguments for each page that is asked for; `cursor` is where the deep one begins. */
export const pages = {
  first: () => ({ first: pageSize }),
  deep: (cursor: string) => ({ first: pageSize, after: cursor }),
  last: () => ({ last: pageSize }),
} as const;

export type Page = keyof typeof pages;

const query = `query ($filter: VideoTaskFilter, $first: Int, $after: String, $last: Int) {
  videoTasks(filter: $filter, first: $first, after: $after, last: $last) {
    edges { cursor node {${fields} } } pageInfo { hasNextPage endCursor }
  }
}`;

/** Asks for one page, and throws where it is anything but full. */
export async function askFor(url: string, key: string, { filter }: List, page: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables: { filter, ...page } }),
  });
  const text = await response.text();
  if (text.includes('"errors"') || text.split('"cursor"').length !== pageSize + 1) {
    throw new Error(`${JSON.stringify({ filter, page })} was answered with ${text.slice(0, 500)}`);
  }
}
