// What happened in a conversation, as lines between its messages: "Anna added Boris".

import { h } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { nameOf } from '../data/message.js';
import { duration } from '../text/times.js';

/** Kinds whose user is acted upon; of the others the user is the one who acts. */
const ACTED_UPON = new Set(['added', 'removed', 'invited', 'banned']);
const OF_THE_USER = new Set(['joined', 'left', 'declined', 'owner', 'level']);

/** Puts neighbours together that one line can tell: several people added by one. Pure. */
export function fold(events) {
  const lines = [];
  for (const event of events) {
    const last = lines.at(-1);
    if (last && ACTED_UPON.has(event.kind) && last.kind === event.kind && last.by === event.by) last.users.push(event.user);
    else lines.push({ ...event, users: event.user ? [event.user] : [] });
  }
  return lines;
}

/** Which text tells an event, by who did it and to whom; null for a kind that is not known here. Pure. */
export function eventKey(line, me, type) {
  const { kind } = line;
  const own = OF_THE_USER.has(kind) ? line.users[0] === me : line.by === me;
  const who = own ? '.own' : !line.by && !OF_THE_USER.has(kind) ? '.operator' : '';
  if (kind === 'made') return type === 'chat' ? null : `event.made.${type}${who}`;
  if (kind === 'level') return `event.level.${line.level >= 50 ? 'up' : 'down'}${who}`;
  if (kind === 'expire') return `event.expire.${line.seconds > 0 ? 'on' : 'off'}${who}`;
  if (kind === 'protect') return `event.protect.${line.on ? 'on' : 'off'}${who}`;
  return KNOWN.has(kind) ? `event.${kind}${who}` : null;
}

const KNOWN = new Set(['title', 'info', 'picture', 'added', 'joined', 'left', 'removed', 'invited', 'declined', 'banned', 'owner', 'pinned', 'unpinned']);

/** The nodes of the lines of these events; a line that leads to a message carries its id. */
export function eventLines(events, store, flow) {
  const nodes = [];
  for (const line of fold(events)) {
    if (line.more) nodes.push(h('p.event-line', {}, h('span', {}, t('event.more', { n: line.more }))));
    const key = eventKey(line, store.me, flow.type);
    if (!key) continue;
    const name = (id) => h('bdi', {}, nameOf(store.users.get(id), t));
    const users = line.users.flatMap((id, i) => [i > 0 && ', ', id === store.me && ACTED_UPON.has(line.kind) ? t('event.you') : name(id)]);
    const values = { by: [name(line.by)], user: users, title: [h('bdi', {}, line.title ?? '')], time: [line.seconds ? duration(line.seconds, locale()) : ''] };
    const words = t(key).split(/(\{\w+\})/u).map((part) => values[part.slice(1, -1)] ?? part);
    nodes.push(h('p.event-line', { 'data-event': line.kind }, line.message
      ? h('button', { type: 'button', 'data-act': 'jump', 'data-message': line.message }, words)
      : h('span', {}, words)));
  }
  return nodes;
}

/** What a line depends on besides the events: the names in it. */
export function linesKey(events, store) {
  return events.map((event) => [event.id, event.by && nameOf(store.users.get(event.by), t), event.user && nameOf(store.users.get(event.user), t)].join()).join('\u0000');
}
