// What stands between and around messages: days, groups of one author, the "new messages" line. Pure.

import { dayKey } from './times.js';

/** Messages of one author further apart than this start a new group. */
const GROUP_GAP_S = 5 * 60;

/**
 * Arranges `messages` (in order; `{key, from, time, number, pending}`, or `{key, time, lines}` for what
 * happened between them) into days: `[{day, time, items: [{message, first, last, newAbove} or {lines}]}]`.
 * `unreadFrom` is the number of the first message that was unread when the flow was opened, or null;
 * `before` is the message above the first, if known: it decides whether that one begins a group.
 */
export function arrangeMessages(messages, unreadFrom, before = null) {
  /** @type {any[]} */
  const days = [];
  /** @type {any} */
  let previous = before && { message: before };
  for (const message of messages) {
    const day = dayKey(message.time);
    if (days.at(-1)?.day !== day) {
      if (previous && dayKey(previous.message.time) !== day) previous = null;
      days.push({ day, time: message.time, items: [] });
    }
    // Lines of what happened stand between messages, and part them.
    if (message.lines) { days.at(-1).items.push({ lines: message }); previous = null; continue; }
    const newAbove = unreadFrom !== null && message.number === unreadFrom;
    const joined = previous !== null && !newAbove
      && previous.message.from === message.from && previous.message.bot?.name === message.bot?.name
      && message.time - previous.message.time <= GROUP_GAP_S;
    const item = { message, first: !joined, last: true, newAbove };
    if (joined) previous.last = false;
    days.at(-1).items.push(item);
    previous = item;
  }
  return days;
}
