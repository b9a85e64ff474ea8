// Searching: flows and people by name, messages by what they say; in everything or in one flow, by
// author, by kind of file, within dates.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { now } from '../core/clock.js';
import { router } from '../core/router.js';
import { authorOf, fromWire, nameOf, summary } from '../data/message.js';
import { mark } from '../text/linkify.js';
import { shortTime } from '../text/times.js';
import { flowAvatar, flowTitle, userAvatar } from './avatar.js';
import { describe } from './form.js';
import { personRow } from './people.js';
import { openChat } from './start.js';

const TYPING_PAUSE_MS = 250;
/** What a person can narrow a search to, and what the server calls it. */
const KINDS = { picture: ['picture'], video: ['video'], audio: ['audio', 'voice'], document: ['document'] };

/** `scope`: the id of the flow to search, or null for everything. */
export function searchPanel(client, scope) {
  const flow = scope ? client.store.flows.get(scope) : null;
  const results = h('div.search-results', {});
  const state = h('p.hint.centred', { role: 'status' });
  const filters = filterBar(client, flow, () => run());
  let timer = null;
  let asked = 0;
  const label = flow ? t('search.in', { title: flowTitle(client.store, flow) }) : t('search.title');
  const input = h('input', {
    type: 'search', autocomplete: 'off', autofocus: true, enterkeyhint: 'search', placeholder: label, 'aria-label': label,
    oninput: () => { clearTimeout(timer); timer = setTimeout(run, TYPING_PAUSE_MS); },
    onkeydown: (event) => {
      if (event.key === 'Enter') { clearTimeout(timer); run(); }
      if (event.key === 'ArrowDown') results.querySelector('.row')?.focus();
    },
  });

  async function run() {
    const query = input.value.trim();
    const narrowed = filters.value();
    asked += 1;
    const mine = asked;
    // Files can be looked through without a word.
    if (query === '' && !narrowed.kinds) { replace(results); state.textContent = ''; return; }
    const filtered = Object.keys(narrowed).length > 0;
    const names = flow || filtered ? [] : nameHits(client, query);
    replace(results, names);
    state.textContent = t('search.busy');
    try {
      const [people, found] = await Promise.all([
        flow || filtered ? [] : client.whenReady(() => client.api.findUsers(query)),
        client.whenReady(() => client.api.search(query, scope, narrowed)),
      ]);
      if (mine !== asked) return;
      const strangers = people.filter((user) => user.uuid !== client.store.me && !client.store.chatWith(user.uuid));
      const hits = h('div', {}, rowsOf(found, query));
      const rows = hits.childElementCount;
      replace(results, names,
        strangers.length > 0 && [h('h2.section-title', {}, t('people')), strangers.map((user) => personRow(user, { onclick: () => openChat(client, user) }))],
        rows > 0 && h('h2.section-title', {}, t('messages')), hits,
        more(hits, found.more, query, narrowed, mine));
      const nothing = names.length === 0 && strangers.length === 0 && rows === 0 && found.more === null;
      state.textContent = nothing ? t(query ? 'search.none' : 'search.nothing', { query }) : '';
    } catch (error) {
      if (mine === asked) state.textContent = describe(error);
    }
  }

  function rowsOf(found, query) {
    return found.messages.filter((wire) => client.store.flows.has(wire.from_flow))
      .map((wire) => hitRow(client, fromWire(wire, Number(found.meta.numbers[wire.uuid]), found.meta.about?.[wire.uuid]), query, flow));
  }

  /** An answer that was cut goes on where somebody asks for it. */
  function more(hits, before, query, narrowed, mine) {
    if (before === null) return null;
    const button = h('button.row.action', {
      type: 'button', onclick: async () => {
        button.disabled = true;
        try {
          const found = await client.whenReady(() => client.api.search(query, scope, { ...narrowed, before }));
          if (mine !== asked) return;
          hits.append(...rowsOf(found, query));
          const next = more(hits, found.more, query, narrowed, mine);
          if (next) button.replaceWith(next); else button.remove();
        } catch (error) {
          button.disabled = false;
          state.textContent = describe(error);
        }
      },
    }, icon('down'), t('search.more'));
    return button;
  }

  results.addEventListener('keydown', (event) => {
    const rows = [...results.querySelectorAll('.row')];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = rows.indexOf(document.activeElement) + step;
    if (next < 0) input.focus(); else rows[next]?.focus();
  });
  return h('section.panel', { 'aria-label': t('search.title') },
    h('header.bar', {}, h('h1.visually-hidden', {}, t('search.title')), iconButton('back', t('back'), () => router.back(flow ? `/f/${scope}` : '/')),
      h('div.search-box', {}, icon('search'), input),
      iconButton('filter', t('search.filters'), (event) => {
        filters.element.hidden = !filters.element.hidden;
        event.currentTarget.setAttribute('aria-expanded', String(!filters.element.hidden));
      }, { 'aria-expanded': 'false' })),
    filters.element,
    h('div.scroll', {}, results, state));
}

/** Author, kind and dates; hidden until somebody wants them. `value()` gives what the server takes. */
function filterBar(client, flow, changed) {
  const people = flow ? flow.users : [...client.store.users.keys()];
  const named = people.map((id) => client.store.users.get(id)).filter(Boolean)
    .sort((a, b) => nameOf(a, t).localeCompare(nameOf(b, t)));
  const from = h('select', { 'aria-label': t('search.from'), onchange: changed }, h('option', { value: '' }, t('search.anybody')),
    named.map((user) => h('option', { value: user.uuid }, user.uuid === client.store.me ? t('you') : nameOf(user, t))));
  const kind = h('select', { 'aria-label': t('search.kind'), onchange: changed }, h('option', { value: '' }, t('search.everything')),
    Object.keys(KINDS).map((one) => h('option', { value: one }, t(`search.kind.${one}`))));
  const day = (key) => h('label.filter-day', {}, h('span', {}, t(key)), h('input', { type: 'date', onchange: changed }));
  const [since, until] = [day('search.since'), day('search.until')];
  const element = h('div.filters', { role: 'group', 'aria-label': t('search.filters') }, from, kind, since, until);
  element.hidden = true;
  const midnight = (node, days) => {
    const [year, month, date] = node.querySelector('input').value.split('-').map(Number);
    return year ? Math.floor(new Date(year, month - 1, date + days).getTime() / 1000) : null;
  };
  return {
    element,
    value() {
      const wanted = { from: from.value || null, kinds: KINDS[kind.value] ?? null, since: midnight(since, 0), until: midnight(until, 1) };
      return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
    },
  };
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
  const name = message.from === store.me ? t('you') : authorOf(message, store, t);
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
  if (query === '') return [text.slice(0, 200)];
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  const start = at > 40 ? text.lastIndexOf(' ', at - 20) + 1 : 0;
  const shown = (start > 0 ? '…' : '') + text.slice(start, start + 200);
  return mark(shown, query).map((piece) => (piece.hit ? h('mark', {}, piece.text) : piece.text));
}
