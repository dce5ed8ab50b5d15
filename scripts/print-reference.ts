/** `npm run reference` writes docs/reference.md: the settings and the codes, from the tables in the code. */
import { writeFileSync } from 'node:fs';
import { errorCodes } from '../src/graphql/public-error.ts';
import { settings } from '../src/settings.ts';
import { failures } from '../src/tasks/failures.ts';

const yesOrNo = (fact: boolean) => (fact ? 'yes' : 'no');

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** What a setting is where it is not set; empty where it has no default. */
function defaultOf(name: keyof typeof settings.shape): string {
  const { data, success } = settings.shape[name].safeParse(undefined);
  if (!success || data === undefined) return '';
  const text = Array.isArray(data) ? data.join(',') : String(data);
  return text === '' ? '' : `\`${text}\``;
}

export function reference(): string {
  const names = Object.keys(settings.shape) as (keyof typeof settings.shape)[];
  return [
    '# Reference',
    '',
    'Written by `npm run reference` from the tables in the code; a test compares.',
    '',
    '## Settings',
    '',
    'Environment variables, or a `.env` file. All problems with them are named at once, before anything starts.',
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...names.map((name) => row(`\`${name}\``, defaultOf(name), settings.shape[name].description ?? '')),
    '',
    '## Errors of a request',
    '',
    'The codes in `extensions.code` of a GraphQL error. An error below the payload of an order says in `extensions.taskId` which task was ordered: look that up, and do not order again.',
    '',
    '| code | meaning | retryable |',
    '|---|---|---|',
    ...Object.entries(errorCodes).map(([code, { description, retryable }]) =>
      row(`\`${code}\``, description, yesOrNo(retryable)),
    ),
    '',
    '## Failures of a video',
    '',
    'A valid order always yields a task. What goes wrong with it stands in `task.failure`, at once or minutes later.',
    '',
    '| code | meaning | may be billed | retryable |',
    '|---|---|---|---|',
    ...Object.entries(failures).map(([code, { description, mayBeBilled, retryable }]) =>
      row(`\`${code}\``, description, yesOrNo(mayBeBilled), yesOrNo(retryable)),
    ),
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(new URL('../docs/reference.md', import.meta.url), reference());
