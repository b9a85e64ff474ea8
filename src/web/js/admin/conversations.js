// The groups, channels and chats of the server, by size; what is said in them is not told.

import { h, icon } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { describe, panel } from '../views/form.js';
import { confirm, toast } from '../views/overlay.js';
import { fill } from './panel.js';

export function conversationsPanel(client) {
  const list = h('div.list-actions', { 'aria-busy': 'true' });
  const read = () => fill(list, async () => {
    const found = (await client.whenReady(() => client.api.list('list_flows', 'flows'))).filter((flow) => flow.type !== 'chat');
    if (found.length === 0) return h('p.hint.centred', {}, t('admin.conversations.none'));
    return found.map((flow) => row(client, flow, read));
  });
  read();
  return panel(t('admin.conversations'), list, { back: '/admin' });
}

function row(client, flow, changed) {
  const title = flow.title || t(`flow.${flow.type}`);
  const remove = async () => {
    if (!(await confirm(t('remove.ask', { title }), { action: t(`remove.${flow.type}`), danger: true, text: t('remove.text') }))) return;
    await client.api.removeFlow(flow.id).catch((error) => toast(describe(error)));
    changed();
  };
  return h('div.row.setting', {}, icon(flow.type === 'channel' ? 'channel' : 'people'),
    h('span', {}, h('bdi', {}, title), h('small.hint', {}, `${t('members', { n: flow.members })} · ${t('admin.messages', { n: flow.messages })}`)),
    h('button.button.quiet', { type: 'button', 'aria-label': t('admin.delete.of', { title }), onclick: remove }, t('message.delete')));
}
