// About a flow: what it is called and looks like, who is in it, and leaving it.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { isDeleted } from '../data/message.js';
import { OWNER } from '../data/store.js';
import { pictureWish } from '../files/upload.js';
import { Members } from '../members/panel.js';
import { askMute, setFlow } from '../settings/flow.js';
import { duration, lastSeen } from '../text/times.js';
import { flowAvatar, flowTitle, userAvatar } from './avatar.js';
import { describe, field, form } from './form.js';
import { confirm, dialog, toast } from './overlay.js';

/** After how long new messages may disappear (seconds); 0: never. */
const TIMERS = [0, 3_600, 86_400, 604_800, 2_592_000];

/** The panel beside a conversation; redraws itself while it is in the page. */
export class FlowInfo {
  element;
  #client;
  #flow;
  #body;
  #members = null;
  #closers;
  #key = '';

  constructor(client, flow) {
    this.#client = client;
    this.#flow = flow;
    this.#body = h('div.scroll', {});
    this.element = h('section.panel.info', { 'aria-label': t('flow.info') },
      h('header.bar', {}, iconButton('close', t('close'), () => router.back(`/f/${flow.uuid}`)), h('h1', {}, t('flow.info'))), this.#body);
    this.element.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); router.back(`/f/${flow.uuid}`); } });
    const { store } = client;
    if (flow.type !== 'chat' && !flow.saved) this.#members = new Members(client, flow);
    const draw = () => { this.#draw(); this.#members?.redraw(); };
    let count = flow.members;
    this.#closers = [
      store.on('flow', (id) => {
        if (id !== flow.uuid) return;
        draw();
        if (count !== flow.members) { count = flow.members; this.#members?.refresh(); }
      }),
      store.on('users', draw), store.on('presence', draw), store.on('blocked', draw),
    ];
    draw();
  }

  close() { for (const close of this.#closers) close(); }

  #draw() {
    const { store } = this.#client;
    const flow = this.#flow;
    const partner = store.partner(flow);
    const person = partner ? store.users.get(partner) : null;
    const level = store.levelOf(flow, store.me);
    const state = this.#state(partner, person);
    const key = JSON.stringify([flow.title, flow.info, flow.owner, flow.picture?.id, flow.members, flow.expire, flow.protect, flow.pin, store.isMuted(flow), flow.settings.mentions_only, level, state, person, partner && store.blocked.has(partner)]);
    // Somebody may be on the way to a button: it is drawn again only when there is news.
    if (key === this.#key) return;
    this.#key = key;
    const focused = [...this.#body.querySelectorAll('button')].indexOf(document.activeElement);
    replace(this.#body,
      h('div.hero', {},
        flowAvatar(store, flow, 'xl'),
        h('h2', { dir: 'auto' }, flowTitle(store, flow)),
        h('p.hint', {}, state),
        store.moderates(flow) && h('button.button.quiet', { type: 'button', onclick: () => this.#rename() }, icon('pencil'), t('edit'))),
      person && facts([[t('sign.login'), person.login && !isDeleted(person) && `@${person.login}`], [t('profile.bio'), !isDeleted(person) && person.bio]]),
      !partner && !flow.saved && flow.info && facts([[t('flow.about'), flow.info]]),
      h('div.list-actions', {},
        h('button.row.action', { type: 'button', onclick: () => router.go(`/search/${flow.uuid}`) }, icon('search'), t('search.here')),
        store.complete && h('button.row.action', { type: 'button', onclick: () => router.go(`/f/${flow.uuid}/media`) }, icon('picture'), t('gallery')),
        store.complete && !flow.saved && h('button.row.action', { type: 'button', onclick: (event) => this.#mute(event.currentTarget) }, icon(store.isMuted(flow) ? 'bell' : 'mute'), t(store.isMuted(flow) ? 'flow.unmute' : 'flow.mute')),
        store.complete && flow.type === 'group' && !flow.saved && h('label.row.setting', {}, icon('mention'), h('span', {}, t('flow.mentions')),
          h('input', { type: 'checkbox', role: 'switch', checked: flow.settings.mentions_only === true, onchange: (event) => setFlow(this.#client, flow, { mentions_only: event.target.checked }) })),
        store.moderates(flow) && h('button.row.action', { type: 'button', onclick: () => this.#invite() }, icon('link'), t('invite.flow')),
        store.complete && level >= OWNER && !partner && !flow.saved && h('button.row.action.hooks-of', { type: 'button', onclick: () => this.#hooks() }, icon('link'), t('hooks'))),
      this.#rules(level),
      this.#members?.element,
      partner && !isDeleted(person) && this.#blocking(partner),
      !partner && !flow.saved && h('div.list-actions', {},
        h('button.row.action.danger', { type: 'button', onclick: () => this.#leave() }, icon('leave'), t(`leave.${flow.type}`)),
        level >= OWNER && h('button.row.action.danger', { type: 'button', onclick: () => this.#remove() }, icon('trash'), t(`remove.${flow.type}`))));
    if (focused >= 0) this.#body.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  #state(partner, person) {
    const { store } = this.#client;
    const flow = this.#flow;
    if (flow.saved) return t('saved.hint');
    if (!partner) return t(flow.type === 'channel' ? 'subscribers' : 'members', { n: flow.members });
    if (isDeleted(person) || store.blocked.has(partner)) return '';
    if (person?.is_bot) return t('person.bot');
    if (store.online.has(partner)) return t('online');
    return person?.seenAt ? lastSeen(person.seenAt, now(), locale(), t) : t('offline');
  }

  /** What holds in this flow for everybody: disappearing messages, forwarding, pins. */
  #rules(level) {
    const flow = this.#flow;
    if (flow.saved) return null;
    const may = flow.type === 'chat' || level >= OWNER;
    const timer = flow.expire ?? 0;
    const word = (seconds) => (seconds > 0 ? duration(seconds, locale()) : t('rules.never'));
    if (!may) return timer > 0 && facts([[t('rules.expire'), word(timer)]]);
    const timers = TIMERS.includes(timer) ? TIMERS : [...TIMERS, timer];
    const box = (label, checked, change) => h('label.row.setting', {}, icon('shield'), h('span', {}, label),
      h('input', { type: 'checkbox', role: 'switch', checked, onchange: (event) => this.#set(change(event.target.checked)) }));
    return h('div.list-actions', {},
      h('label.row.setting', {}, icon('clock'), h('span', {}, t('rules.expire'), h('small.hint', {}, t('rules.expire.hint'))),
        h('select', { onchange: (event) => this.#set({ expire: Number(event.target.value) }) },
          timers.map((seconds) => h('option', { value: seconds, selected: seconds === timer }, word(seconds))))),
      flow.type !== 'chat' && box(t('rules.protect'), flow.protect, (on) => ({ protect: on })),
      flow.type === 'group' && box(t('rules.pin'), flow.pin === 'owner', (on) => ({ pin: on ? 'owner' : 'members' })));
  }

  async #set(meta) {
    try {
      await this.#client.editFlow({ uuid: this.#flow.uuid }, meta);
    } catch (error) {
      toast(describe(error));
      this.#key = '';
      this.#draw();
    }
  }

  #blocking(partner) {
    const { store } = this.#client;
    const on = !store.blocked.has(partner);
    const act = async () => {
      if (on && !(await confirm(t('block.ask', { name: flowTitle(store, this.#flow) }), { action: t('block'), danger: true, text: t('block.text') }))) return;
      await this.#client.block(partner, on).catch((error) => toast(describe(error)));
    };
    return h('div.list-actions', {}, h('button.row.action', { type: 'button', class: on ? 'danger' : '', onclick: act }, icon('block'), t(on ? 'block' : 'unblock')));
  }

  #rename() {
    const flow = this.#flow;
    // Undefined: the picture stays; null: it is taken away.
    let picture;
    const face = h('span', {}, flowAvatar(this.#client.store, flow, 'xl'));
    const show = (one) => face.replaceChildren(one ? userAvatar({ uuid: flow.uuid, username: flow.title, avatar: one }, 'xl') : flowAvatar(this.#client.store, { ...flow, picture: null }, 'xl'));
    const input = h('input.visually-hidden', { type: 'file', accept: 'image/*', tabindex: '-1', 'aria-hidden': 'true', onchange: async () => {
      const [file] = input.files;
      input.value = '';
      if (!file) return;
      const { cropPicture } = await import('./crop.js');
      const blob = await cropPicture(file).catch(() => { toast(t('avatar.unreadable')); return null; });
      if (blob) { picture = blob; show({ blob }); }
    } });
    dialog(t('edit'), (close) => form(t('edit'), [
      h('h2', {}, t(`flow.${flow.type}`)),
      h('div.hero', {}, face, input,
        h('div.actions.centred', {},
          h('button.button.quiet', { type: 'button', onclick: () => input.click() }, icon('camera'), t('avatar.choose')),
          flow.picture && h('button.button.quiet', { type: 'button', onclick: () => { picture = null; show(null); } }, t('avatar.remove')))),
      field(t('flow.title'), { name: 'title', value: flow.title, required: true, maxlength: '256', autofocus: true }),
      field(t('flow.about'), { name: 'info', value: flow.info, rows: '3', maxlength: '1000' }),
      h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('save'))),
    ], async ({ title, info }) => {
      const meta = picture === undefined ? undefined : { picture: picture && await pictureWish(this.#client, picture) };
      // Only what is another: each is told to everybody as a change.
      const change = { uuid: flow.uuid };
      if (title.trim() !== flow.title) change.title = title.trim();
      if (info.trim() !== (flow.info ?? '')) change.info = info.trim();
      if (meta || Object.keys(change).length > 1) await this.#client.editFlow(change, meta);
      close();
    }));
  }

  #mute(anchor) {
    if (this.#client.store.isMuted(this.#flow)) setFlow(this.#client, this.#flow, { muted_until: 0 });
    else askMute(this.#client, this.#flow, anchor);
  }

  async #invite() {
    const { inviteTo } = await import('../invite/dialog.js');
    inviteTo(this.#client, this.#flow);
  }

  async #hooks() {
    const { hooksOf } = await import('../hooks/dialog.js');
    hooksOf(this.#client, this.#flow);
  }

  async #leave() {
    const flow = this.#flow;
    const title = flowTitle(this.#client.store, flow);
    const text = flow.owner === this.#client.store.me ? t('leave.owner') : '';
    if (!(await confirm(t('leave.ask', { title }), { action: t(`leave.${flow.type}`), danger: true, text }))) return;
    this.#end(() => this.#client.api.leave(flow.uuid));
  }

  async #remove() {
    const flow = this.#flow;
    const title = flowTitle(this.#client.store, flow);
    if (!(await confirm(t('remove.ask', { title }), { action: t(`remove.${flow.type}`), danger: true, text: t('remove.text') }))) return;
    this.#end(() => this.#client.api.removeFlow(flow.uuid));
  }

  async #end(work) {
    try {
      await work();
      router.go('/', { instead: true });
      this.#client.store.removeFlow(this.#flow.uuid);
    } catch (error) {
      toast(describe(error));
    }
  }
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value);
  return shown.length > 0 && h('dl.facts', {}, shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', { dir: 'auto' }, value))));
}
