// The addresses at which programs write into a conversation: made, shown once, seen and revoked by its owner.

import { copyText } from '../core/clipboard.js';
import { h, icon } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { fill } from '../admin/panel.js';
import { showLink } from '../invite/dialog.js';
import { fullTime } from '../text/times.js';
import { flowTitle } from '../views/avatar.js';
import { programAvatar } from './avatar.js';
import { describe, field, form } from '../views/form.js';
import { confirm, dialog, toast } from '../views/overlay.js';
import { outgoingOf } from './outgoing.js';
import { pictureField } from './picture.js';

/** The hooks of a flow, with a button that makes one. */
export function hooksOf(client, flow) {
  const title = t('hooks.of', { title: flowTitle(client.store, flow) });
  const list = h('div.list-actions.hooks', { 'aria-busy': 'true' });
  const read = () => fill(list, async () => {
    const found = await client.api.list('list_hooks', 'hooks', { flow: flow.uuid });
    return found.length > 0 ? found.map((one) => row(client, one, read)) : h('p.hint.centred', {}, t('hooks.none'));
  });
  read();
  return dialog(title, (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', { dir: 'auto' }, title),
    h('p', {}, t('hooks.text')),
    list,
    h('button.button.quiet.hook-make', { type: 'button', autofocus: true, onclick: () => make(client, flow, read) }, t('hooks.make')),
    outgoingOf(client, flow),
    h('div.actions', {}, h('button.button.quiet', {}, t('close')))));
}

function row(client, one, changed) {
  const used = one.used ? t('hooks.used', { time: fullTime(one.used, locale()), n: one.uses }) : t('hooks.unused');
  const revoke = async () => {
    if (!(await confirm(t('hooks.revoke.ask', { name: one.name }), { action: t('admin.revoke'), danger: true, text: t('hooks.revoke.text') }))) return;
    await client.api.meta('revoke_hook', { id: one.id }).catch((error) => toast(describe(error)));
    changed();
  };
  return h('div.row.setting', {}, one.picture ? programAvatar(one, 's') : icon('link'),
    h('span', {}, h('bdi', {}, one.name), h('small.hint', { dir: 'auto' }, `${one.hint}… · ${used}`)),
    h('button.button.quiet.hook-edit', { type: 'button', 'aria-label': t('hooks.edit', { name: one.name }), onclick: () => edit(client, one, changed) }, t('edit')),
    h('button.button.quiet', { type: 'button', 'aria-label': t('admin.revoke.of', { name: one.name }), onclick: revoke }, t('admin.revoke')));
}

function nameField(value) {
  return field(t('hooks.name'), { name: 'name', value, required: true, maxlength: '80', autocomplete: 'off', autofocus: true }, t('hooks.name.hint'));
}

function edit(client, one, changed) {
  const { node, wish } = pictureField(client, one);
  return dialog(t('edit'), (close) => form(t('edit'), [
    h('h2', { dir: 'auto' }, t('hooks.edit', { name: one.name })),
    node,
    nameField(one.name),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('save'))),
  ], async ({ name }) => {
    await client.api.meta('edit_hook', { id: one.id, name: name.trim(), picture: await wish() });
    close();
    changed();
  }));
}

function make(client, flow, changed) {
  const { node, wish } = pictureField(client);
  return dialog(t('hooks.make'), (close) => form(t('hooks.make'), [
    h('h2', {}, t('hooks.make')),
    node,
    nameField(''),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('hooks.make'))),
  ], async ({ name }) => {
    const { secret } = await client.api.meta('make_hook', { flow: flow.uuid, name: name.trim(), picture: await wish() });
    const link = `${location.origin}/hook/${secret}`;
    close();
    changed();
    showLink({ title: name.trim(), text: t('hooks.once'), link, label: t('hooks.address'), copy: t('hooks.address.copy'), more: curlLine(link) });
  }));
}

/** The line that shows that it works. */
function curlLine(link) {
  const line = `curl -d "${t('hooks.works')}" ${link}`;
  const box = h('input.link-box.curl', { readonly: true, value: line, 'aria-label': t('hooks.curl'), dir: 'ltr', onfocus: (event) => event.target.select() });
  return h('div', {}, h('label.field', {}, h('span', {}, t('hooks.curl')), box),
    h('button.button.quiet.curl-copy', { type: 'button', onclick: async () => { await copyText(line); toast(t('copied')); } }, t('hooks.curl.copy')));
}
