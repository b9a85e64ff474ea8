// What this device knows: flows, people, who is online and who types. Changes come in through
// `apply…`; views listen. No network and no page in here.

import { Emitter } from '../core/emitter.js';
import { unreadCount } from '../text/grouping.js';
import { History } from './history.js';
import { fromWire } from './message.js';

const TYPING_MS = 6_000;

/** Topics: `flows`, `flow` (id), `messages` (id), `users`, `presence`, `typing` (id), `incoming` (message). */
export class Store extends Emitter {
  me;
  flows = new Map();
  users = new Map();
  online = new Set();
  /** Whether the flows have been read, from the server or from the offline copy. */
  loaded = false;
  #typing = new Map();
  #load;

  /** `load(flow, from, to)` reads messages off the server. */
  constructor(me, load) {
    super();
    this.me = me;
    this.#load = load;
  }

  /** Adds or changes a flow; gives it. */
  putFlow(wire, { count, read } = {}) {
    let flow = this.flows.get(wire.uuid);
    if (!flow) {
      flow = { uuid: wire.uuid, read: null, users: [], title: '', info: '', time: 0 };
      flow.history = new History(count ?? 0, (from, to) => this.#load(wire.uuid, from, to));
      flow.history.on('change', () => { this.emit('messages', wire.uuid); });
      this.flows.set(wire.uuid, flow);
    }
    for (const key of ['type', 'title', 'info', 'owner', 'users', 'time']) if (wire[key] !== undefined && wire[key] !== null) flow[key] = wire[key];
    if (read !== undefined) this.putRead(wire.uuid, read);
    this.emit('flow', wire.uuid);
    this.emit('flows');
    return flow;
  }

  removeFlow(id) {
    if (!this.flows.delete(id)) return;
    this.emit('flow', id);
    this.emit('flows');
  }

  putRead(id, number) {
    const flow = this.flows.get(id);
    if (!flow || number === null || (flow.read !== null && flow.read >= number)) return;
    flow.read = number;
    this.emit('flow', id);
    this.emit('flows');
  }

  putUser(wire) {
    this.users.set(wire.uuid, { ...this.users.get(wire.uuid), ...wire });
    this.emit('users');
  }

  /** A whole picture from the server: what is not in it is gone. `fresh`: earlier copies may be out of date. */
  applySnapshot({ flows, read, count }, fresh) {
    const ids = new Set(flows.map((flow) => flow.uuid));
    for (const id of [...this.flows.keys()]) if (!ids.has(id)) this.removeFlow(id);
    for (const wire of flows) {
      const total = Number(count[wire.uuid] ?? 0);
      const flow = this.putFlow(wire, { count: total, read: read[wire.uuid] });
      if (fresh || total < flow.history.count) flow.history.refresh(total);
      else if (total > flow.history.count) { flow.history.count = total; flow.history.emit('change'); }
    }
    this.loaded = true;
    this.emit('flows');
  }

  /**
   * A pushed `get_update`. Gives the ids of flows that this device must read first: new ones, and
   * ones whose message came without its number.
   */
  applyUpdate(data) {
    const unknown = new Set();
    for (const user of data.user ?? []) this.putUser(user);
    for (const wire of data.flow ?? []) {
      if (!this.flows.has(wire.uuid)) unknown.add(wire.uuid);
      else this.putFlow(wire);
    }
    for (const wire of data.message ?? []) {
      const flow = this.flows.get(wire.from_flow);
      const number = data.meta?.numbers?.[wire.uuid] ?? flow?.history.numberOf(wire.uuid) ?? null;
      if (!flow || number === null) { unknown.add(wire.from_flow); continue; }
      const isNew = number >= flow.history.count;
      const message = fromWire(wire, Number(number));
      flow.history.put(message);
      if (isNew) {
        this.endTyping(flow.uuid, message.from);
        this.emit('flows');
        this.emit('incoming', message);
      }
    }
    for (const [id, number] of Object.entries(data.meta?.read ?? {})) this.putRead(id, number);
    for (const id of data.meta?.left ?? []) { this.removeFlow(id); unknown.delete(id); }
    return [...unknown];
  }

  applyPresence(user, online) {
    if (online) this.online.add(user); else this.online.delete(user);
    this.emit('presence', user);
  }

  setOnline(users) {
    this.online = new Set(users);
    this.emit('presence');
  }

  applyTyping(flow, user) {
    if (user === this.me) return;
    const typing = this.#typing.get(flow) ?? new Map();
    this.#typing.set(flow, typing);
    clearTimeout(typing.get(user));
    typing.set(user, setTimeout(() => this.endTyping(flow, user), TYPING_MS));
    this.emit('typing', flow);
  }

  endTyping(flow, user) {
    const typing = this.#typing.get(flow);
    if (!typing?.has(user)) return;
    clearTimeout(typing.get(user));
    typing.delete(user);
    this.emit('typing', flow);
  }

  typingIn(flow) { return [...(this.#typing.get(flow)?.keys() ?? [])]; }

  unread(flow) { return unreadCount(flow.history.count, flow.read); }

  get totalUnread() {
    let sum = 0;
    for (const flow of this.flows.values()) sum += this.unread(flow);
    return sum;
  }

  /** The other one of a chat. */
  partner(flow) {
    return flow.type === 'chat' ? flow.users.find((id) => id !== this.me) ?? null : null;
  }

  chatWith(user) {
    return [...this.flows.values()].find((flow) => flow.type === 'chat' && flow.users.includes(user)) ?? null;
  }

  mayWrite(flow) {
    return flow.type !== 'channel' || flow.owner === this.me;
  }
}
