// Passing messages on: to one conversation or to several, in the order in which they stand.

import { h, icon, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { flowAvatar, flowTitle } from '../views/avatar.js';
import { form } from '../views/form.js';
import { dialog, toast } from '../views/overlay.js';

/** The saved messages of somebody who has none yet. */
const UNMADE = { uuid: 'saved', type: 'group', saved: true, users: [], time: 0, history: null };

/** Asks where to, and queues the messages there; resolves with whether anything was sent. */
export function forwardMessages(client, messages) {
  const { store } = client;
  const chosen = new Set();
  const list = h('div.rows', { role: 'group', 'aria-label': t('flows') });
  const open = [...store.flows.values()].filter((flow) => !store.whyNotWrite(flow));
  // Saved messages are offered before there are any; they are made when they are chosen.
  if (!open.some((flow) => flow.saved)) open.push({ ...UNMADE });
  const flows = open
    .sort((a, b) => (b.saved ? 1 : 0) - (a.saved ? 1 : 0) || (b.history?.last?.time ?? b.time) - (a.history?.last?.time ?? a.time));
  let query = '';
  const draw = () => {
    const focused = [...list.children].indexOf(document.activeElement);
    const found = flows.filter((flow) => flowTitle(store, flow).toLocaleLowerCase().includes(query));
    replace(list, found.length === 0 && h('p.hint.centred', { role: 'status' }, t('search.none', { query })), found.map((flow) => h('button.row.person', {
      type: 'button', 'aria-pressed': String(chosen.has(flow)), onclick: () => { if (!chosen.delete(flow)) chosen.add(flow); draw(); },
    }, flowAvatar(store, flow, 'm'), h('span.row-words', {}, h('span.row-title', {}, h('bdi', {}, flowTitle(store, flow)))),
    h('span.tick', { 'aria-hidden': 'true' }, chosen.has(flow) && icon('check')))));
    if (focused >= 0) list.children[focused]?.focus();
  };
  draw();
  return dialog(t('forward'), (close) => form(t('forward'), [
    h('h2', {}, t('forward.to')),
    h('div.picker', {}, h('div.search-box', {}, icon('search'), h('input', {
      type: 'search', placeholder: t('search.title'), 'aria-label': t('search.title'), autocomplete: 'off',
      oninput: (event) => { query = event.target.value.trim().toLocaleLowerCase(); draw(); },
    })), list),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close(false) }, t('cancel')), h('button.button', {}, t('forward'))),
  ], async () => {
    if (chosen.size === 0) throw new Error(t('forward.none'));
    const flows = await Promise.all([...chosen].map((flow) => (flow.uuid === UNMADE.uuid ? client.savedFlow() : flow)));
    for (const flow of flows) for (const message of messages) queue(client, flow, message);
    close(true);
    toast(t('forward.done'));
  }), { className: 'tall' });
}

function queue(client, flow, message) {
  const { store, outbox } = client;
  // Shown until the server tells it itself: the first author, the text, the files, the preview.
  const author = store.users.get(message.from);
  const forward = message.forward ?? { from_user: message.from, name: author?.username || author?.login || '', time: message.time };
  const shown = { text: message.text, files: message.files.map(({ blob, ...file }) => file), forward, format: message.format, preview: message.preview };
  outbox.add(flow.uuid, '', [], { forward: { uuid: message.uuid }, shown });
}
