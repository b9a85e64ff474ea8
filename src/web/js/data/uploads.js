// The files of the outgoing queue on their way to the server: two messages at a time, taken up again
// where they were after a break or a reload.

const PARALLEL = 2;

export class Uploads {
  #tell;
  #running = new Map();

  /** `tell`: `{progress(item), save(item), done(item), refused(item, error)}`. */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Whether everything of a message is on the server. */
  isReady(item) {
    return item.files.every((file) => file.upload && (!file.thumbnail || file.thumbnail.upload));
  }

  /** Begins with those of `items` that have their turn. */
  feed(items) {
    for (const item of items) {
      if (this.#running.size >= PARALLEL) return;
      if (item.state === 'queued' && !this.#running.has(item.txn) && !this.isReady(item)) this.#run(item, items);
    }
  }

  /** Ends what runs; it goes on with the next `feed`. */
  stop() {
    for (const one of this.#running.values()) one.abort();
    this.#running.clear();
  }

  /** A message is sent or thrown away. */
  cancel(txn) {
    this.#running.get(txn)?.abort();
    this.#running.delete(txn);
  }

  async #run(item, items) {
    const control = new AbortController();
    this.#running.set(item.txn, control);
    const total = item.files.reduce((sum, file) => sum + file.blob.size, 0);
    let before = 0;
    try {
      const { upload } = await import('../files/upload.js');
      for (const file of item.files) {
        const from = before;
        const one = async (part, progress) => {
          part.upload ??= await upload(part.blob, {
            name: file.name, type: part.type ?? 'image/jpeg', at: part.at ?? null, signal: control.signal, progress,
            begun: (at) => { part.at = at; this.#tell.save(item); },
          });
        };
        if (file.thumbnail) await one(file.thumbnail, () => {});
        await one(file, (sent) => { item.progress = total > 0 ? (from + sent) / total : 1; this.#tell.progress(item); });
        before += file.blob.size;
      }
      await this.#tell.save(item);
      this.#finish(item, control);
      this.#tell.done(item);
    } catch (error) {
      this.#finish(item, control);
      if (error.name !== 'AbortError') this.#tell.refused(item, error);
    }
    this.feed(items);
  }

  #finish(item, control) {
    if (this.#running.get(item.txn) === control) this.#running.delete(item.txn);
  }
}
