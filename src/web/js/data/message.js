// A message as the views use it, from the wire or from the outgoing queue.

import { readFiles } from '../media/attachments.js';
import { DELETED_LOGIN } from '../text/people.js';

const DELETED_TEXT = 'Message deleted';

/** `number` is its place in the flow. */
export function fromWire(wire, number) {
  const files = readFiles(wire);
  const edited = wire.edited_status === true;
  return {
    key: wire.uuid,
    uuid: wire.uuid,
    number,
    flow: wire.from_flow,
    from: wire.from_user,
    text: wire.text ?? '',
    time: wire.time ?? 0,
    edited,
    // The protocol has no mark for it: an edited message of this text without files is taken for one.
    deleted: edited && files.length === 0 && wire.text === DELETED_TEXT,
    files,
    pending: null,
  };
}

/** What stands in the conversation while the message is on its way. */
export function fromOutbox(item) {
  return {
    key: item.txn,
    uuid: null,
    number: null,
    flow: item.flow,
    from: item.user,
    text: item.text,
    time: item.time,
    edited: false,
    deleted: false,
    files: item.files,
    pending: { txn: item.txn, state: item.state, error: item.error ?? '', progress: item.progress ?? 0 },
  };
}

/** One line about a message: for lists and notifications. `t` is the language's. */
export function summary(message, t) {
  if (message.deleted) return t('message.deleted');
  const [file] = message.files;
  const text = message.text.replace(/\s+/gu, ' ').trim();
  if (!file) return text;
  const label = t(`file.${file.kind}`);
  return text && text !== file.name ? text : label;
}

export function nameOf(user, t) {
  if (!user) return t('person.unknown');
  if (user.username === DELETED_LOGIN && user.login === DELETED_LOGIN) return t('person.deleted');
  return user.username?.trim() || user.login || t('person.unknown');
}
