import {
  coerceInputValue,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getOperationAST,
  isInputType,
  isNonNullType,
  typeFromAST,
  type VariableDefinitionNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { invalidInput, maxIssues, shown } from '../../graphql/public-error.ts';

type Report = (path: readonly (string | number)[], problem: string) => void;

/** What both hooks get about an operation before it runs. */
type Arguments = Parameters<NonNullable<Plugin['onExecute']>>[0]['args'] & { readonly schema: GraphQLSchema };

/**
 * Refuses variables that do not fit their types, before graphql's executor checks them. The executor quotes the whole
 * value in each of up to 50 errors: a gigabyte for an object of 20 MB with 50 unknown fields.
 */
export function useVariables({ suggestions }: { suggestions: boolean }): Plugin {
  function check({ args }: { readonly args: Arguments }): void {
    const issues = issuesIn(args, false);
    if (issues.length === 0) return;
    // Suggestions are made only for short values, because for a value of 20 MB they take seconds.
    const short = issues.every(({ message }) => message === shown(message));
    throw misfit(suggestions && short ? issuesIn(args, true) : issues);
  }

  return { onExecute: check, onSubscribe: check };
}

/** The problems of an operation's variables, up to `maxIssues`. */
function issuesIn({ schema, document, operationName, variableValues }: Arguments, suggestions: boolean) {
  const issues: { path: (string | number)[]; message: string }[] = [];
  const operation = getOperationAST(document, operationName);
  try {
    for (const definition of operation?.variableDefinitions ?? []) {
      const name = definition.variable.name.value;
      const type = typeFromAST(schema, definition.type);
      if (!isInputType(type)) continue;
      checkOne({ definition, type, given: variableValues ?? {}, suggestions }, (path, message) => {
        issues.push({ path: [name, ...path], message });
        if (issues.length === maxIssues) throw enough;
      });
    }
  } catch (error) {
    if (error !== enough) throw error;
  }
  return issues;
}

/** Thrown to stop graphql's walk through a value. */
const enough = new Error('There are as many problems as one error names.');

interface Variable {
  readonly definition: VariableDefinitionNode;
  readonly type: GraphQLInputType;
  readonly given: Readonly<Record<string, unknown>>;
  readonly suggestions: boolean;
}

function checkOne({ definition, type, given, suggestions }: Variable, report: Report): void {
  const name = definition.variable.name.value;
  if (Object.hasOwn(given, name)) {
    coerceInputValue(given[name], type, (path, _, { message }) => report(path, message), !suggestions);
  } else if (isNonNullType(type) && !definition.defaultValue) {
    report([], `must be given: it is of the required type "${type}"`);
  }
}

/** Answered with 400, or with 200 to clients that accept only application/json, among them gateways. */
function misfit(issues: Parameters<typeof invalidInput>[0]): GraphQLError {
  const error = invalidInput(issues);
  error.extensions['http'] = { status: 400, spec: true };
  return error;
}
