// The methods of MTP as functions. Adds the caller's token, reads the answers' lists, learns the time.

import { learn } from '../core/clock.js';
import { session } from '../core/session.js';
import { MtpError } from './wire.js';

/** Asked for at once; the protocol's own limit, lowered when a server says that it gives less. */
let pageSize = 100;
const USERS_PER_REQUEST = 99;

export class Api {
  #connection;

  constructor(connection) {
    this.#connection = connection;
  }

  async #call(type, data, options) {
    return (await this.ask(type, data, options)).data ?? {};
  }

  /** A request with the caller's token; `caller` are more fields of `user[0]`. Gives the whole frame. */
  async ask(type, data = {}, options = {}) {
    const me = session.current;
    const token = me ? { uuid: me.uuid, auth_id: me.auth_id } : {};
    const user = [{ ...token, ...data.caller }, ...(data.user ?? [])];
    const { caller, ...rest } = data;
    try {
      const frame = await this.#connection.request(type, { ...rest, user }, options);
      learn(frame.data?.time);
      return frame;
    } catch (error) {
      if (error instanceof MtpError && error.code === 401 && me && !data.caller && session.current?.auth_id === me.auth_id) {
        session.end('expired');
      }
      throw error;
    }
  }

  /** A request whose arguments, and whose answer, stand in `data.meta`. */
  async meta(type, meta = {}, caller = undefined) {
    return (await this.#call(type, { meta, caller })).meta ?? {};
  }

  subscribe(after) {
    return this.#call('subscribe', after === null ? {} : { meta: { after } });
  }

  /** `{flows, messages, meta}`: all flows, their newest messages where the server tells them, and what is told of them. */
  async flows() {
    const all = { flows: [], messages: [], meta: {} };
    for (let after; ;) {
      const { data, errors } = await this.ask('all_flow', after ? { meta: { after } } : {});
      const flows = data?.flow ?? [];
      all.flows.push(...flows);
      all.messages.push(...(data?.message ?? []));
      for (const [key, value] of Object.entries(data?.meta ?? {})) {
        if (Array.isArray(value)) all.meta[key] = after ? all.meta[key] : value;
        else if (value !== null && typeof value === 'object') all.meta[key] = { ...all.meta[key], ...value };
        else all.meta[key] ??= value;
      }
      after = flows.at(-1)?.uuid;
      if (errors?.code !== 206 || !after) return all;
    }
  }

  async users(ids) {
    const found = [];
    for (let at = 0; at < ids.length; at += USERS_PER_REQUEST) {
      const asked = ids.slice(at, at + USERS_PER_REQUEST).map((uuid) => ({ uuid }));
      try {
        found.push(...people(await this.#call('user_info', { user: asked })));
      } catch (error) {
        if (!(error instanceof MtpError && error.code === 404)) throw error;
      }
    }
    return found;
  }

  /** One answer's worth of `[from, to]` (inclusive), as `data`: possibly fewer than asked, never none if there are any. */
  async messages(flow, from, to) {
    for (;;) {
      const end = Math.min(to, from + pageSize - 1);
      try {
        return await this.#call('all_messages', { flow: [{ uuid: flow, message_start: from, message_end: end }] });
      } catch (error) {
        // A server may be configured to give fewer at a time.
        if (!(error instanceof MtpError && error.code === 403 && pageSize > 1 && end > from)) throw error;
        pageSize = Math.ceil(pageSize / 2);
      }
    }
  }

  async send(flow, message, txn, about) {
    const data = await this.#call('send_message', { flow: [{ uuid: flow }], message: [message], ...(about ? { meta: { about } } : {}) }, { txn });
    const sent = data.message?.[0] ?? {};
    return { uuid: sent.uuid, time: sent.time ?? data.time, number: data.meta?.numbers?.[sent.uuid] ?? null, about: data.meta?.about?.[sent.uuid] ?? null };
  }

  edit(flow, uuid, text, about) {
    return this.#call('edited_message', { flow: [{ uuid: flow }], message: [{ uuid, text }], ...(about ? { meta: { about } } : {}) });
  }

  remove(flow, uuid) { return this.#call('delete_message', { flow: [{ uuid: flow }], message: [{ uuid }] }); }

  /** `{messages, meta}` of up to 100 messages by their ids, wherever they are; those that cannot be read are left out. */
  async messageInfo(ids) {
    try {
      const data = await this.#call('message_info', { message: ids.map((uuid) => ({ uuid })) });
      return { messages: data.message ?? [], meta: data.meta ?? {} };
    } catch (error) {
      if (error instanceof MtpError && error.code === 404) return { messages: [], meta: {} };
      throw error;
    }
  }

  /** A method about one message, with its arguments in `data.meta`. */
  async about(type, uuid, meta = {}) { return (await this.#call(type, { message: [{ uuid }], meta })).meta ?? {}; }

  /** A method about one flow; gives `data`. */
  inFlow(type, uuid, meta = {}) { return this.#call(type, { flow: [{ uuid }], meta }); }

  moderate(message) { return this.meta('moderate', { message }); }

  read(flow, number) { return this.#call('read_flow', { flow: [{ uuid: flow, message_end: number }] }); }

  typing(flow) { return this.#call('typing', { flow: [{ uuid: flow }] }); }

  /** Gives `data`: the flow, and in `meta.flows` what is told of it. */
  addFlow(flow, txn) { return this.#call('add_flow', { flow: [flow] }, { txn }); }

  /** The caller's own flow of saved messages. */
  savedFlow(txn) { return this.#call('add_flow', { meta: { saved: true } }, { txn }); }

  editFlow(flow, meta) { return this.#call('edit_flow', { flow: [flow], ...(meta ? { meta } : {}) }); }

  leave(flow) { return this.#call('leave_flow', { flow: [{ uuid: flow }] }); }

  joinFlow(flow) { return this.#call('join_flow', { flow: [{ uuid: flow }] }); }

  removeFlow(flow) { return this.meta('remove_flow', { flow }); }

  /** What can be typed after "/" in a flow: `[{name, description, bot}]`. */
  async commands(flow) {
    const { data } = await this.ask('flow_commands', { meta: { flow } });
    return data?.meta?.commands ?? [];
  }

  /** A page of members: `{users, more}`. */
  async members(flow, meta) {
    const { data, errors } = await this.ask('list_members', { flow: [{ uuid: flow }], meta });
    return { users: people(data ?? {}), more: errors?.code === 206 };
  }

  /** `{messages, meta, more}`; `filters` are `from`, `kinds`, `since`, `until`, `before`. */
  async search(query, flow, filters = {}) {
    const { data, errors } = await this.ask('find_message', { meta: { query, ...filters }, ...(flow ? { flow: [{ uuid: flow }] } : {}) });
    return { messages: data?.message ?? [], meta: data?.meta ?? {}, more: errors?.code === 206 ? data?.meta?.before ?? null : null };
  }

  async findUsers(query) {
    try {
      return people(await this.#call('find_user', { meta: { query } }));
    } catch (error) {
      if (error instanceof MtpError && error.code === 404) return [];
      throw error;
    }
  }

  /** `fields` of the profile, `meta` for privacy; gives the profile and `me`. */
  async editProfile(fields, meta) {
    const data = await this.#call('edit_user', { caller: fields, ...(meta ? { meta } : {}) });
    return { user: people(data)[0] ?? null, me: data.meta?.me ?? null };
  }

  changePassword(password, old_password) {
    return this.#call('edit_user', { caller: { password }, meta: { old_password } });
  }

  /** Whom the caller blocks, after the change. */
  async block(user, on) { return (await this.#call('block_user', { user: [{ uuid: user }], meta: { on } })).meta?.blocked ?? []; }

  async blocked() { return (await this.meta('blocked')).blocked ?? []; }

  invite(meta) { return this.meta('invite', meta); }

  logout(everywhere) { return this.#call('logout', everywhere ? { meta: { all: true } } : {}); }

  deleteAccount(login, password) { return this.#call('delete_user', { caller: { login, password } }); }

  async signIn(login, password) {
    return (await this.#connection.request('authentication', { user: [{ login, password }] })).data.user[0];
  }

  /** Whom a link for a new password is for: `{uuid, login}`. Nothing is spent. */
  async resetOf(code) { return (await this.#connection.request('use_reset', { meta: { code } })).data.user[0]; }

  async useReset(code, password) {
    return (await this.#connection.request('use_reset', { user: [{ password }], meta: { code } })).data.user[0];
  }

  /** Signs in by a code that another device shows. */
  async useLink(code) { return (await this.#connection.request('use_link', { meta: { code } })).data.user[0]; }

  /** `{code}`: signs another device in, within two minutes. */
  linkDevice() { return this.meta('link_device'); }

  /** All rows of a list of the server's, `noun` in `data.meta`, a hundred at a time. */
  async list(type, noun, meta = {}) {
    const found = [];
    for (;;) {
      const after = found.at(-1)?.id;
      const { data, errors } = await this.ask(type, { meta: after ? { ...meta, after } : meta });
      const page = data?.meta?.[noun] ?? [];
      found.push(...page);
      if (errors?.code !== 206 || page.length === 0) return found;
    }
  }

  /** The devices that are signed in, newest first. */
  devices(user) { return this.list('list_sessions', 'sessions', user ? { user } : {}); }

  endSession(id) { return this.meta('end_session', { id }); }

  /** Joins the flow that an invitation is for. */
  async useInvitation(code) { return (await this.#call('use_invitation', { meta: { code } })).flow?.[0]; }

  async signUp(fields) {
    return (await this.#connection.request('register_user', { user: [fields] })).data.user[0];
  }
}

/** The profiles of an answer, with their pictures and when they were last here. */
export function people(data) {
  const { avatars = {}, seen_at: seen = {} } = data.meta ?? {};
  return (data.user ?? []).map((user) => ({
    ...user,
    ...(user.uuid in avatars ? { avatar: avatars[user.uuid] } : {}),
    ...(user.uuid in seen ? { seenAt: seen[user.uuid] } : {}),
  }));
}
