// The copy of the last visit and the server's answer come in either order: the server's words stay.

import assert from 'node:assert/strict';
import test from 'node:test';

import './page.mjs';

import { OfflineCopy } from '../../src/web/js/data/offline.js';
import { Store } from '../../src/web/js/data/store.js';

const flow = (uuid) => ({ uuid, type: 'group', title: uuid, users: [] });
const told = (id, after) => ({ flow: 'old', id, after, kind: 'title', title: id, time: after });
const tail = { flow: 'old', messages: [{ uuid: 'm0', number: 0, files: [] }], events: [told('e0', 0)] };

function kept(hold) {
  const store = new Store('me', async () => []);
  const database = {
    get: async () => ({ users: [], flows: [flow('old')], meta: { count: { old: 1 }, read: { old: 0 } } }),
    tailsOf: async () => { await hold; return [tail]; },
  };
  return { store, copy: new OfflineCopy(database, store) };
}

test('the copy fills an empty store', async () => {
  const { store, copy } = kept();
  assert.equal(await copy.load(), true);
  assert.equal(store.flows.get('old').history.get(0).uuid, 'm0');
  assert.deepEqual(store.flows.get('old').events.after(0).map((event) => event.id), ['e0']);
});

test('a copy that comes after the server is left alone', async () => {
  let release;
  const { store, copy } = kept(new Promise((resolve) => { release = resolve; }));
  const loading = copy.load();
  store.applySnapshot({ flows: [flow('old'), flow('new')], meta: { count: { old: 2, new: 1 } } }, true);
  release();
  assert.equal(await loading, false);
  assert.deepEqual([...store.flows.keys()], ['old', 'new']);
  // Message 0 with what happened after it is to be read from the server: the copy's is older.
  assert.equal(store.flows.get('old').history.has(0), false);
  assert.equal(store.flows.get('old').history.count, 2);
});
