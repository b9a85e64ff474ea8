// Messages on their way. Each is on this device's disk before it is shown, carries a text (`txn`) by
// which the server knows it again, and leaves the queue only by the server's answer: a message
// written in a tunnel arrives once, also when the page is closed meanwhile.

import { Emitter } from '../core/emitter.js';
import { now } from '../core/clock.js';
import { uniqueText } from '../core/random.js';
import { ConnectionLost, MtpError } from '../net/wire.js';
import { Uploads } from './uploads.js';

const RETRY_MS = 3_000;

/** Topic: `change` (flow id). */
export class Outbox extends Emitter {
  #database;
  #user;
  #send;
  #settle;
  #items = [];
  #running = false;
  #open = false;
  #timer = null;
  #counter = 0;
  #uploads;
  #channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('morelia.outbox') : null;

  /**
   * `send(item, message, uploads)` gives `{uuid, time, number, about}`; with it, `settle({item, uuid,
   * …})` puts the message among the others before it leaves the queue.
   */
  constructor(database, user, send, settle) {
    super();
    this.#uploads = new Uploads({
      progress: (item) => this.emit('change', item.flow),
      save: (item) => this.#save(item),
      done: () => this.#pump(),
      refused: (item, error) => this.#fail(item, error),
    });
    this.#database = database;
    this.#user = user;
    this.#send = send;
    this.#settle = settle;
    if (this.#channel) this.#channel.onmessage = (event) => this.#hear(event.data);
  }

  async load() {
    for (const item of await this.#database.outboxOf(this.#user)) this.#adopt(item);
    this.#pump();
  }

  get count() { return this.#items.length; }

  /** What is waiting for `flow`, oldest first. */
  of(flow) { return this.#items.filter((item) => item.flow === flow && !item.edits); }

  /** What waits to become the text of a message; undefined when nothing does. */
  editOf(uuid) { return this.#items.findLast((item) => item.edits === uuid); }

  /** `about` is what goes with the message: the one that it answers, mentions, a poll. */
  async add(flow, text, files = [], about = null) {
    return this.#queue({ flow, text, files, about });
  }

  /** Another text for a message that is on the server. */
  async edit(flow, uuid, text, about = null) {
    const old = this.editOf(uuid);
    if (old) await this.discard(old.txn);
    return this.#queue({ flow, text, files: [], about, edits: uuid });
  }

  async #queue(wish) {
    this.#counter += 1;
    const item = {
      txn: uniqueText(), user: this.#user, ...wish, time: now(),
      // Two messages of the same millisecond keep their order.
      at: Date.now() + (this.#counter % 1000) / 1000,
      state: 'queued',
    };
    this.#items.push(item);
    this.emit('change', item.flow);
    await this.#save(item);
    this.#tell({ added: item.txn });
    this.#pump();
    return item;
  }

  async retry(txn) {
    const item = this.#items.find((one) => one.txn === txn);
    if (!item) return;
    item.state = 'queued';
    await this.#save(item);
    this.emit('change', item.flow);
    this.#pump();
  }

  async discard(txn) {
    this.#take(txn);
    await this.#forget(txn);
    this.#tell({ gone: txn });
  }

  /** Whether the server can be asked now. */
  setOpen(open) {
    this.#open = open;
    if (open) this.#pump(); else this.#uploads.stop();
  }

  stop() {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#uploads.stop();
    this.#channel?.close();
    this.#channel = null;
  }

  async #pump() {
    // Files travel beside the texts, which need not wait for them.
    if (this.#open) this.#uploads.feed(this.#items);
    if (this.#running) return;
    this.#running = true;
    try {
      // One at a time: the order that a person wrote in is the order in which others read.
      for (let item = this.#next(); item; item = this.#next()) {
        if (!(await this.#deliver(item))) break;
      }
    } finally {
      this.#running = false;
    }
  }

  #next() {
    if (!this.#open) return undefined;
    // What is ready in a moment is not overtaken by what was written after it.
    const held = new Set();
    return this.#items.find((item) => {
      if (item.state !== 'queued' || held.has(item.flow)) return false;
      if (this.#uploads.isNearlyReady(item)) held.add(item.flow);
      return this.#uploads.isReady(item);
    });
  }

  /** False when the queue has to wait. */
  async #deliver(item) {
    let sent;
    try {
      sent = await this.#post(item);
    } catch (error) {
      if (error instanceof ConnectionLost) return false;
      if (error instanceof MtpError && error.code === 401) return false;
      if (error instanceof MtpError && error.temporary) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#pump(), RETRY_MS);
        return false;
      }
      // The server may have forgotten the picture of a preview by now: that keeps no message back.
      if (item.about?.card?.thumbnail) {
        delete item.about.card.thumbnail;
        await this.#save(item);
        return true;
      }
      await this.#fail(item, error);
      return true;
    }
    // From here on it is sent: what fails on this device changes nothing about that.
    await this.#forget(item.txn);
    await this.#settle({ item, ...sent });
    this.#take(item.txn);
    this.#tell({ gone: item.txn });
    return true;
  }

  async #post(item) {
    if (item.edits) return this.#send(item, null);
    const message = { client_id: Math.floor(item.at) % 2_147_483_647 };
    if (item.text !== '') message.text = item.text;
    if (item.files.length === 0 && !item.about?.card?.thumbnail) return this.#send(item, message);
    // Where it cannot be had now, the server can be asked later.
    const { uploadsOf } = await import('../files/upload.js').catch(() => { throw new MtpError({ code: 503 }); });
    return this.#send(item, message, uploadsOf(item));
  }

  async #fail(item, error) {
    item.state = 'failed';
    // Told in the language of whoever reads it, which may change.
    item.error = { refusal: error.refusal ?? null, detail: error.detail ?? String(error.message) };
    await this.#save(item);
    this.emit('change', item.flow);
  }

  async #forget(txn) {
    try { await this.#database.remove('outbox', txn); } catch { /* sent again after a reload, it is known by its txn */ }
  }

  async #save(item) {
    const { progress, ...kept } = item;
    // Without a database the message still goes out, as long as the page is open.
    try { await this.#database.put('outbox', kept); } catch { /* see above */ }
  }

  #adopt(item) {
    if (this.#items.some((one) => one.txn === item.txn)) return;
    this.#items.push(item);
    this.emit('change', item.flow);
  }

  #take(txn) {
    this.#uploads.cancel(txn);
    const at = this.#items.findIndex((item) => item.txn === txn);
    if (at < 0) return;
    const [item] = this.#items.splice(at, 1);
    this.emit('change', item.flow);
  }

  #tell(news) { this.#channel?.postMessage({ user: this.#user, ...news }); }

  /** Another tab queued or finished a message. Sending it from here as well would do no harm (`txn`). */
  async #hear(news) {
    if (news.user !== this.#user) return;
    if (news.gone) this.#take(news.gone);
    if (news.added) {
      const item = await this.#database.get('outbox', news.added).catch(() => null);
      if (item) this.#adopt(item);
    }
  }
}
