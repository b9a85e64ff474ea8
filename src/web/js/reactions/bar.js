// Reactions to a message: what there are, below its bubble; the six that are at hand, in its menu.

import { h, icon, iconButton } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { EMOJI } from '../text/emoji.js';
import { dialog } from '../views/overlay.js';
import { personRow } from '../views/people.js';

/** What is at hand without a search. */
export const QUICK = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

/** Whether the person reacted with this sign. */
export function isMine(reaction, me) {
  return reaction?.mine === true || (reaction?.users ?? []).includes(me);
}

/** The reactions as they are once `me` has switched `sign`; null when none is left. Pure. */
export function toggled(reactions, sign, me, on) {
  const next = { ...reactions };
  const old = next[sign] ?? { count: 0, users: [] };
  if (isMine(old, me) === on) return reactions;
  const users = (old.users ?? []).filter((id) => id !== me);
  const count = Math.max(0, old.count + (on ? 1 : -1));
  if (count === 0) delete next[sign];
  else next[sign] = { count, users: on ? [...users, me] : users };
  return Object.keys(next).length > 0 ? next : null;
}

/** The row below a bubble; null without reactions. */
export function reactionBar(message, store) {
  const entries = Object.entries(message.reactions ?? {});
  if (entries.length === 0) return null;
  return h('div.reactions', { role: 'group', 'aria-label': t('reactions') }, entries.map(([sign, reaction]) => {
    const names = reaction.users.slice(0, 5).map((id) => (id === store.me ? t('you') : nameOf(store.users.get(id), t)));
    const who = names.join(', ') + (reaction.count > names.length ? ` +${reaction.count - names.length}` : '');
    return h('button.reaction', {
      type: 'button', 'data-act': 'react', 'data-sign': sign, 'aria-pressed': String(isMine(reaction, store.me)),
      'aria-label': t('reaction.by', { sign, n: reaction.count, names: who }), title: who,
    }, h('span', {}, sign), h('span.reaction-count', {}, String(reaction.count)));
  }));
}

/** The signs on top of a message's menu; `react(sign)` is called with the one that is chosen. */
export function reactionStrip(message, store, react) {
  const strip = h('div.reaction-strip', { role: 'group', 'aria-label': t('react') });
  const one = (sign) => h('button.strip-sign', {
    type: 'button', 'aria-label': t('react.with', { sign }), 'aria-pressed': String(isMine(message.reactions?.[sign], store.me)), onclick: () => react(sign),
  }, sign);
  strip.append(...QUICK.map(one), iconButton('more', t('react.more'), () => {
    strip.replaceChildren(...EMOJI.map(one));
    strip.classList.add('all');
    strip.firstElementChild.focus();
  }, { class: 'strip-more' }));
  return strip;
}

/** Who reacted with what. */
export function showReactions(message, store) {
  const rows = Object.entries(message.reactions ?? {}).flatMap(([sign, { users, count }]) => [
    ...users.map((id) => { const row = personRow(store.users.get(id) ?? { uuid: id }, { tag: 'div' }); row.append(h('span.reaction-sign', {}, sign)); return row; }),
    count > users.length && h('p.hint', {}, `${sign} +${count - users.length}`),
  ]);
  return dialog(t('reactions'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', {}, t('reactions')), h('div.rows', {}, rows),
    h('div.actions', {}, h('button.button', { autofocus: true }, icon('close'), t('close')))));
}
