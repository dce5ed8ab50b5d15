import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { providerOf } from '../../src/database/database.ts';
import { hearStatements, type Statement } from './statements.ts';

/** How a database plans a statement. */
type Explain = (statement: Statement) => string[] | Promise<string[]>;

/** Asks something of the database, and says by what the tasks are found then. */
export type PathsOf = (ask: () => Promise<unknown>) => Promise<Set<string>>;

/**
 * Tells by what a database finds tasks, for whatever is really sent to it: the name of each index that is gone through.
 * Behind it, where that is not all: that tasks were looked at in vain, or sorted.
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

/** The ids between which a list lies are not in it. */
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
    // The statement is run, too: that is how one learns what was looked at.
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
