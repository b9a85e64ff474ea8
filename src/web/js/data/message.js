// A message as the views use it, from the wire or from the outgoing queue.

import { readFiles } from '../media/attachments.js';
import { DELETED_LOGIN } from '../text/people.js';

/**
 * `number` is its place in the flow; `about` is what the server tells of it besides.
 * @param {any} about
 */
export function fromWire(wire, number, about = null) {
  return {
    key: wire.uuid,
    uuid: wire.uuid,
    number,
    flow: wire.from_flow,
    from: wire.from_user,
    text: wire.text ?? '',
    time: wire.time ?? 0,
    edited: wire.edited_status === true,
    editedAt: wire.edited_time ?? null,
    // What it said before it was edited, where that was seen here.
    before: null,
    beforeFormat: undefined,
    deleted: Boolean(about?.deleted),
    expired: about?.deleted === 'expired',
    files: readFiles(about?.files),
    reply: about?.reply ?? null,
    forward: about?.forward ?? null,
    format: about?.format ?? 0,
    mentions: about?.mentions ?? [],
    everyone: about?.everyone === true,
    reactions: about?.reactions ?? null,
    poll: about?.poll ?? null,
    preview: about?.preview ?? null,
    expires: about?.expires ?? null,
    bot: about?.bot ?? null,
    pending: null,
    version: nextVersion(),
  };
}

let versions = 0;

/** Another number each time: a view draws a message anew when its version is another. */
export function nextVersion() {
  versions += 1;
  return versions;
}

/** What stands in the conversation while the message is on its way. */
export function fromOutbox(item) {
  const { about = null } = item;
  const shown = about?.shown ?? item;
  return {
    key: item.txn,
    uuid: null,
    number: null,
    flow: item.flow,
    from: item.user,
    text: shown.text,
    time: item.time,
    edited: false,
    deleted: false,
    files: shown.files,
    reply: about?.quote ?? null,
    forward: about?.shown?.forward ?? null,
    format: about?.shown?.format ?? about?.format ?? 0,
    mentions: about?.mentions ?? [],
    everyone: about?.everyone === true,
    reactions: null,
    poll: about?.poll ?? null,
    preview: about?.card ?? about?.shown?.preview ?? null,
    pending: { txn: item.txn, state: item.state, error: item.error ?? null, progress: item.progress ?? 0 },
    version: 0,
  };
}

// Until marks can be read, words that may be hidden are.
let plain = (text) => (text.includes('||') ? '\u2592'.repeat(4) : text);

/** Takes what reads marks: it is not in the first load. */
export function readMarksBy(reader) { plain = reader; }

/** One line about a message: for lists and notifications. `t` is the language's, `words` what of the text is shown. */
export function summary(message, t, words = message.format === 1 ? plain(message.text) : message.text) {
  if (message.deleted) return t(message.expired ? 'message.expired' : 'message.deleted');
  if (message.poll) return `${t('poll')}: ${message.poll.question}`;
  const [file] = message.files;
  const text = words.replace(/\s+/gu, ' ').trim();
  if (!file) return text;
  const label = file.kind === 'sticker' && file.text ? file.text : t(`file.${file.kind}`);
  return text && text !== file.name ? text : label;
}

export function nameOf(user, t) {
  if (!user) return t('person.unknown');
  if (isDeleted(user)) return t('person.deleted');
  return user.username?.trim() || user.login || t('person.unknown');
}

/** Who says a message: the program that a hook gives its voice to, else the account. */
export function authorOf(message, store, t) {
  return message.bot?.name ?? nameOf(store.users.get(message.from), t);
}

/** Whether this account is gone for good. */
export function isDeleted(user) {
  return user?.username === DELETED_LOGIN && user?.login === DELETED_LOGIN;
}
