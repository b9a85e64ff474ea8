// The running client of one signed-in user: connection, what is known, what is on its way, and how
// they are brought together when the connection comes (back).

import { Emitter, debounce } from '../core/emitter.js';
import { session } from '../core/session.js';
import { uniqueText } from '../core/random.js';
import { Database } from '../data/database.js';
import { fromOutbox, fromWire } from '../data/message.js';
import { OfflineCopy } from '../data/offline.js';
import { Outbox } from '../data/outbox.js';
import { Store } from '../data/store.js';
import { Api } from './api.js';
import { Connection, socketUrl } from './connection.js';
import { ConnectionLost } from './wire.js';

/** After this long away, reading the present state is cheaper than every change since. */
const RESUME_MS = 30 * 60_000;
/** How many flows' newest messages are asked for at the same time. */
const PARALLEL = 6;
/** At most one "typing" in this time goes to the others. */
const TYPING_EVERY_MS = 3_500;

/** Topics: `state` (`offline`, `connecting`, `syncing`, `ready`). */
export class Client extends Emitter {
  state = 'connecting';
  store;
  outbox;
  api;
  connection;
  #database = new Database();
  #offline;
  #position = null;
  #lostAt = 0;
  #ready = deferred();
  #askedUsers = new Set();
  #typingAt = -Infinity;
  #readMarks = new Map();
  #fetchPeople = debounce(() => this.#learnPeople(), 100);
  #adoptFlows = debounce(() => this.#readFlows().catch(() => {}), 50);
  #learnPresence = debounce(() => this.#readPresence().catch(() => {}), 200);
  #sendMarks = debounce(() => this.#flushMarks(), 400);

  constructor(user) {
    super();
    this.connection = new Connection(socketUrl());
    this.api = new Api(this.connection);
    this.store = new Store(user, (flow, from, to) => this.#loadMessages(flow, from, to));
    this.outbox = new Outbox(this.#database, user, (...args) => this.api.send(...args), (sent) => this.#sent(sent));
    this.#offline = new OfflineCopy(this.#database, this.store);
    this.connection.on('state', (state) => this.#connectionState(state));
    this.connection.on('push', (frame) => this.#push(frame));
    this.connection.on('ended', () => session.end('expired'));
    this.outbox.on('change', (flow) => { this.store.emit('messages', flow); this.store.emit('flows'); });
    this.store.on('users', () => this.store.emit('flows'));
  }

  async start() {
    this.connection.open();
    await Promise.all([this.#offline.load().catch(() => {}), this.outbox.load().catch(() => {})]);
    this.#offline.follow();
  }

  async stop({ forget = false } = {}) {
    this.connection.close();
    this.outbox.stop();
    await this.#offline.stop();
    if (forget) await this.#database.forget(this.store.me).catch(() => {});
  }

  /** Does `work` when the server can be asked; again when the connection broke meanwhile. */
  async whenReady(work) {
    for (;;) {
      await this.#ready.promise;
      try { return await work(); } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
    }
  }

  /** The messages of `flow` that have not reached the server yet, as the views show them. */
  pending(flow) {
    return this.outbox.of(flow).map(fromOutbox);
  }

  typing(flow) {
    if (this.state !== 'ready' || performance.now() - this.#typingAt < TYPING_EVERY_MS) return;
    this.#typingAt = performance.now();
    this.api.typing(flow).catch(() => {});
  }

  /** Marks read up to `number`; told to the server in one request for a burst of them. */
  markRead(id, number) {
    const flow = this.store.flows.get(id);
    if (!flow || (flow.read ?? -1) >= number) return;
    this.store.putRead(id, number);
    this.#readMarks.set(id, number);
    this.#sendMarks();
  }

  async addFlow(wish) {
    const txn = uniqueText();
    const wire = await this.whenReady(() => this.api.addFlow(wish, txn));
    const flow = this.store.putFlow(wire, { count: 0 });
    this.#fetchPeople();
    this.#learnPresence();
    return flow;
  }

  /** Joins what an invitation is for; what is there already is read then. */
  async join(code) {
    const wire = await this.whenReady(() => this.api.useInvitation(code));
    await this.#readFlows();
    return wire;
  }

  async editFlow(change) {
    const wire = await this.api.editFlow(change);
    this.store.putFlow(wire ?? change);
    this.#fetchPeople();
    if (change.users) this.#learnPresence();
  }

  /** Asks for profiles that are not known yet. */
  wantUsers() { this.#fetchPeople(); }

  #connectionState(state) {
    if (state === 'open') { this.#synchronise(); return; }
    this.outbox.setOpen(false);
    if (this.state === 'ready') { this.#ready = deferred(); this.#lostAt = Date.now(); }
    this.#setState(state);
  }

  #setState(state) {
    this.state = state;
    this.emit('state', state);
  }

  async #synchronise() {
    this.#setState('syncing');
    const resume = this.#position !== null && Math.abs(Date.now() - this.#lostAt) < RESUME_MS;
    try {
      // Both leave at once. Between them nothing can be missed: changes are pushed from the first on.
      const subscribing = this.api.subscribe(resume ? this.#position : null);
      const listing = this.api.flows();
      const [subscribed, listed] = await Promise.all([subscribing, listing]);
      // On resuming, the position moves only with what has arrived.
      if (!resume) this.#position = subscribed.meta?.position ?? null;
      this.store.setOnline(subscribed.meta?.online ?? []);
      this.store.applySnapshot(listed, !resume);
      this.#askedUsers.clear();
      await this.#learnPeople(!resume);
      this.connection.settled();
      this.#setState('ready');
      this.#ready.resolve();
      this.outbox.setOpen(true);
      this.#flushMarks();
      await this.#readTails();
    } catch (error) {
      if (error instanceof ConnectionLost) return;
      console.error(error);
      // The server answered, but not as agreed (overloaded, for one): try again as after a lost connection.
      if (session.current) { this.connection.close(); setTimeout(() => { if (session.current) this.connection.open(); }, 3_000); }
    }
  }

  /** Every flow's newest message, for the list; what is here already is not asked for again. */
  async #readTails() {
    const waiting = [...this.store.flows.values()].filter((flow) => flow.history.count > 0);
    const worker = async () => {
      for (let flow = waiting.shift(); flow; flow = waiting.shift()) {
        await flow.history.ensure(flow.history.count - 1, flow.history.count - 1).catch(() => {});
        this.store.emit('flows');
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    this.#fetchPeople();
  }

  /** New flows, or messages without a place: the list is read again, which is one small answer. */
  async #readFlows() {
    this.store.applySnapshot(await this.whenReady(() => this.api.flows()), false);
    this.#fetchPeople();
    this.#learnPresence();
    await this.#readTails();
  }

  /** Who of new acquaintances is online, only the answer to `subscribe` tells; asked again, it goes on from here. */
  async #readPresence() {
    if (this.state !== 'ready' || this.#position === null) return;
    const { meta } = await this.api.subscribe(this.#position);
    if (meta?.online) this.store.setOnline(meta.online);
  }

  async #learnPeople(all = false) {
    const wanted = new Set([this.store.me]);
    for (const flow of this.store.flows.values()) {
      for (const id of flow.users) wanted.add(id);
      if (flow.history.last) wanted.add(flow.history.last.from);
    }
    const asked = [...wanted].filter((id) => all || (!this.store.users.has(id) && !this.#askedUsers.has(id)));
    if (asked.length === 0) return;
    for (const id of asked) this.#askedUsers.add(id);
    for (const user of await this.api.users(asked)) this.store.putUser(user);
  }

  async #loadMessages(id, from, to) {
    const wires = await this.whenReady(() => this.api.messages(id, from, to));
    const found = wires.map((wire, i) => fromWire(wire, from + i));
    const strangers = new Set(found.map((message) => message.from).filter((one) => one && !this.store.users.has(one) && !this.#askedUsers.has(one)));
    if (strangers.size > 0) {
      for (const one of strangers) this.#askedUsers.add(one);
      this.api.users([...strangers]).then((users) => users.forEach((user) => this.store.putUser(user)), () => {});
    }
    return found;
  }

  #push(frame) {
    const { meta } = frame;
    if (meta.presence) { this.store.applyPresence(meta.presence.user, meta.presence.online); return; }
    if (meta.typing) { this.store.applyTyping(meta.typing.flow, meta.typing.user); return; }
    if (frame.data) {
      const unknown = this.store.applyUpdate(frame.data);
      if (unknown.length > 0) this.#adoptFlows();
      if (frame.data.flow) this.#fetchPeople();
    }
    if (meta.position !== undefined && meta.position !== null) this.#position = meta.position;
  }

  /** A queued message is on the server: it takes its place among the others, keeping its node in the page. */
  async #sent({ item, uuid, time, number }) {
    const flow = this.store.flows.get(item.flow);
    if (!flow) return;
    const known = number ?? flow.history.numberOf(uuid);
    if (known === null) {
      // The answer did not tell its place: it is among the newest.
      const from = flow.history.count;
      const found = await this.#loadMessages(item.flow, from, from + 49).catch(() => []);
      for (const message of found) flow.history.put(message.uuid === uuid ? { ...message, key: item.txn } : message);
    } else {
      const message = { ...fromOutbox(item), uuid, number: Number(known), time: time ?? item.time, pending: null };
      flow.history.put(message);
    }
    const place = flow.history.numberOf(uuid);
    // Who writes has read what was there before.
    if (place !== null) this.markRead(item.flow, place);
  }

  async #flushMarks() {
    if (this.state !== 'ready') return;
    for (const [id, number] of [...this.#readMarks]) {
      try {
        await this.api.read(id, number);
      } catch (error) {
        if (error instanceof ConnectionLost) return;
      }
      if (this.#readMarks.get(id) === number) this.#readMarks.delete(id);
    }
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((done) => { resolve = done; });
  return { promise, resolve };
}
