// The picture of a link's preview goes with its message, or the message goes without it.

import assert from 'node:assert/strict';
import test from 'node:test';

import './page.mjs';

import { Outbox } from '../../src/web/js/data/outbox.js';
import { MtpError } from '../../src/web/js/net/wire.js';

const database = { put: async () => {}, remove: async () => {}, get: async () => undefined, outboxOf: async () => [] };
const card = () => ({ preview: { id: 'p' }, card: { url: 'https://a.example/', title: 'A', thumbnail: { blob: new Blob(['small']), type: 'image/jpeg', width: 480, height: 251 } } });
const refusal = (code) => new MtpError({ code });

/** A queue with a server that answers `POST /files` by `taken()`, and messages by `answer(preview)`. */
function queue(t, taken, answer = () => {}) {
  const sent = [];
  const settled = [];
  globalThis.fetch = async (_, { signal }) => { const status = await taken(signal); return new Response('', { status, headers: { Location: '/files/up1' } }); };
  globalThis.XMLHttpRequest = class {
    upload = {};
    status = 204;
    open() {}
    setRequestHeader() {}
    getResponseHeader() { return '5'; }
    send() { queueMicrotask(() => this.onload()); }
  };
  globalThis.location.origin = 'http://localhost';
  const send = async (item, message, uploads) => {
    const preview = uploads?.preview ?? item.about?.preview ?? null;
    sent.push([item.flow, message.text, preview]);
    answer(preview);
    return { uuid: message.text };
  };
  const outbox = new Outbox(database, 'me', send, async ({ item }) => { settled.push(item.text); });
  const until = async (count) => { for (let i = 0; settled.length < count && i < 500; i += 1) await new Promise((next) => { setTimeout(next, 10); }); return sent; };
  // Its channel to other tabs would keep Node from ending.
  t.after(() => outbox.stop());
  outbox.setOpen(true);
  return { outbox, until };
}

const BARE = { id: 'p' };
const WHOLE = { id: 'p', thumbnail: { upload: 'up1', width: 480, height: 251 } };

test('what was written after a picture does not overtake it, and nothing else waits', async (t) => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const { outbox, until } = queue(t, async () => { await held; return 201; });
  outbox.add('a', 'link', [], card());
  outbox.add('a', 'after', []);
  outbox.add('b', 'elsewhere', []);
  assert.deepEqual(await until(1), [['b', 'elsewhere', null]]);
  release();
  assert.deepEqual((await until(3)).slice(1), [['a', 'link', WHOLE], ['a', 'after', null]]);
});

test('a picture that is refused is left out at once', async (t) => {
  for (const status of [413, 403, 503]) {
    const { outbox, until } = queue(t, async () => status);
    outbox.add('a', 'link', [], card());
    assert.deepEqual(await until(1), [['a', 'link', BARE]], `${status}`);
    }
});

test('one at a time, and again where too many run', async (t) => {
  let [now, most, asked] = [0, 0, 0];
  const { outbox, until } = queue(t, async () => {
    [now, asked] = [now + 1, asked + 1];
    const status = asked === 1 ? 429 : 201;
    most = Math.max(most, now);
    await new Promise((next) => { setTimeout(next, 30); });
    now -= 1;
    return status;
  });
  for (const flow of ['a', 'b', 'c']) outbox.add(flow, flow, [], card());
  assert.deepEqual((await until(3)).map(([flow, , preview]) => [flow, preview]), [['a', WHOLE], ['b', WHOLE], ['c', WHOLE]]);
  assert.equal(most, 1);
});

test('a picture that is not taken in time is left out', async (t) => {
  const { outbox, until } = queue(t, (signal) => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)); }));
  outbox.add('a', 'link', [], card());
  assert.deepEqual(await until(1), [['a', 'link', BARE]]);
});

test('a picture that the server has forgotten keeps no message back', async (t) => {
  const { outbox, until } = queue(t, async () => 201, (preview) => { if (preview.thumbnail) throw refusal(404); });
  outbox.add('a', 'link', [], card());
  assert.deepEqual(await until(1), [['a', 'link', WHOLE], ['a', 'link', BARE]]);
});

test('without a connection it waits with its message', async (t) => {
  let tries = 0;
  const { outbox, until } = queue(t, (signal) => {
    tries += 1;
    return tries > 1 ? Promise.resolve(201) : new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)); });
  });
  outbox.add('a', 'link', [], card());
  await new Promise((next) => { setTimeout(next, 50); });
  outbox.setOpen(false);
  await new Promise((next) => { setTimeout(next, 50); });
  assert.equal(outbox.of('a')[0].about.card.thumbnail.width, 480);
  outbox.setOpen(true);
  assert.deepEqual(await until(1), [['a', 'link', WHOLE]]);
});
