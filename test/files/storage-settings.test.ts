import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../../src/environment.ts';

const production = (variables: Record<string, string> = {}) =>
  readEnvironment({ GROK_API_KEY: 'sk-test', ...variables });

describe('files', () => {
  const s3 = { STORAGE_URL: 's3://videos', AWS_ACCESS_KEY_ID: 'AKIA0', AWS_SECRET_ACCESS_KEY: 'secret' };

  test('are kept beside a SQLite file, in a folder of that database, and with PostgreSQL only where a place is named', () => {
    const folderOf = (databaseUrl: string) => production({ DATABASE_URL: databaseUrl }).storage;
    expect(folderOf('file:/var/lib/videos.db')).toMatchObject({ folder: '/var/lib/videos-files', createFolder: true });
    expect(folderOf('file:other')).toMatchObject({ folder: 'other-files' });
    expect(folderOf('postgres://localhost/videos')).toBeNull();
    expect(readEnvironment({}, { development: true }).storage).toMatchObject({ folder: 'data/sandbox-files' });
    expect(production({ STORAGE_URL: 'none' }).storage).toBeNull();
  });

  test.each([
    ['file:/srv/videos', '/srv/videos'],
    ['file:///srv/videos', '/srv/videos'],
    ['file:./videos', './videos'],
  ])('%s names a folder, which has to be there', (url, folder) => {
    const disk = { kind: 'disk', folder, createFolder: false, minFreeBytes: 1_073_741_824 };
    expect(production({ STORAGE_URL: url }).storage).toEqual(disk);
  });

  test('go to AWS where no other server is named, and a server that is named has the bucket in the path', () => {
    const aws = {
      endpoint: 'https://s3.eu-west-1.amazonaws.com',
      addressing: 'virtual',
      prefix: '',
      sessionToken: null,
    };
    expect(production({ ...s3, S3_REGION: 'eu-west-1' }).storage).toMatchObject(aws);
    const other = production({ ...s3, S3_ENDPOINT: 'https://minio.example.com/s3' }).storage;
    expect(other).toMatchObject({ endpoint: 'https://minio.example.com/s3', addressing: 'path', region: 'us-east-1' });
  });

  test.each(['s3://videos/', 's3://videos/a', 's3://videos/a/b.c_d-E/'])('%s names a bucket', (url) => {
    expect(production({ ...s3, STORAGE_URL: url }).storage).toMatchObject({ kind: 's3', bucket: 'videos' });
  });

  test.each([
    's3://',
    's3:///a',
    's3://videos/../a',
    's3://videos//a',
    's3://videos/a?b',
    's3://v/a',
    'file:',
    '/srv',
    'x',
  ])('%s names no place and is refused', (url) => {
    expect(() => production({ ...s3, STORAGE_URL: url })).toThrow(/^STORAGE_URL must be /);
  });

  test('in a bucket need a key', () => {
    expect(() => production({ STORAGE_URL: 's3://videos' })).toThrow(
      'AWS_ACCESS_KEY_ID must be set with STORAGE_URL s3://videos; AWS_SECRET_ACCESS_KEY must be set with STORAGE_URL s3://videos.',
    );
  });
});
