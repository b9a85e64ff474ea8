// Names that are called in a text, and commands of bots: found as somebody types. Names are told to the server
// when the text is sent.

import { h, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { t } from '../core/i18n.js';
import { isDeleted, nameOf } from '../data/message.js';
import { personRow } from '../views/people.js';

/** What calls everybody. */
export const EVERYONE = 'all';
const SHOWN = 6;
/** Milliseconds for which the commands of a flow are good. */
const FRESH = 60_000;

function commandRow({ name, description }, { tag, ...props }) {
  return h(`${tag}.row.command`, props, h('span.row-words', {},
    h('span.row-title', {}, h('bdi', {}, `/${name}`)), h('span.row-text', {}, description)));
}

/** What is being called before the cursor: `{start, query}`, or null. Pure. */
export function callAt(text, cursor) {
  const found = /(?:^|[\s([{"'«„“])@([\p{L}\p{N}._-]{0,32})$/u.exec(text.slice(0, cursor));
  return found ? { start: cursor - found[1].length - 1, query: found[1] } : null;
}

/** What is being typed of a command before the cursor, if anything: the text begins with it. Pure. */
export function commandAt(text, cursor) {
  const found = /^\/([a-z0-9_]{0,32})$/iu.exec(text.slice(0, cursor));
  return found ? { start: 0, query: found[1], command: true } : null;
}

/** Whether `text` calls `login`: `@login`, not followed by more of a word. Pure. */
export function calls(text, login) {
  const [all, wanted] = [text.toLocaleLowerCase(), `@${login.toLocaleLowerCase()}`];
  for (let at = all.indexOf(wanted); at >= 0; at = all.indexOf(wanted, at + 1)) {
    const [before, after] = [all[at - 1] ?? ' ', all.slice(at + wanted.length)];
    if (!/[\p{L}\p{N}_]/u.test(before) && !/^[\p{L}\p{N}_]/u.test(after)) return true;
  }
  return false;
}

/** `{mentions, everyone}` of a text among `users` (profiles); null when it calls nobody. Pure. */
export function mentionsIn(text, users) {
  if (!text.includes('@')) return null;
  const mentions = users.filter((user) => user.login && calls(text, user.login)).map((user) => user.uuid).slice(0, 50);
  const everyone = calls(text, EVERYONE) && !users.some((user) => user.login?.toLocaleLowerCase() === EVERYONE);
  if (mentions.length === 0 && !everyone) return null;
  return { ...(mentions.length > 0 ? { mentions } : {}), ...(everyone ? { everyone: true } : {}) };
}

/** The list of names above the field. Arrows choose, Enter and Tab take, Escape closes. */
export class Completion {
  element = h('div.completion', { role: 'listbox', 'aria-label': t('mention'), id: 'completion' });
  #client;
  #flow;
  #field;
  #call = null;
  #users = [];
  #at = 0;
  #found = new Map();
  #commands = [];
  #commandsAt = 0;
  #ask = debounce(() => this.#read(), 150);

  /** `field` is the text area; it gets an `input` event when a name was taken. */
  constructor(client, flow, field) {
    this.#client = client;
    this.#flow = flow;
    this.#field = field;
    this.element.hidden = true;
    field.addEventListener('blur', () => setTimeout(() => this.close(), 150));
  }

  /** Those of the flow whom this device knows, and whom a search has found. */
  get people() {
    const { store } = this.#client;
    const known = this.#flow.users.map((id) => store.users.get(id)).filter(Boolean);
    return [...new Map([...known, ...this.#found.values()].map((user) => [user.uuid, user])).values()];
  }

  /** Looks at the text again. */
  update() {
    const [text, cursor] = [this.#field.value, this.#field.selectionStart];
    const call = commandAt(text, cursor) ?? (this.#flow.type === 'chat' ? null : callAt(text, cursor));
    this.#call = this.#flow.saved ? null : call;
    if (!this.#call) { this.close(); return; }
    this.#at = 0;
    this.#draw();
    if (call.command) { this.#readCommands(); return; }
    if (this.#flow.members > this.#flow.users.length && call.query) this.#ask();
  }

  close() {
    this.element.hidden = true;
    this.#field.removeAttribute('aria-activedescendant');
    this.#call = null;
  }

  /** Takes a key that belongs to the list; gives whether it did. */
  key(event) {
    if (this.element.hidden) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#at = (this.#at + step + this.#users.length) % this.#users.length;
    else if (event.key === 'Enter' || event.key === 'Tab') { event.preventDefault(); this.#take(this.#users[this.#at]); return true; } else if (event.key === 'Escape') { event.stopPropagation(); this.close(); return true; } else return false;
    event.preventDefault();
    this.#draw();
    return true;
  }

  async #read() {
    const query = this.#call?.query;
    if (!query) return;
    const { users } = await this.#client.api.members(this.#flow.uuid, { query }).catch(() => ({ users: [] }));
    for (const user of users) { this.#found.set(user.uuid, user); this.#client.store.putUser(user); }
    if (this.#call?.query === query) this.#draw();
  }

  /** Asks for the commands, once a minute. */
  async #readCommands() {
    if (Date.now() - this.#commandsAt < FRESH) return;
    this.#commandsAt = Date.now();
    this.#commands = await this.#client.api.commands(this.#flow.uuid).catch(() => []);
    if (this.#call?.command) this.#draw();
  }

  #draw() {
    if (this.#call.command) {
      const found = this.#commands.filter(({ name }) => name.startsWith(this.#call.query.toLowerCase()));
      // What is typed in full is sent by the next Enter.
      this.#offer(found.length === 1 && found[0].name === this.#call.query ? [] : found, commandRow);
    } else this.#offer(this.#people(), personRow);
  }

  #offer(found, row) {
    this.#users = found;
    this.element.hidden = found.length === 0;
    replace(this.element, found.map((one, i) => {
      const shown = row(one, { tag: 'div', role: 'option', id: `completion-${i}`, 'aria-selected': String(i === this.#at) });
      shown.addEventListener('pointerdown', (event) => { event.preventDefault(); this.#take(one); });
      return shown;
    }));
    this.#field.setAttribute('aria-activedescendant', `completion-${this.#at}`);
    this.element.children[this.#at]?.scrollIntoView?.({ block: 'nearest' });
  }

  #people() {
    const { store } = this.#client;
    const wanted = this.#call.query.toLocaleLowerCase();
    const begins = (user) => [user.login ?? '', ...(user.username ?? '').split(/\s+/u)].some((word) => word.toLocaleLowerCase().startsWith(wanted));
    const users = this.people.filter((user) => user.uuid !== store.me && !isDeleted(user) && begins(user))
      .sort((a, b) => nameOf(a, t).localeCompare(nameOf(b, t))).slice(0, SHOWN);
    const all = this.#flow.members <= 20 || store.moderates(this.#flow);
    if (all && EVERYONE.startsWith(wanted)) users.push({ uuid: EVERYONE, login: EVERYONE, username: t('mention.all') });
    return users;
  }

  #take(one) {
    const { start, command } = this.#call;
    this.#field.setRangeText(command ? `/${one.name} ` : `@${one.login} `, start, this.#field.selectionStart, 'end');
    this.close();
    this.#field.dispatchEvent(new Event('input', { bubbles: true }));
  }
}
