// Beginning something new: a chat in one tap, a group or a channel in two steps.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { MtpError } from '../net/wire.js';
import { field, form, panel, describe } from './form.js';
import { toast } from './overlay.js';
import { PeoplePicker } from './people.js';

export function startPanel(client, kind) {
  return kind === 'group' || kind === 'channel' ? newFlow(client, kind) : newChat(client);
}

function newChat(client) {
  const picker = new PeoplePicker(client, { pick: (user) => openChat(client, user) });
  const choice = (kind, name) => h('button.row.choice', { type: 'button', onclick: () => router.go(`/new/${kind}`) },
    h('span.choice-icon', {}, icon(name)), h('span.row-title', {}, t(`new.${kind}`)));
  return panel(t('new.title'), [choice('group', 'people'), choice('channel', 'channel'), h('h2.section-title', {}, t('new.chat')), picker.element]);
}

/** Opens the chat with a person; makes it when there is none. */
export async function openChat(client, user) {
  let flow = client.store.chatWith(user.uuid);
  try {
    flow ??= await client.addFlow({ type: 'chat', users: [client.store.me, user.uuid] });
    client.store.putUser(user);
    // Back leads to the list, not to the list of people.
    router.go(`/f/${flow.uuid}`, { instead: router.place.panel === 'new' });
  } catch (error) {
    if (error instanceof MtpError && error.code === 409) toast(t('chat.exists'));
    else toast(describe(error));
  }
}

function newFlow(client, kind) {
  const picker = new PeoplePicker(client, { several: true });
  const content = form(t(`new.${kind}`), [
    field(t('flow.title'), { name: 'title', required: true, maxlength: '256', autocomplete: 'off' }),
    field(t('flow.about'), { name: 'info', maxlength: '1000', rows: '2' }, t(`new.${kind}.hint`)),
    h('h2.section-title', {}, t(kind === 'group' ? 'flow.members' : 'flow.readers')),
    picker.element,
  ], async ({ title, info }) => {
    const users = [client.store.me, ...picker.chosen().map((user) => user.uuid)];
    const flow = await client.addFlow({ type: kind, title: title.trim(), info: info.trim(), users });
    for (const user of picker.chosen()) client.store.putUser(user);
    router.go(`/f/${flow.uuid}`, { instead: true });
  }, { className: 'new-flow' });
  content.id = 'new-flow';
  // Outside of what scrolls, so that it never lies on top of a person.
  return panel(t(`new.${kind}`), content, { back: '/new', foot: h('button.button.wide', { form: 'new-flow' }, t('create')) });
}
