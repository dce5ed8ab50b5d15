import { getMappedArgumentValues } from '@pothos/core';
import {
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  getDirectiveValues,
  getVariableValues,
  Kind,
  locatedError,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { Submission } from '../orders/order.ts';

/** Marks a field that spends money. An operation with such a field may have no other root field. */
export const paying = { paying: true };

/** The names of the fields that spend money. */
export function payingFieldsOf(schema: GraphQLSchema): ReadonlySet<string> {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {});
  return new Set(fields.filter(isPaying).map(({ name }) => name));
}

const isPaying = ({ extensions }: GraphQLField<unknown, unknown>): boolean => extensions['paying'] === true;

interface Request {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly variableValues?: Readonly<Record<string, unknown>> | null | undefined;
  readonly contextValue?: unknown;
}

/**
 * Coerces and validates all arguments below the root fields of a mutation, those of directives included, before the
 * mutation is executed. An invalid argument that is found only during execution would take the place of the answer to a
 * paid order.
 *
 * @throws the error of the first invalid argument.
 */
export async function checkArgumentsBelow(operation: OperationDefinitionNode, request: Request): Promise<void> {
  const { schema, document, variableValues } = request;
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {});
  const checks: (() => unknown)[] = [];
  for (const part of partsOf(operation, document)) {
    const types = new TypeInfo(schema);
    const enter = (node: ASTNode) => {
      if ('directives' in node) checkDirectives(schema, node as Directed, coerced ?? {});
      const field = node.kind === Kind.FIELD && types.getFieldDef();
      if (!field || field.args.length === 0) return;
      // The validation rules of root fields' arguments run in their resolvers, before those do anything.
      if (types.getParentType() === schema.getMutationType()) {
        located(node, () => getArgumentValues(field, node, coerced));
        return;
      }
      // Coercing arguments uses only the variables of `info`.
      const info = { variableValues: coerced } as GraphQLResolveInfo;
      checks.push(() =>
        located(node, () => getMappedArgumentValues(field, node, request.contextValue as object, info)),
      );
    };
    visit(part, visitWithTypeInfo(types, { enter }));
  }
  // Run one after another: if two of them failed at the same time, the second rejection would be unhandled and end the
  // process.
  for (const check of checks) await check();
}

type Directed = ASTNode & { readonly directives?: readonly DirectiveNode[] };

function checkDirectives(schema: GraphQLSchema, node: Directed, variables: Record<string, unknown>): void {
  for (const { name } of node.directives ?? []) {
    const directive = schema.getDirective(name.value);
    if (directive) located(node, () => getDirectiveValues(directive, node, variables));
  }
}

/** Like any other invalid document: 400, or 200 to clients that accept only application/json. */
const badDocument = { status: 400, spec: true };

function located<Result>(node: ASTNode, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    if (error instanceof GraphQLError) Object.assign(error.extensions, { code: 'BAD_USER_INPUT', http: badDocument });
    throw locatedError(error, node);
  }
}

/** The operation and all fragments that it uses, directly or through other fragments. */
function partsOf(operation: OperationDefinitionNode, { definitions }: DocumentNode): Iterable<ASTNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const parts = new Set<ASTNode>([operation]);
  // The loop also visits the fragments that are added during it.
  for (const part of parts) {
    visit(part, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        if (fragment) parts.add(fragment);
      },
    });
  }
  return parts;
}

/** The id of the task that a request ordered, or the ids of a batch in their order. */
const ordered = new WeakMap<globalThis.Request, string | readonly (string | null)[]>();

/** Remembers the ordered task, so that an error below the payload can name it. */
export function rememberTask(request: globalThis.Request, submission: Submission): Submission {
  ordered.set(request, submission.task.id);
  return submission;
}

export function rememberTasks<Outcome extends PromiseSettledResult<Submission>>(
  request: globalThis.Request,
  outcomes: Outcome[],
): Outcome[] {
  const ids = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.task.id : null));
  ordered.set(request, ids);
  return outcomes;
}

/** The id of the ordered task that contains a path of the answer; null where there is none. */
export function taskAbove(request: globalThis.Request, path: readonly (string | number)[]): string | null {
  const ids = ordered.get(request) ?? null;
  if (ids === null || typeof ids === 'string') return ids;
  const index = path.find((step) => typeof step === 'number');
  return index === undefined ? null : (ids[index] ?? null);
}
