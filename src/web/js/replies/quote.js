// The message that another answers, in short: who wrote it and how it begins. A tap leads to it.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { authorOf, nameOf } from '../data/message.js';
import { closeHidden, plainWords } from '../text/markup.js';
import { hue } from '../text/people.js';

/** Signs of a message that a quote has, here and on the server. */
const QUOTED = 200;

/** What goes along with an answer, and is shown until the server tells it itself. */
export function quoteOf(message) {
  return { uuid: message.uuid, number: message.number, from_user: message.from, text: [...message.text].slice(0, QUOTED).join(''), kind: message.files[0]?.kind };
}

/** One line of what a quoted message says. */
export function quoteText(reply) {
  if (reply.gone) return t('message.deleted');
  // The server does not tell whether the text has marks: what looks like them is taken for them.
  const words = reply.text ?? '';
  const text = plainWords([...words].length < QUOTED ? words : closeHidden(words)).replace(/\s+/gu, ' ').trim();
  if (text) return text;
  return reply.kind ? t(`file.${reply.kind}`) : '';
}

/** Who said what is quoted; which program it was is only known where the message itself is. */
export function quotedAuthor(reply, store) {
  return authorOf({ from: reply.from_user, bot: store.messageOf(reply.uuid)?.bot }, store, t);
}

export function quote(reply, store) {
  const author = reply.from_user ? quotedAuthor(reply, store) : '';
  return h('button.quote', {
    type: 'button', 'data-act': 'quote', disabled: reply.gone === true,
    class: reply.from_user ? `ink-${hue(reply.from_user)}` : '',
  }, h('span.visually-hidden', {}, t('reply.to')), author && h('strong', {}, h('bdi', {}, author)), h('span', { dir: 'auto' }, quoteText(reply)));
}

/** Where a forwarded message comes from. */
export function origin(forward, store) {
  const name = (forward.from_user && store.users.has(forward.from_user) ? nameOf(store.users.get(forward.from_user), t) : forward.name) || t('person.unknown');
  const [before, after] = t('forward.from').split('{name}');
  return h('div.origin', {}, icon('forward'), h('span', {}, before, h('bdi', {}, name), after));
}
