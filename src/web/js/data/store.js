// What this device knows: flows, people, who is online and who types. Changes come in through
// `apply…`; views listen. No network and no page in here.

import { Emitter } from '../core/emitter.js';
import { Events } from './events.js';
import { History } from './history.js';
import { fromWire, isDeleted } from './message.js';

const TYPING_MS = 6_000;
/** The rights of a member by level. */
export const MODERATOR = 50;
export const OWNER = 100;

/** Topics: `flows`, `flow` (id), `messages` (id), `users`, `presence`, `typing` (id), `incoming` (message), `me`, `invited`, `blocked`. */
export class Store extends Emitter {
  me;
  flows = new Map();
  users = new Map();
  online = new Set();
  /** Whether the flows have been read, from the server or from the offline copy. */
  loaded = false;
  /** Whether the server keeps reactions, pins and settings of conversations: it tells the last with the flows. */
  complete = false;
  /** The server's words on the caller's own account: `{admin, can, ask_first, share_seen, …}`. */
  account = null;
  /** Invitations that wait for an answer, by flow. */
  invited = new Map();
  blocked = new Set();
  #typing = new Map();
  #load;

  /** `load(flow, from, to)` reads messages off the server. */
  constructor(me, load) {
    super();
    this.me = me;
    this.#load = load;
  }

  /** Adds or changes a flow; gives it. `meta` is what the server tells of it besides. */
  putFlow(wire, { count, read, meta } = {}) {
    let flow = this.flows.get(wire.uuid);
    if (!flow) {
      flow = { uuid: wire.uuid, read: null, unread: 0, seen: -1, users: [], title: '', info: '', time: 0, levels: {}, members: 0, picture: null, settings: {}, pins: 0, mentions: 0 };
      flow.history = new History(count ?? 0, (from, to) => this.#load(wire.uuid, from, to));
      flow.events = new Events();
      flow.history.on('change', () => { this.emit('messages', wire.uuid); });
      this.flows.set(wire.uuid, flow);
    }
    for (const key of ['type', 'title', 'info', 'owner', 'users', 'time']) if (wire[key] !== undefined && wire[key] !== null) flow[key] = wire[key];
    if (meta) Object.assign(flow, meta);
    if (!flow.members) flow.members = flow.users.length;
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

  /** The caller has read up to `number`; `unread`: how many are left, when the server says it. */
  putRead(id, number, unread) {
    const flow = this.flows.get(id);
    if (!flow || number === null || (flow.read !== null && flow.read >= number)) return;
    flow.read = number;
    flow.unread = unread ?? Math.max(0, Math.min(flow.unread, flow.history.count - 1 - number));
    if (flow.settings.unread) flow.settings = { ...flow.settings, unread: false };
    if (flow.unread === 0) flow.mentions = 0;
    this.emit('flow', id);
    this.emit('flows');
  }

  putUser(wire) {
    this.users.set(wire.uuid, { ...this.users.get(wire.uuid), ...wire });
    this.emit('users');
  }

  putEvents(events) {
    const changed = new Set();
    for (const event of events ?? []) if (this.flows.get(event.flow)?.events.put([event])) changed.add(event.flow);
    for (const id of changed) this.emit('messages', id);
  }

  putAccount(account) {
    this.account = { ...this.account, ...account };
    this.emit('me');
  }

  setBlocked(users) {
    this.blocked = new Set(users);
    this.emit('blocked');
    this.emit('users');
  }

  /** A whole picture from the server: what is not in it is gone. `fresh`: earlier copies may be out of date. */
  applySnapshot({ flows, messages = [], meta }, fresh) {
    const { read = {}, count = {}, unread, flows: told, invited, settings, pins, unread_mentions: mentions } = meta;
    this.complete = settings !== undefined;
    const ids = new Set(flows.map((flow) => flow.uuid));
    for (const id of [...this.flows.keys()]) if (!ids.has(id)) this.removeFlow(id);
    for (const wire of flows) {
      const total = Number(count[wire.uuid] ?? 0);
      const flow = this.putFlow(wire, { count: total, read: read[wire.uuid], meta: told?.[wire.uuid] });
      if (unread) flow.unread = Number(unread[wire.uuid] ?? 0);
      if (settings) flow.settings = settings[wire.uuid] ?? {};
      if (pins) flow.pins = pins[wire.uuid] ?? 0;
      flow.mentions = mentions?.[wire.uuid] ?? 0;
      if (fresh) flow.events.clear();
      if (fresh || total < flow.history.count) flow.history.refresh(total);
      else if (total > flow.history.count) { flow.history.count = total; flow.history.emit('change'); }
    }
    for (const wire of messages) {
      const number = meta.numbers?.[wire.uuid];
      if (number !== undefined) this.flows.get(wire.from_flow)?.history.glimpse(fromWire(wire, Number(number), meta.about?.[wire.uuid]));
    }
    this.putSeen(meta.seen);
    if (invited) { this.invited = new Map(invited.map((one) => [one.flow, one])); this.emit('invited'); }
    this.loaded = true;
    this.emit('flows');
  }

  /** Puts a message into its flow; gives it, or null where its place is not known. */
  #putMessage(wire, meta) {
    const flow = this.flows.get(wire.from_flow);
    const number = meta?.numbers?.[wire.uuid] ?? flow?.history.numberOf(wire.uuid) ?? null;
    if (!flow || number === null) return null;
    const message = fromWire(wire, Number(number), meta?.about?.[wire.uuid]);
    flow.history.put(message);
    return message;
  }

  /**
   * A pushed `get_update`. Gives the ids of flows that this device must read first: new ones, and
   * ones whose message came without its number.
   */
  applyUpdate(data) {
    const unknown = new Set();
    const { meta = {} } = data;
    for (const user of data.user ?? []) this.putUser(meta.avatars && user.uuid in meta.avatars ? { ...user, avatar: meta.avatars[user.uuid] } : user);
    // What was left comes before what one is invited to again.
    for (const id of meta.left ?? []) this.removeFlow(id);
    if (meta.left?.some((id) => this.invited.delete(id))) this.emit('invited');
    for (const wire of data.flow ?? []) {
      if (!this.flows.has(wire.uuid)) unknown.add(wire.uuid);
      else this.putFlow(wire, { meta: meta.flows?.[wire.uuid] });
      if (this.invited.delete(wire.uuid)) this.emit('invited');
    }
    for (const [id, told] of Object.entries(meta.flows ?? {})) if (this.flows.has(id)) this.putFlow({ uuid: id }, { meta: told });
    for (const one of meta.invited ?? []) { this.invited.set(one.flow, one); this.emit('invited'); }
    this.putEvents(meta.events);
    for (const wire of data.message ?? []) if (!this.#arrived(wire, meta)) unknown.add(wire.from_flow);
    for (const [id, number] of Object.entries(meta.read ?? {})) { this.putRead(id, number, meta.unread?.[id]); this.#putMentions(id, meta.unread_mentions?.[id]); }
    this.applyAbout(meta);
    for (const id of meta.left ?? []) unknown.delete(id);
    return [...unknown];
  }

  /** What changed about messages, without a message of its own: reactions, polls, pins, settings. */
  applyAbout(meta) {
    for (const [uuid, reactions] of Object.entries(meta.reactions ?? {})) this.#patchAbout(uuid, 'reactions', reactions);
    for (const [uuid, poll] of Object.entries(meta.polls ?? {})) this.#patchAbout(uuid, 'poll', poll);
    for (const [id, pinned] of Object.entries(meta.pinned ?? {})) {
      const flow = this.flows.get(id);
      if (flow) { flow.pins = pinned.length; this.emit('flow', id); this.emit('pins', id); }
    }
    for (const [id, settings] of Object.entries(meta.settings ?? {})) this.putSettings(id, settings);
    this.putSeen(meta.seen);
    if (meta.me) this.putAccount(meta.me);
    if (meta.blocked) this.setBlocked(meta.blocked);
  }

  #putMentions(id, mentions) {
    const flow = this.flows.get(id);
    if (!flow || mentions === undefined) return;
    flow.mentions = mentions;
    this.emit('flows');
  }

  /** What is told to all leaves out what is one's own: that has not changed then. */
  #patchAbout(uuid, key, value) {
    const old = this.messageOf(uuid)?.[key];
    if (key === 'poll') { this.patch(uuid, { poll: { ...value, mine: value.mine ?? old?.mine } }); return; }
    const own = (sign, one) => one.mine ?? (old?.[sign]?.mine && !one.users.includes(this.me) ? true : undefined);
    const signs = Object.entries(value).map(([sign, one]) => [sign, { ...one, mine: own(sign, one) }]);
    this.patch(uuid, { reactions: signs.length > 0 ? Object.fromEntries(signs) : null });
  }

  /** A message that is here, by its id. */
  messageOf(uuid) {
    const history = this.flowOf(uuid)?.history;
    return history?.get(history.numberOf(uuid)) ?? null;
  }

  putSettings(id, settings) {
    const flow = this.flows.get(id);
    if (!flow) return;
    flow.settings = settings;
    this.emit('flow', id);
    this.emit('flows');
  }

  /** How far others have read: `{flow: {user: number or {number}}}`. */
  putSeen(seen) {
    for (const [id, marks] of Object.entries(seen ?? {})) {
      const flow = this.flows.get(id);
      if (!flow) continue;
      const furthest = Math.max(-1, ...Object.entries(marks).filter(([user]) => user !== this.me).map(([, mark]) => mark.number ?? mark));
      if (furthest <= flow.seen) continue;
      flow.seen = furthest;
      this.emit('messages', id);
      this.emit('flows');
    }
  }

  /** Whether somebody else has read a message. */
  isSeen(message) {
    return message.number !== null && message.number <= (this.flows.get(message.flow)?.seen ?? -1);
  }

  /** The flow in whose loaded messages this one is. */
  flowOf(uuid) {
    for (const flow of this.flows.values()) if (flow.history.numberOf(uuid) !== null) return flow;
    return null;
  }

  /** Changes a message that is here; one that is not is read anew when it is looked at. */
  patch(uuid, change) {
    this.flowOf(uuid)?.history.patch(uuid, change);
  }

  #arrived(wire, meta) {
    const flow = this.flows.get(wire.from_flow);
    const count = flow?.history.count ?? 0;
    const number = meta.numbers?.[wire.uuid] ?? flow?.history.numberOf(wire.uuid) ?? null;
    const old = flow && number !== null ? flow.history.get(Number(number)) : null;
    const message = this.#putMessage(wire, meta);
    if (!message) return false;
    if (message.deleted) flow.history.unquote(message.uuid);
    if (message.number >= count) {
      if (message.from === this.me) this.putRead(flow.uuid, message.number);
      else if (!message.deleted && message.number > (flow.read ?? -1)) flow.unread += 1;
      if ((message.mentions.includes(this.me) || message.everyone) && message.from !== this.me && message.number > (flow.read ?? -1)) flow.mentions += 1;
      this.endTyping(flow.uuid, message.from);
      this.emit('flows');
      this.emit('incoming', message);
    } else if (message.deleted && !old?.deleted && message.number > (flow.read ?? -1) && message.from !== this.me) {
      flow.unread = Math.max(0, flow.unread - 1);
      this.emit('flows');
    }
    return true;
  }

  applyPresence({ user, online, seen_at: seenAt }) {
    if (online) this.online.add(user); else this.online.delete(user);
    if (seenAt && this.users.has(user)) this.users.set(user, { ...this.users.get(user), seenAt });
    this.emit('presence', user);
  }

  setOnline(users) {
    this.online = new Set(users);
    this.emit('presence');
  }

  applyTyping(flow, user) {
    if (user === this.me || this.blocked.has(user)) return;
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

  unread(flow) { return flow.unread; }

  isMuted(flow) {
    const until = flow.settings.muted_until ?? 0;
    return until < 0 || until > Date.now() / 1000;
  }

  /** What the page's title tells: muted conversations count in nothing. */
  get totalUnread() {
    let sum = this.invited.size;
    for (const flow of this.flows.values()) if (!this.isMuted(flow)) sum += flow.unread;
    return sum;
  }

  /** The other one of a chat. */
  partner(flow) {
    return flow.type === 'chat' ? flow.users.find((id) => id !== this.me) ?? null : null;
  }

  chatWith(user) {
    return [...this.flows.values()].find((flow) => flow.type === 'chat' && flow.users.includes(user)) ?? null;
  }

  levelOf(flow, user) {
    return flow.owner === user ? OWNER : Number(flow.levels[user] ?? 0);
  }

  /** Whether the caller is a moderator or the owner; in a chat nobody is. */
  moderates(flow) {
    return flow.type !== 'chat' && !flow.saved && this.levelOf(flow, this.me) >= MODERATOR;
  }

  /** Why the caller cannot write here: `channel`, `blocked`, `deleted`, or null. */
  whyNotWrite(flow) {
    if (flow.type === 'channel' && !this.moderates(flow)) return 'channel';
    const partner = this.partner(flow);
    if (partner && isDeleted(this.users.get(partner))) return 'deleted';
    if (partner && this.blocked.has(partner)) return 'blocked';
    return null;
  }
}
