import type { ModelName } from '../src/catalogue/models.ts';
import type { TaskStatus } from '../src/tasks/task.ts';
import type { TaskFilter, TaskPage } from '../src/tasks/task-filter.ts';
import { client } from './database.ts';
import { retired } from './many-tasks.ts';
import { fields, pageSize } from './requests.ts';

/** As a client writes it. */
interface Filter {
  readonly clients?: readonly string[];
  readonly statuses?: readonly TaskStatus[];
  readonly models?: readonly ModelName[];
  readonly createdAfter?: string;
  readonly createdBefore?: string;
}

/** The callers: a client with many tasks everywhere, one with only old tasks, and one that sees all. */
export const callers = [client, retired, 'admin'] as const;
export type Caller = (typeof callers)[number];

export interface List {
  readonly caller: Caller;
  readonly filter: Filter;
}

/** Every filter, with frequent values and with rare, old ones. Each selects more than a page. */
export function listsAround(middle: Date): readonly List[] {
  const by: Readonly<Record<Caller, readonly Filter[]>> = {
    [client]: [
      {},
      { statuses: ['COMPLETED'] },
      { statuses: ['UNCONFIRMED'] },
      { statuses: ['CANCELLED'] },
      { statuses: ['QUEUED', 'PROCESSING'] },
      { statuses: ['FAILED', 'CANCELLED', 'UNCONFIRMED'] },
      { models: ['GROK_VIDEO3'] },
      { models: ['GROK_VIDEO3_STABLE'] },
      { models: ['GROK_VIDEO3_PRO', 'GROK_VIDEO3_STABLE'] },
      { statuses: ['COMPLETED'], models: ['GROK_VIDEO3'] },
      { statuses: ['FAILED'], models: ['GROK_VIDEO3_STABLE'] },
      { createdBefore: middle.toISOString() },
      { createdAfter: middle.toISOString(), statuses: ['FAILED'] },
    ],
    [retired]: [{}, { statuses: ['COMPLETED'] }],
    admin: [
      {},
      { clients: [retired] },
      { clients: ['another', retired, 'nobody'] },
      { clients: ['another', retired], statuses: ['COMPLETED', 'FAILED'] },
      { statuses: ['CANCELLED'] },
      { models: ['GROK_VIDEO3_STABLE'] },
      { statuses: ['FAILED'], models: ['GROK_VIDEO3_STABLE'] },
      { createdAfter: middle.toISOString() },
    ],
  };
  return callers.flatMap((caller) => by[caller].map((filter) => ({ caller, filter })));
}

/** The filter that the service derives from a list. */
export const taskFilterOf = ({ caller, filter }: List): TaskFilter => ({
  clients: caller === 'admin' ? filter.clients : [caller],
  statuses: filter.statuses,
  models: filter.models,
  createdAfter: filter.createdAfter === undefined ? undefined : new Date(filter.createdAfter),
  createdBefore: filter.createdBefore === undefined ? undefined : new Date(filter.createdBefore),
});

/** As a client asks for a page. */
interface Arguments {
  readonly first?: number;
  readonly after?: string;
  readonly last?: number;
}

/** The pages that are asked for; `cursor` is where the deep one begins. */
export const pages = {
  first: (): Arguments => ({ first: pageSize }),
  deep: (cursor: string): Arguments => ({ first: pageSize, after: cursor }),
  last: (): Arguments => ({ last: pageSize }),
} as const;

export type Page = keyof typeof pages;

/** The page that the service derives from a request, with one more item, which tells whether there are more. */
export const taskPageOf = ({ after, last }: Arguments): TaskPage => ({
  olderThan: after,
  inverted: last !== undefined,
  limit: pageSize + 1,
});

const query = `query ($filter: VideoTaskFilter, $first: Int, $after: String, $last: Int) {
  videoTasks(filter: $filter, first: $first, after: $after, last: $last) {
    edges { cursor node {${fields} } } pageInfo { hasNextPage endCursor }
  }
}`;

/** Asks for one page, and throws where it is anything but full. */
export async function askFor(url: string, key: string, { filter }: List, page: Arguments): Promise<void> {
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
