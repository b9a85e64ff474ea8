// The messages of one flow, sparse, by their dense number: 0 is the first ever sent, count - 1 the
// newest. Loads what a view asks for, once; forgets what is far from where anybody looks.

import { Emitter } from '../core/emitter.js';
import { nextVersion } from './message.js';

/** Loaded ahead in one go: half a request's limit, so that an answer with pictures stays quick. */
const PAGE = 50;
const KEPT_MESSAGES = 1_200;

/** Topic: `change`. */
export class History extends Emitter {
  count;
  #load;
  #messages = new Map();
  #numbers = new Map();
  #stale = new Set();
  #holes = new Set();
  #loading = new Map();
  /** @type {{from: number, to: number} | null} */
  #view = null;

  /** `load(from, to)` gives `[{number, …}]`, in order, from `from` on, perhaps fewer than asked. */
  constructor(count, load) {
    super();
    this.count = count;
    this.#load = load;
  }

  get(number) { return this.#messages.get(number); }

  numberOf(uuid) { return this.#numbers.get(uuid) ?? null; }

  get last() { return this.get(this.count - 1) ?? null; }

  /** All messages that are here, in order: for the offline copy. */
  tail(size) {
    const found = [];
    for (let n = this.count - 1; n >= 0 && found.length < size && this.#messages.has(n); n -= 1) found.unshift(this.get(n));
    return found;
  }

  /** The messages that are here without a gap around `number`, in order. */
  near(number) {
    const found = [this.get(number)];
    for (let n = number - 1; this.#messages.has(n); n -= 1) found.unshift(this.get(n));
    for (let n = number + 1; this.#messages.has(n); n += 1) found.push(this.get(n));
    return found;
  }

  /** Whether `number` needs nothing more from the server (a hole is settled: nothing is there). */
  has(number) {
    return this.#holes.has(number) || (this.#messages.has(number) && !this.#stale.has(number));
  }

  /** Whether there is something to show, be it from an offline copy. */
  shows(number) { return this.#messages.has(number) || this.#holes.has(number); }

  put(message) {
    const { number } = message;
    const old = this.#messages.get(number);
    if (old) {
      message.key = old.key;
      if ((message.before ?? null) === null) Object.assign(message, before(old, message));
      // Read again and the same: what is drawn of it stays, and a film goes on playing.
      if (same(old, message)) message.version = old.version;
    }
    this.#messages.set(number, message);
    this.#numbers.set(message.uuid, number);
    this.#stale.delete(number);
    this.#holes.delete(number);
    if (number >= this.count) this.count = number + 1;
    this.emit('change');
  }

  /** A message as it was on the last visit: shown until it is read again, and known by what it said before. */
  recall(message) {
    const { number } = message;
    const now = this.#messages.get(number);
    if (number >= this.count || this.#holes.has(number)) return;
    if (now) {
      if (now.uuid === message.uuid && !now.before) this.patch(now.uuid, before(message, now));
      return;
    }
    this.put(message);
    this.#stale.add(number);
  }

  /** A message as the server says it now, without what happened around it: shown, and read again with that. */
  glimpse(message) {
    const known = this.has(message.number);
    this.put(message);
    if (!known) this.#stale.add(message.number);
  }

  /** Changes some of what is known of a message that is here. */
  patch(uuid, change) {
    const number = this.#numbers.get(uuid);
    if (number === undefined) return;
    const old = this.#messages.get(number);
    const message = { ...old, ...change, version: nextVersion() };
    if (!('before' in change)) Object.assign(message, before(old, message));
    this.#messages.set(number, message);
    this.emit('change');
  }

  /** A message is deleted for good: it does not live on in what quotes it. */
  unquote(uuid) {
    for (const message of [...this.#messages.values()]) {
      if (message.reply?.uuid === uuid && !message.reply.gone) this.patch(message.uuid, { reply: { uuid, gone: true } });
    }
  }

  /** The server says how many there are; everything here may have changed since it was read. */
  refresh(count) {
    this.count = count;
    for (const number of this.#messages.keys()) {
      if (number >= count) this.#drop(number); else this.#stale.add(number);
    }
    this.#holes.clear();
    this.emit('change');
  }

  /** Loads what is missing of `[from, to]` (inclusive). */
  async ensure(from, to) {
    const first = Math.max(0, from);
    const last = Math.min(this.count - 1, to);
    for (let number = first; number <= last; number += 1) {
      if (!this.has(number)) await this.#loadAt(number, Math.max(last, Math.min(number + PAGE - 1, this.count - 1)));
    }
  }

  /** The same, and a page more on the side that a reader comes from. */
  ensureAround(number) {
    return this.ensure(number - PAGE / 2, number + PAGE / 2);
  }

  async #loadAt(number, wish) {
    let end = number;
    while (end < wish && end - number < PAGE - 1 && !this.has(end + 1)) end += 1;
    if (this.#loading.has(number)) { await this.#loading.get(number); return; }
    const work = this.#fetch(number, end).finally(() => this.#loading.delete(number));
    this.#loading.set(number, work);
    await work;
  }

  async #fetch(from, to) {
    const found = await this.#load(from, to);
    for (const message of found) this.put(message);
    // The server has nothing there: remember, or a view would ask for ever.
    if (found.length === 0) for (let number = from; number <= to; number += 1) this.#holes.add(number);
    this.#trim();
    this.emit('change');
  }

  /** The view tells what it shows, so that this is what stays. */
  looksAt(from, to) { this.#view = { from, to }; }

  #trim() {
    if (this.#messages.size <= KEPT_MESSAGES) return;
    const centre = this.#view ? (this.#view.from + this.#view.to) / 2 : this.count;
    const byDistance = [...this.#messages.keys()].sort((a, b) => Math.abs(b - centre) - Math.abs(a - centre));
    for (const number of byDistance) {
      if (this.#messages.size <= KEPT_MESSAGES * 0.75) break;
      if (number !== this.count - 1) this.#drop(number);
    }
  }

  #drop(number) {
    const message = this.#messages.get(number);
    this.#messages.delete(number);
    this.#numbers.delete(message.uuid);
    this.#stale.delete(number);
  }
}

/** What an edited message said before, as far as it was seen here: the one step back that is kept. */
function before(old, message) {
  if (message.deleted || old.deleted) return { before: null };
  return old.text === message.text ? { before: old.before ?? null, beforeFormat: old.beforeFormat } : { before: old.text, beforeFormat: old.format };
}

/** Whether two readings of a message tell the same. */
function same(old, message) {
  const facts = ({ version, key, pending, ...rest }) => JSON.stringify(rest);
  return !old.pending && facts(old) === facts(message);
}
