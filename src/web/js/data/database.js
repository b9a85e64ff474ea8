// IndexedDB as a few promises: the outgoing queue, and what was last read (to show when offline).
// Where a browser has none (private windows), everything works but is forgotten.

const NAME = 'morelia';
const VERSION = 1;

export class Database {
  #opening = null;

  #open() {
    this.#opening ??= new Promise((resolve) => {
      try {
        const request = indexedDB.open(NAME, VERSION);
        request.onupgradeneeded = () => {
          // outbox: one item per unsent message; snapshots: flows and people per user;
          // tails: the newest messages per user and flow.
          request.result.createObjectStore('outbox', { keyPath: 'txn' });
          request.result.createObjectStore('snapshots', { keyPath: 'user' });
          request.result.createObjectStore('tails', { keyPath: ['user', 'flow'] });
        };
        request.onsuccess = () => {
          // A newer version of the client in another tab must not wait for this one.
          request.result.onversionchange = () => { request.result.close(); this.#opening = null; };
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
      const transaction = database.transaction(stores, mode);
      const request = work(transaction);
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }

  put(store, value) { return this.#run([store], 'readwrite', (tx) => tx.objectStore(store).put(value)); }

  get(store, key) { return this.#run([store], 'readonly', (tx) => tx.objectStore(store).get(key)); }

  remove(store, key) { return this.#run([store], 'readwrite', (tx) => tx.objectStore(store).delete(key)); }

  async outboxOf(user) {
    const all = (await this.#run(['outbox'], 'readonly', (tx) => tx.objectStore('outbox').getAll())) ?? [];
    return all.filter((item) => item.user === user).sort((a, b) => a.at - b.at);
  }

  async tailsOf(user) {
    const range = IDBKeyRange.bound([user], [user, []]);
    return (await this.#run(['tails'], 'readonly', (tx) => tx.objectStore('tails').getAll(range))) ?? [];
  }

  /** Leaves nothing of a user on this device. */
  async forget(user) {
    const outbox = await this.outboxOf(user);
    await this.#run(['outbox', 'snapshots', 'tails'], 'readwrite', (tx) => {
      for (const item of outbox) tx.objectStore('outbox').delete(item.txn);
      tx.objectStore('snapshots').delete(user);
      tx.objectStore('tails').delete(IDBKeyRange.bound([user], [user, []]));
    });
  }
}
