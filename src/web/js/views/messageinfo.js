// About one message: when it was sent and edited, what it said before, and who has read it.

import { h, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { authorOf } from '../data/message.js';
import { formatted } from '../text/formatted.js';
import { fullTime } from '../text/times.js';
import { describe } from './form.js';
import { dialog } from './overlay.js';
import { personRow } from './people.js';

export function showMessageInfo(client, flow, message) {
  const { store } = client;
  const readers = h('div', { 'aria-live': 'polite' });
  const time = (seconds) => fullTime(seconds, locale());
  const facts = [[t('info.sent'), time(message.time)], message.edited && message.editedAt && [t('info.edited'), time(message.editedAt)],
    message.expires && [t('info.expires'), time(message.expires)]].filter(Boolean);
  const read = async () => {
    try {
      const { meta } = await client.whenReady(() => client.api.inFlow('seen_flow', flow.uuid));
      const seen = Object.entries(meta?.seen ?? {}).filter(([id, mark]) => id !== message.from && mark.number >= message.number);
      const unknown = seen.map(([id]) => id).filter((id) => !store.users.has(id));
      if (unknown.length > 0) for (const user of await client.api.users(unknown)) store.putUser(user);
      replace(readers, seen.length > 0 && h('h3.section-title', {}, t('info.read', { n: seen.length })),
        seen.sort((a, b) => (a[1].time ?? 0) - (b[1].time ?? 0)).map(([id, mark]) => personRow(store.users.get(id) ?? { uuid: id }, { tag: 'div', note: mark.time ? time(mark.time) : t('info.seen') })),
        seen.length === 0 && h('p.hint', {}, t('info.nobody')));
    } catch (error) {
      replace(readers, h('p.hint', { role: 'alert' }, describe(error)));
    }
  };
  read();
  return dialog(t('info.title'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', {}, t('info.title')),
    h('dl.facts', {}, [[t('search.from'), authorOf(message, store, t)], ...facts].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', { dir: 'auto' }, value)))),
    message.edited && !message.deleted && h('div', {}, h('h3.section-title', {}, t('info.before')),
      message.before === null || message.before === undefined ? h('p.hint', {}, t('info.before.unseen')) : h('div.before', { dir: 'auto' }, message.before ? formatted(message.before, { ...message, format: message.beforeFormat }, store) : t('info.before.empty'))),
    readers,
    h('div.actions', {}, h('button.button', { autofocus: true }, t('close')))));
}
