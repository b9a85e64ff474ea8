// The copy that a page shows before, or without, the server: flows, people, and the newest messages.

import { debounce } from '../core/emitter.js';
import { blobNow, remember } from '../media/loader.js';
import { nextVersion } from './message.js';

const TAIL = 60;
/** A copy is for reading, not an archive: large files are left out of it. */
const LARGEST_FILE_BYTES = 400 * 1024;

export class OfflineCopy {
  #database;
  #store;
  #dirty = new Set();

  constructor(database, store) {
    this.#database = database;
    this.#store = store;
    this.#save = debounce(() => { this.#writing = this.#write().catch(() => {}); }, 1_500);
  }

  #save;
  #writing = Promise.resolve();
  #stopped = false;

  /** Starts to follow the store; before that, nothing read from here is written back. */
  follow() {
    this.#store.on('flows', () => this.#save());
    this.#store.on('users', () => this.#save());
    this.#store.on('messages', (id) => { this.#dirty.add(id); this.#save(); });
    addEventListener('pagehide', () => this.#save.now());
    // The server may have been quicker than the disk: what came before this is news too.
    for (const id of this.#store.flows.keys()) this.#dirty.add(id);
    this.#save();
  }

  /** Fills the store; false when there was nothing. */
  async load() {
    const user = this.#store.me;
    const snapshot = await this.#database.get('snapshots', user).catch(() => null);
    if (!snapshot) return false;
    const tails = await this.#database.tailsOf(user).catch(() => []);
    // Where the server was quicker than the disk, its words on flows and people stay.
    const late = this.#store.loaded;
    // All at once: a view that opens on the flows finds their messages there.
    for (const one of snapshot.users) if (!late || !this.#store.users.has(one.uuid)) this.#store.putUser(one);
    if (!late) this.#store.applySnapshot({ flows: snapshot.flows, meta: snapshot.meta ?? {} }, false);
    for (const tail of tails) {
      const history = this.#store.flows.get(tail.flow)?.history;
      for (const message of tail.messages) {
        for (const file of [...message.files, message.preview?.thumbnail]) if (file?.blob) { remember(file.id, file.blob); delete file.blob; }
        const read = { ...message, version: nextVersion() };
        if (late) history?.recall(read);
        else if (message.number < (history?.count ?? 0)) history.put(read);
      }
      // What is recalled late is read again, with what happened around it.
      if (!late) this.#store.putEvents(tail.events);
    }
    return true;
  }

  async #write() {
    const store = this.#store;
    if (this.#stopped || !store.loaded) return;
    const flows = [...store.flows.values()];
    await this.#database.put('snapshots', {
      user: store.me,
      users: [...store.users.values()],
      flows: flows.map(({ uuid, type, title, info, owner, users, time }) => ({ uuid, type, title, info, owner, users, time })),
      meta: {
        read: Object.fromEntries(flows.filter((flow) => flow.read !== null).map((flow) => [flow.uuid, flow.read])),
        count: by(flows, (flow) => flow.history.count),
        unread: by(flows, (flow) => flow.unread),
        ...(store.complete ? { settings: by(flows, (flow) => flow.settings) } : {}),
        pins: by(flows, (flow) => flow.pins),
        flows: by(flows, ({ levels, picture, expire, protect, pin, members, saved }) => ({ levels, picture, expire, protect, pin, members, saved })),
        invited: [...store.invited.values()],
      },
    });
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const id of dirty) {
      if (this.#stopped) return;
      const flow = store.flows.get(id);
      if (!flow) { await this.#database.remove('tails', [store.me, id]); continue; }
      const messages = flow.history.tail(TAIL).map((message) => ({
        ...message,
        files: message.files.map(withContent),
        preview: message.preview?.thumbnail ? { ...message.preview, thumbnail: withContent(message.preview.thumbnail) } : message.preview,
      }));
      const events = messages.flatMap((message) => flow.events.after(message.number));
      if (messages.length > 0) await this.#database.put('tails', { user: store.me, flow: id, messages, events });
    }
  }

  /** Ends once nothing is written any more: what is put off until later is not, nor the rest. */
  stop() {
    this.#stopped = true;
    return this.#writing;
  }
}

function withContent(file) {
  return { ...file, blob: file.size <= LARGEST_FILE_BYTES ? blobNow(file) : null };
}

function by(flows, value) {
  return Object.fromEntries(flows.map((flow) => [flow.uuid, value(flow)]));
}
