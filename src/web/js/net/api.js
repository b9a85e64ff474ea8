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
    return (await this.#ask(type, data, options)).data ?? {};
  }

  async #ask(type, data = {}, options = {}) {
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

  subscribe(after) {
    return this.#call('subscribe', after === null ? {} : { meta: { after } });
  }

  /** `{flows, read, count}`; a user without flows is no error here. */
  async flows() {
    const all = { flows: [], read: {}, count: {} };
    try {
      for (let after; ;) {
        const { data, errors } = await this.#ask('all_flow', after ? { meta: { after } } : {});
        const flows = data?.flow ?? [];
        all.flows.push(...flows);
        Object.assign(all.read, data?.meta?.read);
        Object.assign(all.count, data?.meta?.count);
        after = flows.at(-1)?.uuid;
        if (errors?.code !== 206 || !after) return all;
      }
    } catch (error) {
      if (error instanceof MtpError && error.code === 404) return all;
      throw error;
    }
  }

  async users(ids) {
    const found = [];
    for (let at = 0; at < ids.length; at += USERS_PER_REQUEST) {
      const asked = ids.slice(at, at + USERS_PER_REQUEST).map((uuid) => ({ uuid }));
      try {
        found.push(...((await this.#call('user_info', { user: asked })).user ?? []));
      } catch (error) {
        if (!(error instanceof MtpError && error.code === 404)) throw error;
      }
    }
    return found;
  }

  /** One answer's worth of `[from, to]` (inclusive): possibly fewer than asked, never none if there are any. */
  async messages(flow, from, to) {
    for (;;) {
      const end = Math.min(to, from + pageSize - 1);
      try {
        const data = await this.#call('all_messages', { flow: [{ uuid: flow, message_start: from, message_end: end }] });
        return data.message ?? [];
      } catch (error) {
        // A server may be configured to give fewer at a time.
        if (!(error instanceof MtpError && error.code === 403 && pageSize > 1 && end > from)) throw error;
        pageSize = Math.ceil(pageSize / 2);
      }
    }
  }

  async send(flow, message, txn, progress) {
    const data = await this.#call('send_message', { flow: [{ uuid: flow }], message: [message] }, { txn, progress });
    const sent = data.message?.[0] ?? {};
    return { uuid: sent.uuid, time: sent.time ?? data.time, number: data.meta?.numbers?.[sent.uuid] ?? null };
  }

  edit(flow, uuid, text) { return this.#call('edited_message', { flow: [{ uuid: flow }], message: [{ uuid, text }] }); }

  remove(flow, uuid) { return this.#call('delete_message', { flow: [{ uuid: flow }], message: [{ uuid }] }); }

  read(flow, number) { return this.#call('read_flow', { flow: [{ uuid: flow, message_end: number }] }); }

  typing(flow) { return this.#call('typing', { flow: [{ uuid: flow }] }); }

  async addFlow(flow, txn) { return (await this.#call('add_flow', { flow: [flow] }, { txn })).flow?.[0]; }

  async editFlow(flow) { return (await this.#call('edit_flow', { flow: [flow] })).flow?.[0]; }

  leave(flow) { return this.#call('leave_flow', { flow: [{ uuid: flow }] }); }

  async search(query, flow) {
    const data = await this.#call('find_message', { meta: { query }, ...(flow ? { flow: [{ uuid: flow }] } : {}) });
    return { messages: data.message ?? [], numbers: data.meta?.numbers ?? {} };
  }

  /** Null when the server does not know this method. */
  async findUsers(query) {
    try {
      return (await this.#call('find_user', { meta: { query } })).user ?? [];
    } catch (error) {
      if (error instanceof MtpError && error.code === 405) return null;
      if (error instanceof MtpError && error.code === 404) return [];
      throw error;
    }
  }

  editProfile(fields) { return this.#call('edit_user', { caller: fields }); }

  changePassword(password, old_password) {
    return this.#call('edit_user', { caller: { password }, meta: { old_password } });
  }

  async invite() { return (await this.#call('invite')).meta ?? {}; }

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
  async linkDevice() { return (await this.#call('link_device')).meta ?? {}; }

  /** The devices that are signed in, newest first. */
  async devices() {
    const found = [];
    for (;;) {
      const after = found.at(-1)?.id;
      const page = (await this.#call('list_sessions', after ? { meta: { after } } : {})).meta?.sessions ?? [];
      found.push(...page);
      if (page.length < 100) return found;
    }
  }

  endSession(id) { return this.#call('end_session', { meta: { id } }); }

  /** Joins the flow that an invitation is for. */
  async useInvitation(code) { return (await this.#call('use_invitation', { meta: { code } })).flow?.[0]; }

  async signUp(fields) {
    return (await this.#connection.request('register_user', { user: [fields] })).data.user[0];
  }
}
