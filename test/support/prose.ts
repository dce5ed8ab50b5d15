import { SyntaxKind } from 'typescript/unstable/ast';
import { createScanner } from 'typescript/unstable/ast/scanner';

interface Token {
  readonly kind: SyntaxKind;
  readonly text: string;
  readonly start: number;
}

/** Tokens after which a slash divides; after any other one it begins a regular expression. */
const endsOperand = new Set([
  SyntaxKind.Identifier,
  SyntaxKind.NumericLiteral,
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateTail,
  SyntaxKind.CloseParenToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.ThisKeyword,
]);

const comments = new Set([SyntaxKind.SingleLineCommentTrivia, SyntaxKind.MultiLineCommentTrivia]);
const blanks = new Set([SyntaxKind.WhitespaceTrivia, SyntaxKind.NewLineTrivia]);

/** The tokens of a TypeScript file, comments among them, without white space. */
export function tokensOf(source: string): Token[] {
  const scanner = createScanner(false, undefined, source);
  const tokens: Token[] = [];
  /** For each open brace, whether it began an expression in a template. */
  const braces: boolean[] = [];
  let previous = SyntaxKind.Unknown;
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsOperand.has(previous)) kind = scanner.reScanSlashToken();
    } else if (kind === SyntaxKind.CloseBraceToken && braces.pop()) kind = scanner.reScanTemplateToken(false);
    if (kind === SyntaxKind.OpenBraceToken) braces.push(false);
    if (kind === SyntaxKind.TemplateHead || kind === SyntaxKind.TemplateMiddle) braces.push(true);
    if (blanks.has(kind)) continue;
    tokens.push({ kind, text: scanner.getTokenText(), start: scanner.getTokenStart() });
    if (!comments.has(kind)) previous = kind;
  }
  return tokens;
}

const isComment = ({ kind }: Token): boolean => comments.has(kind);

/** The comments of a TypeScript file. */
export const commentsOf = (source: string): string[] =>
  tokensOf(source)
    .filter(isComment)
    .map(({ text }) => text);

const titled = new Set(['test', 'it', 'describe', ')']);

/** The titles of the tests of a file: the first arguments of `test`, `test.each(…)`, `describe` and their like. */
export function titlesOf(source: string): string[] {
  const code = tokensOf(source).filter((token) => !isComment(token));
  return code
    .filter(({ text }, index) => {
      const [called, open] = [code[index - 2]?.text ?? '', code[index - 1]?.text];
      return open === '(' && titled.has(called) && /^['"`]/.test(text);
    })
    .map(({ text }) => text);
}
