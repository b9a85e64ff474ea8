// One message as nodes. Everything that somebody wrote goes in as text.

import { h, icon, iconButton } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { fileName, urlOf } from '../media/attachments.js';
import { isOnlyEmoji, linkify } from '../text/linkify.js';
import { hue } from '../text/people.js';
import { clockTime, fullTime, size } from '../text/times.js';
import { userAvatar } from './avatar.js';

/** The largest a picture is shown in a conversation, in CSS pixels. */
const PICTURE_WIDTH = 400;
const PICTURE_HEIGHT = 420;

/** What a node depends on: while it is the same, the node (and a film that plays in it) stays. */
export function signature(message, author) {
  const { pending } = message;
  return [message.text, message.edited, message.deleted, message.number === null, message.files.length,
    message.files[0]?.blob ? 1 : 0, pending?.state, pending?.error, author?.username, author?.login,
    author?.avatar?.length].join('\u0000');
}

/** `message` by `author` (a profile or undefined); `shared`: a flow where several people write. */
export function bubble(message, author, { own, shared }) {
  const name = nameOf(author, t);
  const file = message.files[0];
  const media = file && file.kind !== 'document' && file.kind !== 'audio';
  const givenName = file?.kind === 'document' ? file.name ?? fileName(message.text) : null;
  const text = givenName !== null && givenName === message.text.trim() ? '' : message.text;
  const large = !file && !message.deleted && isOnlyEmoji(message.text);
  const node = h('article.message', {
    class: [own ? 'own' : 'other', media && 'has-media', media && text === '' && 'bare', file && !media && text === '' && 'file-only', large && 'large', message.deleted && 'deleted', message.pending?.state === 'failed' && 'failed'].filter(Boolean).join(' '),
    tabindex: '-1',
    'aria-label': own ? t('message.own') : name,
  });
  if (shared && !own) node.append(h('span.gutter', {}, userAvatar(author ?? { uuid: message.from }, 's')));
  const body = h('div.bubble', {});
  if (shared && !own) body.append(h('div.author', { class: `ink-${hue(message.from)}` }, h('bdi', {}, name)));
  for (const one of message.files) body.append(attachment(one, givenName));
  const content = h('div.text', { dir: 'auto' });
  if (message.deleted) content.append(t('message.deleted'));
  else content.append(...linked(text));
  content.append(meta(message, own));
  body.append(content);
  if (message.pending?.state === 'failed') body.append(failure(message.pending));
  node.append(body, iconButton('more', t('message.actions'), null, { class: 'message-menu', tabindex: '-1', 'data-act': 'menu', 'aria-haspopup': 'menu' }));
  return node;
}

function linked(text) {
  return linkify(text).map((piece) => (piece.href
    ? h('a', { href: piece.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, piece.text)
    : piece.text));
}

function meta(message, own) {
  const language = locale();
  const time = h('time', { datetime: new Date(message.time * 1000).toISOString(), title: fullTime(message.time, language) }, clockTime(message.time, language));
  return h('span.meta', {}, message.edited && !message.deleted && h('span', {}, `${t('message.edited')} `), time, own && state(message));
}

function state(message) {
  const [name, label] = { queued: ['clock', 'message.queued'], failed: ['alert', 'message.failed'] }[message.pending?.state] ?? ['check', 'message.sent'];
  return h('span.state', { role: 'img', 'aria-label': t(label), title: t(label) }, icon(name));
}

function failure(pending) {
  return h('button.failure', { type: 'button', 'data-act': 'retry' }, icon('alert'),
    h('span', {}, pending.error ? `${pending.error} ` : '', t('message.retry')));
}

function attachment(file, name) {
  if (!file.blob) return h('div.file.absent', {}, icon('file'), h('span', {}, t('file.offline')));
  if (file.kind === 'picture') return picture(file);
  if (file.kind === 'video') return h('video', { controls: true, preload: 'metadata', playsinline: true, src: urlOf(file.blob), 'aria-label': t('file.video') });
  if (file.kind === 'audio') return h('audio', { controls: true, preload: 'metadata', src: urlOf(file.blob), 'aria-label': t('file.audio') });
  const shown = name ?? `${t('file.document')}.${file.extension}`;
  return h('a.file', { href: urlOf(file.blob), download: shown, 'data-act': 'download' },
    h('span.file-badge', {}, icon('file')),
    h('span.file-words', {},
      h('span.file-name', { dir: 'auto' }, shown),
      h('span.file-size', {}, size(file.size, locale()))));
}

function picture(file) {
  const image = h('img', { src: urlOf(file.blob), alt: t('file.picture'), decoding: 'async', draggable: 'false' });
  const button = h('button.picture', { type: 'button', 'data-act': 'picture', 'aria-label': t('file.open') }, image);
  // Known before it is decoded: what stands below it does not move later.
  if (file.width > 0 && file.height > 0) {
    const scale = Math.min(1, PICTURE_WIDTH / file.width, PICTURE_HEIGHT / file.height);
    image.width = Math.max(1, Math.round(file.width * scale));
    image.height = Math.max(1, Math.round(file.height * scale));
    button.style.width = `${Math.max(120, image.width)}px`;
    image.style.aspectRatio = `${file.width} / ${file.height}`;
  } else {
    button.classList.add('unmeasured');
  }
  return button;
}
