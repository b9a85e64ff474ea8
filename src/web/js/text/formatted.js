// A message's text as nodes: links, names that are called, and the small markup where its sender used it.

import { copyText } from '../core/clipboard.js';
import { h, iconButton } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { linkify } from './linkify.js';
import { parse } from './markup.js';

const TAGS = { bold: 'strong', italic: 'em', struck: 's' };

/** The nodes of `text`, which is the message's or a part of it. */
export function formatted(text, message, store) {
  const called = [...message.mentions.map((id) => store.users.get(id)).filter((user) => user?.login), ...(message.everyone ? [{ uuid: null, login: 'all' }] : [])]
    .sort((a, b) => b.login.length - a.login.length);
  const leaf = (words) => leaves(words, called, store);
  if (message.format !== 1) return leaf(text);
  return parse(text).map((block) => {
    if (block.type === 'code') return codeBlock(block.text);
    if (block.type === 'quote') return h('blockquote', {}, inline(block.parts, leaf));
    if (block.type === 'list') return h(block.ordered ? 'ol' : 'ul', {}, block.items.map((item) => h('li', {}, inline(item, leaf))));
    return h('div.paragraph', {}, inline(block.parts, leaf));
  });
}

function inline(parts, leaf) {
  return parts.map((part) => {
    if (part.text !== undefined) return leaf(part.text);
    if (part.code !== undefined) return h('code', {}, part.code);
    return part.mark === 'spoiler' ? spoiler(inline(part.parts, leaf)) : h(TAGS[part.mark], {}, inline(part.parts, leaf));
  });
}

/** Hidden until somebody wants to know. */
function spoiler(content) {
  const inner = h('span.spoiler-text', { 'aria-hidden': 'true' }, content);
  const node = h('span.spoiler', { role: 'button', tabindex: '0', 'aria-label': t('spoiler') }, inner);
  const reveal = (event) => {
    if (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    node.classList.add('revealed');
    for (const name of ['role', 'tabindex', 'aria-label']) node.removeAttribute(name);
    inner.removeAttribute('aria-hidden');
    node.removeEventListener('click', reveal);
    node.removeEventListener('keydown', reveal);
  };
  node.addEventListener('click', reveal);
  node.addEventListener('keydown', reveal);
  return node;
}

function codeBlock(text) {
  const copy = iconButton('copy', t('code.copy'), async () => { await copyText(text); copy.classList.add('done'); }, { class: 'code-copy' });
  return h('div.code-block', {}, h('pre', { dir: 'ltr', tabindex: '0' }, h('code', {}, text)), copy);
}

/** Text with the names that are called in it, and with links. */
function leaves(text, called, store) {
  const nodes = [];
  let rest = text;
  for (let hit = firstCall(rest, called); hit; hit = firstCall(rest, called)) {
    nodes.push(...linked(rest.slice(0, hit.at)));
    const { user } = hit;
    const me = user.uuid === store.me || user.uuid === null;
    nodes.push(h('span.mention', { class: me ? 'me' : '' }, '@', h('bdi', {}, user.uuid ? nameOf(user, t) : user.login)));
    rest = rest.slice(hit.at + user.login.length + 1);
  }
  nodes.push(...linked(rest));
  return nodes;
}

function firstCall(text, called) {
  let best = null;
  const lower = text.toLocaleLowerCase();
  for (const user of called) {
    const wanted = `@${user.login.toLocaleLowerCase()}`;
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
      const after = lower.slice(at + wanted.length);
      if (/[\p{L}\p{N}_]/u.test(lower[at - 1] ?? ' ') || /^[\p{L}\p{N}_]/u.test(after)) continue;
      if (!best || at < best.at) best = { at, user };
      break;
    }
  }
  return best;
}

function linked(text) {
  return linkify(text).map((piece) => (piece.href
    ? h('a', { href: piece.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, piece.text)
    : piece.text));
}
