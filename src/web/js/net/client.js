// The running client of one signed-in user: connection, what is known, what is on its way, and how
// they are brought together when the connection comes (back).

import { now } from '../core/clock.js';
import { Emitter, debounce } from '../core/emitter.js';
import { session } from '../core/session.js';
import { uniqueText } from '../core/random.js';
import { Database } from '../data/database.js';
import { Drafts } from '../data/drafts.js';
import { fromOutbox, fromWire } from '../data/message.js';
import { OfflineCopy } from '../data/offline.js';
import { Outbox } from '../data/outbox.js';
import { Store } from '../data/store.js';
import { readFiles } from '../media/attachments.js';
import { remember, setTickets } from '../media/loader.js';
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
  drafts;
  api;
  connection;
  /** What the server has beyond the protocol. */
  features = new Set();
  #database = new Database();
  #offline;
  #position = null;
  #lostAt = 0;
  #ready = deferred();
  #ticket = null;
  #askedUsers = new Set();
  #typingAt = -Infinity;
  #readMarks = new Map();
  #fetchPeople = debounce(() => this.#learnPeople(), 100);
  #adoptFlows = debounce(() => this.#readFlows().catch(() => {}), 50);
  #learnPresence = debounce(() => this.#readPresence().catch(() => {}), 200);
  #sendMarks = debounce(() => this.flushMarks(), 400);

  constructor(user) {
    super();
    this.connection = new Connection(socketUrl());
    this.api = new Api(this.connection);
    this.store = new Store(user, (flow, from, to) => this.#loadMessages(flow, from, to));
    this.outbox = new Outbox(this.#database, user, (...args) => this.#post(...args), (sent) => this.#sent(sent));
    this.drafts = new Drafts(this.#database, user);
    this.#offline = new OfflineCopy(this.#database, this.store);
    this.connection.on('state', (state) => this.#connectionState(state));
    this.connection.on('push', (frame) => this.#push(frame));
    this.connection.on('ended', () => session.end('expired'));
    this.outbox.on('change', (flow) => { this.store.emit('messages', flow); this.store.emit('flows'); });
    this.store.on('users', () => this.store.emit('flows'));
  }

  async start() {
    this.connection.open();
    // Whatever of these the browser has lost, the others and the server are there.
    await Promise.all([this.#offline, this.outbox, this.drafts].map((one) => one.load().catch(() => {})));
    this.#offline.follow();
    this.#database.forgetOthers(this.store.me).catch(() => {});
  }

  /** `forget`: `read` removes what was read from this device, `all` also what was written and not sent. */
  async stop({ forget = null } = {}) {
    this.connection.close();
    this.outbox.stop();
    await this.#offline.stop();
    if (forget) await this.#database.forget(this.store.me, { all: forget === 'all' }).catch(() => {});
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
    const data = await this.whenReady(() => this.api.addFlow(wish, txn));
    return this.#adopt(data);
  }

  /** The caller's saved messages; made when there are none. */
  async savedFlow() {
    const old = [...this.store.flows.values()].find((flow) => flow.saved);
    if (old) return old;
    await this.whenReady(() => this.api.savedFlow(uniqueText()));
    await this.#readFlows();
    return [...this.store.flows.values()].find((flow) => flow.saved);
  }

  #adopt({ flow: [wire], meta }) {
    const flow = this.store.putFlow(wire, { count: 0, meta: meta?.flows?.[wire.uuid] });
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

  /** Accepts an invitation that waits for an answer. */
  async accept(id) {
    await this.api.joinFlow(id);
    this.store.invited.delete(id);
    await this.#readFlows();
    this.store.emit('invited');
  }

  async decline(id) {
    await this.api.leave(id);
    this.store.invited.delete(id);
    this.store.emit('invited');
  }

  /** `change` of a flow's own fields; `meta` for members, levels and the rest. */
  async editFlow(change, meta) {
    const data = await this.api.editFlow(change, meta);
    const [wire = change] = data.flow ?? [];
    this.store.putFlow(wire, { meta: data.meta?.flows?.[wire.uuid] });
    this.store.putEvents(data.meta?.events);
    // What one does oneself is not pushed to this connection: its lines are read.
    this.readEvents(wire.uuid);
    this.#fetchPeople();
    if (meta?.add) this.#learnPresence();
  }

  /** Reads the events that follow a flow's newest message, or those of an empty flow. */
  async readEvents(id) {
    const flow = this.store.flows.get(id);
    if (!flow) return;
    const last = Math.max(0, flow.history.count - 1);
    const data = await this.whenReady(() => this.api.messages(id, last, last)).catch(() => null);
    this.store.putEvents(data?.meta?.events);
  }

  /** A pass for addresses of files, asked for anew at half its life. */
  async #fileTicket() {
    if (!this.#ticket || now() > this.#ticket.until) {
      const asked = now();
      const { ticket, expires } = await this.whenReady(() => this.api.meta('file_ticket'));
      this.#ticket = { ticket, until: asked + (expires - asked) / 2 };
    }
    return this.#ticket.ticket;
  }

  async block(user, on) {
    this.store.setBlocked(await this.api.block(user, on));
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
      // All leave at once. Between them nothing can be missed: changes are pushed from the first on.
      const subscribing = this.api.subscribe(resume ? this.#position : null);
      const listing = this.api.flows();
      const blocking = this.api.blocked();
      const [subscribed, listed, blocked] = await Promise.all([subscribing, listing, blocking]);
      const { meta = {} } = subscribed;
      // A server that was put back to an older state: nothing that is here can be relied on.
      const fresh = !resume || meta.reset === true;
      // On resuming, the position moves only with what has arrived.
      if (fresh) this.#position = meta.position ?? null;
      this.features = new Set(meta.features ?? []);
      if (meta.me) this.store.putAccount(meta.me);
      this.store.setOnline(meta.online ?? []);
      this.store.applySnapshot(listed, fresh);
      this.store.setBlocked(blocked);
      this.#askedUsers.clear();
      await this.#learnPeople(fresh);
      this.connection.settled();
      this.#setState('ready');
      this.#ready.resolve();
      setTickets(this.features.has('files') ? () => this.#fileTicket() : null);
      this.outbox.setOpen(true, this.features.has('files'));
      this.flushMarks();
      await this.#readTails();
    } catch (error) {
      if (error instanceof ConnectionLost) return;
      console.error(error);
      // The server answered, but not as agreed (overloaded, for one): try again as after a lost connection.
      if (session.current) { this.connection.close(); setTimeout(() => { if (session.current) this.connection.open(); }, 3_000); }
    }
  }

  /** The newest messages, for the list, that did not come along with the flows. */
  async #readTails() {
    const waiting = [...this.store.flows.values()].filter(({ history }) => history.count > 0 && !history.shows(history.count - 1));
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
    for (const one of this.store.invited.values()) if (one.by) wanted.add(one.by);
    for (const flow of this.store.flows.values()) {
      for (const id of flow.users) wanted.add(id);
      for (const event of flow.events.after(flow.history.count - 1)) for (const id of [event.by, event.user]) if (id) wanted.add(id);
      if (flow.history.last) wanted.add(flow.history.last.from);
    }
    const asked = [...wanted].filter((id) => all || (!this.store.users.has(id) && !this.#askedUsers.has(id)));
    if (asked.length === 0) return;
    for (const id of asked) this.#askedUsers.add(id);
    for (const user of await this.api.users(asked)) this.store.putUser(user);
  }

  async #loadMessages(id, from, to) {
    const { message: wires = [], meta = {} } = await this.whenReady(() => this.api.messages(id, from, to));
    const found = wires.map((wire, i) => fromWire(wire, from + i, meta.about?.[wire.uuid]));
    this.store.putEvents(meta.events);
    const named = (meta.events ?? []).flatMap((event) => [event.by, event.user]);
    const strangers = new Set([...found.map((message) => message.from), ...named].filter((one) => one && !this.store.users.has(one) && !this.#askedUsers.has(one)));
    if (strangers.size > 0) {
      for (const one of strangers) this.#askedUsers.add(one);
      this.api.users([...strangers]).then((users) => users.forEach((user) => this.store.putUser(user)), () => {});
    }
    return found;
  }

  #push(frame) {
    const { meta } = frame;
    const presences = meta.presences ?? (meta.presence ? [meta.presence] : []);
    for (const one of presences) this.store.applyPresence(one);
    if (presences.length > 0) return;
    if (meta.typing) { this.store.applyTyping(meta.typing.flow, meta.typing.user); return; }
    if (frame.data) {
      const unknown = this.store.applyUpdate(frame.data);
      if (unknown.length > 0) this.#adoptFlows();
      if (frame.data.flow || frame.data.meta?.events || frame.data.meta?.invited) this.#fetchPeople();
      // Of who comes into a group nothing says that they are online.
      if (frame.data.meta?.events?.some(({ kind, flow }) => (kind === 'added' || kind === 'joined') && this.store.flows.get(flow)?.type === 'group')) this.#learnPresence();
      if (frame.data.meta?.sessions) this.emit('device', frame.data.meta.sessions[0]);
    }
    if (meta.position !== undefined && meta.position !== null) this.#position = meta.position;
  }

  async #post(item, message, uploads) {
    const { quote, shown, card, ...rest } = item.about ?? {};
    const about = { ...rest, ...uploads };
    const told = Object.keys(about).length > 0 ? about : undefined;
    if (!item.edits) return this.api.send(item.flow, message, item.txn, told);
    await this.api.edit(item.flow, item.edits, item.text, told);
    return {};
  }

  /** A queued message is on the server: it takes its place among the others, keeping its node in the page. */
  async #sent({ item, uuid, time, number, about }) {
    const flow = this.store.flows.get(item.flow);
    if (!flow) return;
    if (item.edits) { flow.history.patch(item.edits, { text: item.text, edited: true, editedAt: now(), format: item.about?.format ?? 0 }); return; }
    // What was sent from here is not fetched again.
    (about?.files ?? []).forEach((file, i) => { if (item.files[i]?.blob) remember(file.id, item.files[i].blob); });
    const picture = item.about?.card?.thumbnail?.blob;
    if (picture) remember(about?.preview?.thumbnail?.id, picture);
    const known = number ?? flow.history.numberOf(uuid);
    if (known === null) {
      // The answer did not tell its place: it is among the newest.
      const from = flow.history.count;
      const found = await this.#loadMessages(item.flow, from, from + 49).catch(() => []);
      for (const message of found) flow.history.put(message.uuid === uuid ? { ...message, key: item.txn } : message);
    } else {
      const wire = { uuid, from_flow: item.flow, from_user: item.user, text: (item.about?.shown ?? item).text, time: time ?? item.time };
      const files = readFiles(about?.files).map((file, i) => ({ ...file, width: file.width || item.files[i]?.width || 0, height: file.height || item.files[i]?.height || 0 }));
      flow.history.put({ ...fromWire(wire, Number(known), about), key: item.txn, files });
    }
    const place = flow.history.numberOf(uuid);
    // Who writes has read what was there before.
    if (place !== null) this.markRead(item.flow, place);
  }

  /** Tells the server at once how far was read: what is set after that is not undone by it. */
  async flushMarks() {
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
