// The invitations that still hold: made, seen, taken back.

import { h, icon } from '../core/dom.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { showLink } from '../invite/dialog.js';
import { nameOf } from '../data/message.js';
import { fullTime } from '../text/times.js';
import { describe, field, form, panel } from '../views/form.js';
import { confirm, dialog, toast } from '../views/overlay.js';
import { fill, requireNumbers } from './panel.js';

const DAY = 86_400;

export function invitationsPanel(client) {
  const list = h('div.list-actions', { 'aria-busy': 'true' });
  const read = () => fill(list, async () => {
    const found = await client.whenReady(() => client.api.list('list_invitations', 'invitations'));
    if (found.length === 0) return h('p.hint.centred', {}, t('admin.invitations.none'));
    return found.map((one) => row(client, one, read));
  });
  read();
  return panel(t('admin.invitations'), [
    h('div.list-actions', {}, h('button.row.action', { type: 'button', onclick: () => make(client, read) }, icon('plus'), t('invite.make'))),
    list,
  ], { back: '/admin' });
}

function row(client, one, changed) {
  const by = one.by ? nameOf(client.store.users.get(one.by), t) : null;
  const details = [
    t('admin.invitation.uses', { n: one.uses }), one.expires ? t('admin.invitation.until', { time: fullTime(one.expires, locale()) }) : t('admin.invitation.forever'),
    one.title, by,
  ].filter(Boolean).join(' · ');
  const name = one.note || `${one.hint}…`;
  const revoke = async () => {
    if (!(await confirm(t('admin.revoke.ask', { name }), { action: t('admin.revoke'), danger: true, text: t('admin.revoke.text') }))) return;
    await client.api.meta('revoke_invitation', { id: one.id }).catch((error) => toast(describe(error)));
    changed();
  };
  return h('div.row.setting', {}, icon('link'),
    h('span', {}, h('bdi', {}, name), h('small.hint', { dir: 'auto' }, details)),
    h('button.button.quiet', { type: 'button', 'aria-label': t('admin.revoke.of', { name }), onclick: revoke }, t('admin.revoke')));
}

function make(client, changed) {
  const flows = [...client.store.flows.values()].filter((flow) => client.store.moderates(flow));
  dialog(t('invite.make'), (close) => form(t('invite.make'), [
    h('h2', {}, t('invite.make')),
    field(t('admin.invitation.note'), { name: 'note', maxlength: '256', autocomplete: 'off', autofocus: true }, t('admin.invitation.note.hint')),
    field(t('admin.invitation.count'), { name: 'uses', type: 'number', min: '1', max: '1000', value: '1', required: true }),
    field(t('admin.invitation.days'), { name: 'days', type: 'number', min: '0', max: '3650', value: '7', required: true }, t('admin.invitation.days.hint')),
    flows.length > 0 && h('label.field', {}, h('span.hint', {}, t('admin.invitation.flow')),
      h('select', { name: 'flow' }, h('option', { value: '' }, t('admin.invitation.noflow')), flows.map((flow) => h('option', { value: flow.uuid }, flow.title)))),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('create'))),
  ], async ({ note, uses, days, flow }, node) => {
    requireNumbers(node);
    const wish = { uses: Number(uses), expires: Number(days) > 0 ? now() + Number(days) * DAY : 0 };
    if (note.trim()) wish.note = note.trim();
    if (flow) wish.flow = flow;
    const { code } = await client.api.invite(wish);
    close();
    changed();
    showLink({ title: t('invite.ready'), text: t('admin.invitation.give'), link: `${location.origin}/invite/${encodeURIComponent(code)}` });
  }));
}
