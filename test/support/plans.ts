import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { providerOf } from '../../src/database/database.ts';
import { hearStatements, type Statement } from './statements.ts';

/** How a database plans a statement. */
type Explain = (statement: Statement) => string[] | Promise<string[]>;

/** Runs statements, and reports how the tasks are found. */
export type PathsOf = (ask: () => Promise<unknown>) => Promise<Set<string>>;

/**
 * Reports how a database finds tasks for the statements that are really sent to it: the names of the indexes that are
 * read, and whether tasks were also filtered or sorted.
 */
export async function explaining(url: string): Promise<PathsOf> {
  const explain = await (providerOf(url) === 'sqlite' ? explainSqlite(url) : explainPostgres(url));
  let statements: Statement[] = [];
  hearStatements((statement) => statements.push(statement));
  return async (ask) => {
    statements = [];
    await ask();
    const asked = statements.filter(({ sql }) => /\bTask\b/.test(sql));
    const paths: string[] = [];
    for (const statement of asked) paths.push(...(await explain(statement)));
    if (paths.length === 0) throw new Error('No task was looked for.');
    return new Set(paths);
  };
}

function explainSqlite(url: string): Explain {
  const database = new Sqlite(url.slice('file:'.length));
  onTestFinished(() => void database.close());
  return ({ sql, values }) => {
    const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { parent: number; detail: string }[];
    return steps
      .filter(({ detail }) => /\bTask\b/.test(detail))
      .map(({ parent, detail }) => {
        const index = /^SEARCH (?:main\.)?Task USING (?:COVERING )?INDEX (\w+) /.exec(detail)?.[1] ?? detail;
        const sorted = steps.some((step) => step.parent === parent && step.detail.startsWith('USE TEMP B-TREE'));
        return `${index.replace('sqlite_autoindex_Task_1', 'Task_pkey')}${sorted ? ', sorted' : ''}`;
      });
  };
}

/** What PostgreSQL says of a step, as far as it matters here. */
interface Step {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Step[];
}

/** The bounds of a list are exclusive. */
const bounds = 2;

async function explainPostgres(url: string): Promise<Explain> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  const pathsIn = (step: Step, above?: Step): string[] => [
    ...(step['Relation Name'] === 'Task' && step['Node Type'] !== 'ModifyTable' ? [pathOf(step, above)] : []),
    ...(step.Plans ?? []).flatMap((part) => pathsIn(part, step)),
  ];
  return async ({ sql, values }) => {
    // The statement is also executed, because only that shows which rows were read.
    await client.query('BEGIN');
    const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, [...values]);
    await client.query('ROLLBACK');
    return pathsIn(rows[0]['QUERY PLAN'][0].Plan);
  };
}

function pathOf(step: Step, above: Step | undefined): string {
  const inVain = (step['Rows Removed by Filter'] ?? 0) > bounds ? ', in vain' : '';
  const sorted = above?.['Node Type'].endsWith('Sort') ? ', sorted' : '';
  return `${step['Index Name'] ?? step['Node Type']}${inVain}${sorted}`;
}
