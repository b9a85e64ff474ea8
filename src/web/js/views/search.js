// Searching: flows and people by name, messages by what they say; in everything or in one flow.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { now } from '../core/clock.js';
import { router } from '../core/router.js';
import { fromWire, nameOf, summary } from '../data/message.js';
import { mark } from '../text/linkify.js';
import { shortTime } from '../text/times.js';
import { flowAvatar, flowTitle, userAvatar } from './avatar.js';
import { describe } from './form.js';
import { personRow } from './people.js';
import { openChat } from './start.js';

const TYPING_PAUSE_MS = 250;

/** `scope`: the id of the flow to search, or null for everything. */
export function searchPanel(client, scope) {
  const flow = scope ? client.store.flows.get(scope) : null;
  const results = h('div.search-results', {});
  const state = h('p.hint.centred', { role: 'status' });
  let timer = null;
  let asked = 0;
  const input = h('input', {
    type: 'search', autocomplete: 'off', autofocus: true, enterkeyhint: 'search',
    placeholder: flow ? t('search.in', { title: flowTitle(client.store, flow) }) : t('search.title'),
    'aria-label': flow ? t('search.in', { title: flowTitle(client.store, flow) }) : t('search.title'),
    oninput: () => { clearTimeout(timer); timer = setTimeout(run, TYPING_PAUSE_MS); },
    onkeydown: (event) => {
      if (event.key === 'Enter') { clearTimeout(timer); run(); }
      if (event.key === 'ArrowDown') results.querySelector('.row')?.focus();
    },
  });

  async function run() {
    const query = input.value.trim();
    asked += 1;
    const mine = asked;
    if (query === '') { replace(results); state.textContent = ''; return; }
    const names = flow ? [] : nameHits(client, query);
    replace(results, names);
    state.textContent = t('search.busy');
    try {
      const [people, found] = await Promise.all([
        flow ? [] : client.whenReady(() => client.api.findUsers(query)),
        client.whenReady(() => client.api.search(query, scope)),
      ]);
      if (mine !== asked) return;
      const strangers = (people ?? []).filter((user) => user.uuid !== client.store.me && !client.store.chatWith(user.uuid));
      const hits = found.messages.filter((wire) => found.numbers[wire.uuid] !== undefined && client.store.flows.has(wire.from_flow))
        .map((wire) => fromWire(wire, Number(found.numbers[wire.uuid])));
      replace(results, names,
        strangers.length > 0 && [h('h2.section-title', {}, t('people')), strangers.map((user) => personRow(user, { onclick: () => openChat(client, user) }))],
        hits.length > 0 && [h('h2.section-title', {}, t('messages')), hits.map((message) => hitRow(client, message, query, flow))]);
      const nothing = names.length === 0 && strangers.length === 0 && hits.length === 0;
      state.textContent = nothing ? t('search.none', { query }) : '';
    } catch (error) {
      if (mine === asked) state.textContent = describe(error);
    }
  }

  results.addEventListener('keydown', (event) => {
    const rows = [...results.querySelectorAll('.row')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = rows.indexOf(document.activeElement) + step;
    if (next < 0) input.focus(); else rows[next]?.focus();
  });
  queueMicrotask(() => input.focus());
  return h('section.panel', { 'aria-label': t('search.title') },
    h('header.bar', {}, h('h1.visually-hidden', {}, t('search.title')), iconButton('back', t('back'), () => router.back(flow ? `/f/${scope}` : '/')),
      h('div.search-box', {}, icon('search'), input)),
    h('div.scroll', {}, results, state));
}

function nameHits(client, query) {
  const wanted = query.toLocaleLowerCase();
  const flows = [...client.store.flows.values()].filter((flow) => flowTitle(client.store, flow).toLocaleLowerCase().includes(wanted));
  if (flows.length === 0) return [];
  return [h('h2.section-title', {}, t('flows')), flows.map((flow) => h('a.row', {
    href: `/#/f/${flow.uuid}`, onclick: (event) => { event.preventDefault(); router.go(`/f/${flow.uuid}`); },
  }, flowAvatar(client.store, flow, 'm'), h('span.row-words', {}, h('span.row-title', {}, h('bdi', {}, flowTitle(client.store, flow))))))];
}

function hitRow(client, message, query, scope) {
  const { store } = client;
  const flow = store.flows.get(message.flow);
  const author = store.users.get(message.from);
  const name = message.from === store.me ? t('you') : nameOf(author, t);
  return h('a.row.hit', {
    href: `/#/f/${message.flow}/m/${message.number}`,
    onclick: (event) => { event.preventDefault(); router.go(`/f/${message.flow}/m/${message.number}`); },
  },
  scope ? userAvatar(author ?? { uuid: message.from }, 'm') : flowAvatar(store, flow, 'm'),
  h('span.row-words', {},
    h('span.row-top', {},
      h('span.row-title', {}, h('bdi', {}, scope ? name : flowTitle(store, flow))),
      h('time.row-time', { datetime: new Date(message.time * 1000).toISOString() }, shortTime(message.time, now(), locale()))),
    h('span.row-text.two-lines', { dir: 'auto' }, !scope && flow.type !== 'chat' && `${name}: `, around(summary(message, t), query))));
}

/** The part of a text where the hit is, with the hit marked. */
function around(text, query) {
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  const start = at > 40 ? text.lastIndexOf(' ', at - 20) + 1 : 0;
  const shown = (start > 0 ? '…' : '') + text.slice(start, start + 200);
  return mark(shown, query).map((piece) => (piece.hit ? h('mark', {}, piece.text) : piece.text));
}
