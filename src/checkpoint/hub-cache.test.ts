import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { hubSettings } from './hub-cache.ts';
import { openCheckpoint } from './open.ts';

test('the environment is read as Python reads it', async () => {
  const folder = await temporaryFolder();
  expect(await hubSettings({ XDG_CACHE_HOME: folder })).toEqual({
    endpoint: 'https://huggingface.co',
    token: undefined,
    cache: join(folder, 'huggingface', 'hub'),
    offline: false,
  });
  const set = {
    HF_HOME: '/x',
    HF_HUB_CACHE: '/cache',
    HF_ENDPOINT: 'http://mirror/',
    HF_TOKEN: 't',
    HF_HUB_OFFLINE: 'yes',
  };
  expect(await hubSettings(set)).toEqual({
    endpoint: 'http://mirror',
    token: 't',
    cache: '/cache',
    offline: true,
  });
});

test.each(['foo', 'localhost:8080', 'ftp://mirror', 'https://'])(
  'HF_ENDPOINT=%s is no URL',
  async (endpoint) => {
    const environment = { HF_HOME: await temporaryFolder(), HF_ENDPOINT: endpoint };
    const message = await inputErrorOf(openCheckpoint('owner/name', { environment }));
    expect(message).toContain(`HF_ENDPOINT: expected an http or https URL, found "${endpoint}"`);
  },
);
