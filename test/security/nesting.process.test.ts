import { expect, test } from 'vitest';
import { startGuarded } from './guarded.ts';

const forms: Record<string, [open: string, close: string]> = {
  lists: ['[', ']'],
  objects: ['{"x":', '}'],
  'lists of objects': ['[{"x":', '}]'],
};

const nested = (levels: number, [open, close]: [string, string]): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;

const document = JSON.stringify('{ videoClient { name } }');
const listed = JSON.stringify('query ($filter: VideoTaskFilter) { videoTasks(filter: $filter) { __typename } }');
const entities = JSON.stringify('query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }');
const ordered = JSON.stringify('mutation ($input: SubmitVideoInput!) { submitVideo(input: $input) { replayed } }');

/** Where a body can hold a deep value. */
const places: Record<string, (deep: string) => string> = {
  extensions: (deep) => `{"query":${document},"extensions":{"x":${deep}}}`,
  'the persisted query': (deep) => `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":${deep}}}}`,
  'a variable that is not declared': (deep) => `{"query":${document},"variables":{"x":${deep}}}`,
  'a filter': (deep) => `{"query":${listed},"variables":{"filter":{"status":${deep}}}}`,
  'an entity': (deep) => `{"query":${entities},"variables":{"r":[{"__typename":"VideoTask","id":${deep}}]}}`,
  'an order': (deep) => `{"query":${ordered},"variables":{"input":{"grokVideo3":${deep}}}}`,
  'a member that is unknown': (deep) => `{"query":${document},"x":${deep}}`,
  'the document': (deep) => `{"query":${deep}}`,
  'the whole body': (deep) => deep,
};

const tooDeep = [{ message: 'The JSON is nested deeper than 64 levels.', extensions: { code: 'BAD_REQUEST' } }];

const chunked = (text: string): RequestInit => ({ body: new Blob([text]).stream(), duplex: 'half' }) as RequestInit;

test.each(Object.entries(forms))(
  'a body that is nested thousands deep, by %s, is a bad request wherever it is',
  async (_, form) => {
    const { url, key, upstream, log } = await startGuarded();
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json' };
    for (const [place, bodyWith] of Object.entries(places)) {
      for (const levels of place === 'extensions' ? [100, 9_000, 1_000_000] : [9_000]) {
        const text = bodyWith(nested(levels, form));
        for (const sent of [{ body: text }, chunked(text)]) {
          const response = await fetch(url, { method: 'POST', headers, ...sent });
          const { errors } = await response.json();
          expect.soft(response.status, `${place}, ${levels}`).toBe(400);
          expect.soft(errors, `${place}, ${levels}`).toEqual(tooDeep);
        }
      }
    }
    for (const parameter of ['variables', 'extensions']) {
      const query = new URLSearchParams({
        query: '{ videoClient { name } }',
        [parameter]: `{"x":${nested(300, form)}}`,
      });
      const response = await fetch(`${url}?${query}`, { headers });
      expect.soft(response.status, parameter).toBe(400);
      expect.soft((await response.json()).errors, parameter).toEqual(tooDeep);
    }
    expect(log()).not.toMatch(/RangeError|\bat \w+ \(/);
    expect(upstream.submits).toEqual([]);
  },
  60_000,
);

test('a body that is 64 levels deep is answered, and one of 65 is not, each time it is sent', async () => {
  const { send } = await startGuarded();
  const bodyOf = (levels: number) => `{"query":${document},"extensions":{"x":${nested(levels - 2, ['[', ']'])}}}`;
  for (let time = 0; time < 3; time++) {
    expect(await (await send(bodyOf(64))).json()).toEqual({ data: { videoClient: { name: 'app' } } });
    expect((await send(bodyOf(65))).status).toBe(400);
  }
  // Brackets inside a string are text.
  const text = JSON.stringify({ query: '{ videoClient { name } }', extensions: { x: '[{'.repeat(1_000) } });
  expect((await send(text)).status).toBe(200);
});
