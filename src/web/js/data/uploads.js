// The files of the outgoing queue on their way to the server: two messages at a time, taken up again
// where they were after a break or a reload. The small picture of a link's preview does not wait for them.

const PARALLEL = 2;

export class Uploads {
  #tell;
  /** By message: what ends it, and whether it has files to send. */
  #running = new Map();

  /** `tell`: `{progress(item), save(item), done(item), refused(item, error)}`. */
  constructor(tell) {
    this.#tell = tell;
  }

  /** Whether everything of a message is on the server. */
  isReady(item) {
    const picture = item.about?.card?.thumbnail;
    return hasFiles(item) && (!picture || Boolean(picture.upload));
  }

  /** Whether nothing but the picture of its preview is missing, which is soon there or left out. */
  isNearlyReady(item) {
    return hasFiles(item) && !this.isReady(item);
  }

  /** Begins with those of `items` that have their turn. */
  feed(items) {
    for (const item of items) {
      if (item.state !== 'queued' || this.#running.has(item.txn) || this.isReady(item)) continue;
      const large = [...this.#running.values()].filter((one) => one.large).length;
      // Three at a time are what the server takes of an account.
      if (hasFiles(item) ? large === this.#running.size : large < PARALLEL) this.#run(item, items);
    }
  }

  /** Ends what runs; it goes on with the next `feed`. */
  stop() {
    for (const { control } of this.#running.values()) control.abort();
    this.#running.clear();
  }

  /** A message is sent or thrown away. */
  cancel(txn) {
    this.#running.get(txn)?.control.abort();
    this.#running.delete(txn);
  }

  async #run(item, items) {
    const control = new AbortController();
    this.#running.set(item.txn, { control, large: !hasFiles(item) });
    let failed = null;
    try {
      const { uploadFiles, uploadPicture } = await import('../files/upload.js');
      await uploadFiles(item, control.signal, this.#tell);
      await uploadPicture(item.about?.card?.thumbnail, control.signal);
    } catch (error) {
      failed = error;
    }
    if (this.#running.get(item.txn)?.control === control) this.#running.delete(item.txn);
    if (failed && !hasFiles(item)) {
      if (failed.name !== 'AbortError') this.#tell.refused(item, failed);
    } else if (failed?.name !== 'AbortError') {
      // Whatever is wrong with a picture keeps no message back.
      if (failed) delete item.about.card.thumbnail;
      await this.#tell.save(item);
      this.#tell.done(item);
    }
    this.feed(items);
  }
}

function hasFiles(item) {
  return item.files.every((file) => file.upload && (!file.thumbnail || file.thumbnail.upload));
}
