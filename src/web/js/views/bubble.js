// One message as nodes. Everything that somebody wrote goes in as text.

import { h, icon, iconButton } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { authorOf, nameOf } from '../data/message.js';
import { attachments } from '../files/attachment.js';
import { fileName } from '../media/attachments.js';
import { pollNodes } from '../polls/poll.js';
import { previewCard } from '../previews/card.js';
import { reactionBar } from '../reactions/bar.js';
import { origin, quote } from '../replies/quote.js';
import { isOnlyEmoji } from '../text/linkify.js';
import { formatted } from '../text/formatted.js';
import { hue } from '../text/people.js';
import { clockTime, fullTime } from '../text/times.js';
import { programAvatar } from '../hooks/avatar.js';
import { userAvatar } from './avatar.js';
import { refusalText } from './form.js';

/** What a node depends on: while it is the same, the node (and a film that plays in it) stays. */
export function signature(message, store) {
  const { pending } = message;
  const named = [message.from, message.reply?.from_user, message.forward?.from_user];
  return [message.version, message.number === null, pending?.state, pending?.error && JSON.stringify(pending.error),
    ...named.map((id) => id && nameOf(store.users.get(id), t)), store.users.get(message.from)?.avatar?.id, store.blocked.has(message.from), message.from === store.me && store.isSeen(message)].join('\u0000');
}

/** `message` as the person sees it; `shared`: a flow where several people write. */
export function bubble(message, store, { own, shared }) {
  const author = store.users.get(message.from);
  if (!own && store.blocked.has(message.from)) return folded();
  const name = authorOf(message, store, t);
  const [file] = message.files;
  const media = file && ['picture', 'video', 'sticker'].includes(file.kind) && !file.text;
  const givenName = file?.kind === 'document' ? file.name ?? fileName(message.text) : null;
  const text = givenName !== null && givenName === message.text.trim() ? '' : message.text;
  const plain = !message.reply && !message.forward && !message.poll;
  const large = !file && !message.deleted && plain && isOnlyEmoji(message.text);
  const classes = {
    own, other: !own, 'has-media': media, bare: media && text === '' && plain && !message.reactions && message.files.length === 1, 'file-only': file && !media && text === '',
    large, deleted: message.deleted, failed: message.pending?.state === 'failed', playing: file?.kind === 'audio' || file?.kind === 'video',
  };
  const node = h('article.message', {
    class: Object.keys(classes).filter((key) => classes[key]).join(' '),
    tabindex: '-1',
    'aria-label': own ? t('message.own') : name,
  });
  if (shared && !own) node.append(h('span.gutter', {}, message.bot ? programAvatar({ ...message.bot, name }, 's') : userAvatar(author ?? { uuid: message.from }, 's')));
  const body = h('div.bubble', {});
  if ((shared || message.bot) && !own) body.append(h('div.author', { class: `ink-${hue(message.bot?.name ?? message.from)}` }, h('bdi', {}, name)));
  if (message.forward) body.append(origin(message.forward, store));
  if (message.reply) body.append(quote(message.reply, store));
  body.append(...attachments(message.files, givenName));
  if (message.poll && !message.deleted) body.append(pollNodes(message.poll, message));
  const content = h('div.text', { dir: 'auto' });
  if (message.deleted) content.append(t(message.expired ? 'message.expired' : 'message.deleted'));
  else if (!message.poll) content.append(...formatted(text, message, store));
  content.append(meta(message, own, store));
  body.append(content);
  const card = message.preview && !message.deleted ? previewCard(message.preview) : null;
  if (card) content.before(card);
  const reactions = reactionBar(message, store);
  if (reactions) body.append(reactions);
  if (message.pending?.state === 'failed') body.append(failure(message.pending));
  node.append(body, iconButton('more', t('message.actions'), null, { class: 'message-menu', tabindex: '-1', 'data-act': 'menu', 'aria-haspopup': 'menu' }));
  return node;
}

/** In a group that one shares with somebody whom one blocks: a line in place of what they say. */
function folded() {
  return h('article.message.other.folded', { tabindex: '-1', 'aria-label': t('message.blocked') }, h('p.event-line', {}, h('span', {}, t('message.blocked'))));
}

function meta(message, own, store) {
  const language = locale();
  const time = h('time', { datetime: new Date(message.time * 1000).toISOString(), title: fullTime(message.time, language) }, clockTime(message.time, language));
  return h('span.meta', {}, message.expires && h('span.state', { role: 'img', 'aria-label': t('message.expires'), title: fullTime(message.expires, language) }, icon('timer')), message.edited && !message.deleted && h('button.edited', { type: 'button', 'data-act': 'info', tabindex: '-1' }, t('message.edited')), time, own && state(message, store.isSeen(message)));
}

function state(message, seen) {
  const done = seen ? ['checks', 'message.read'] : ['check', 'message.sent'];
  const [name, label] = { queued: ['clock', 'message.queued'], failed: ['alert', 'message.failed'] }[message.pending?.state] ?? done;
  return h('span.state', { role: 'img', 'aria-label': t(label), title: t(label) }, icon(name));
}

function failure({ error, edit }) {
  return h('button.failure', { type: 'button', 'data-act': 'retry' }, icon('alert'),
    h('span', {}, edit ? `${t('edit.failed')}. ` : '', error ? `${refusalText(error)} ` : '', t('message.retry')));
}
