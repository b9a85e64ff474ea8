// IndexedDB as a few promises: the outgoing queue, what was begun, and what was last read (to show
// when offline). Where a browser has none (private windows), or it does not answer, everything works
// but is forgotten.

const NAME = 'morelia';
const VERSION = 2;
/** A browser that does not answer in this time never will (Safari, after a long sleep). */
const PATIENCE_MS = 4_000;

export class Database {
  #opening = null;

  #open() {
    this.#opening ??= new Promise((resolve) => {
      setTimeout(() => resolve(null), PATIENCE_MS);
      try {
        const request = indexedDB.open(NAME, VERSION);
        request.onupgradeneeded = () => {
          // outbox: one item per unsent message; drafts: what was begun per user and flow; snapshots:
          // flows and people per user; tails: the newest messages per user and flow.
          const stores = { outbox: 'txn', drafts: ['user', 'flow'], snapshots: 'user', tails: ['user', 'flow'] };
          for (const [name, keyPath] of Object.entries(stores)) {
            if (!request.result.objectStoreNames.contains(name)) request.result.createObjectStore(name, { keyPath });
          }
        };
        request.onsuccess = () => {
          // A newer version of the client in another tab must not wait for this one.
          request.result.onversionchange = () => { request.result.close(); this.#opening = null; };
          // The browser closed it by itself: the next wish opens it anew.
          request.result.onclose = () => { this.#opening = null; };
          resolve(request.result);
        };
        request.onerror = () => resolve(null);
      } catch {
        resolve(null);
      }
    });
    return this.#opening;
  }

  async #run(stores, mode, work) {
    const database = await this.#open();
    if (!database) return undefined;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the browser keeps nothing at present')), PATIENCE_MS);
      const settle = (end, value) => { clearTimeout(late); end(value); };
      try {
        const transaction = database.transaction(stores, mode);
        const request = work(transaction);
        transaction.oncomplete = () => settle(resolve, request?.result);
        transaction.onabort = () => settle(reject, transaction.error);
        transaction.onerror = () => settle(reject, transaction.error);
      } catch (error) {
        // A connection that the browser lost says so here.
        this.#opening = null;
        settle(reject, error);
      }
    });
  }

  put(store, value) { return this.#run([store], 'readwrite', (tx) => tx.objectStore(store).put(value)); }

  get(store, key) { return this.#run([store], 'readonly', (tx) => tx.objectStore(store).get(key)); }

  remove(store, key) { return this.#run([store], 'readwrite', (tx) => tx.objectStore(store).delete(key)); }

  async outboxOf(user) {
    const all = (await this.#run(['outbox'], 'readonly', (tx) => tx.objectStore('outbox').getAll())) ?? [];
    return all.filter((item) => item.user === user).sort((a, b) => a.at - b.at);
  }

  tailsOf(user) { return this.#allOf('tails', user); }

  draftsOf(user) { return this.#allOf('drafts', user); }

  async #allOf(store, user) {
    return (await this.#run([store], 'readonly', (tx) => tx.objectStore(store).getAll(of(user)))) ?? [];
  }

  /** Removes what was read by this user; `all`: and what was written and not sent. */
  async forget(user, { all = false } = {}) {
    const outbox = all ? await this.outboxOf(user) : [];
    await this.#run(['outbox', 'drafts', 'snapshots', 'tails'], 'readwrite', (tx) => {
      for (const item of outbox) tx.objectStore('outbox').delete(item.txn);
      if (all) tx.objectStore('drafts').delete(of(user));
      tx.objectStore('snapshots').delete(user);
      tx.objectStore('tails').delete(of(user));
    });
  }

  /** Removes what anybody else has read on this device. */
  async forgetOthers(user) {
    const snapshots = (await this.#run(['snapshots'], 'readonly', (tx) => tx.objectStore('snapshots').getAllKeys())) ?? [];
    for (const other of snapshots) if (other !== user) await this.forget(other);
  }
}

function of(user) {
  return IDBKeyRange.bound([user], [user, []]);
}
