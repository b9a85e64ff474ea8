// The hooks that tell programs what happens in a conversation: where they post, of what, tried and removed by its owner.

import { copyText } from '../core/clipboard.js';
import { h } from '../core/dom.js';
import { currentLanguage, t } from '../core/i18n.js';
import { fill } from '../admin/panel.js';
import { describe, field, form } from '../views/form.js';
import { confirm, dialog, toast } from '../views/overlay.js';

/** What a hook can be told of, by the protocol's words. */
const EVENTS = ['message', 'edit', 'delete', 'join', 'reaction'];

/** The outgoing hooks of a flow, with a button that makes one. */
export function outgoingOf(client, flow) {
  const list = h('div.list-actions.outgoing', { 'aria-busy': 'true' });
  const read = () => fill(list, async () => {
    const found = await client.api.list('list_outgoing', 'outgoing', { flow: flow.uuid });
    return found.length > 0 ? found.map((one) => row(client, one, read)) : h('p.hint.centred', {}, t('out.none'));
  });
  read();
  return h('section', {},
    h('h3', {}, t('out.title')),
    h('p', {}, t('out.text')),
    list,
    h('button.button.quiet.out-make', { type: 'button', onclick: () => make(client, flow, read) }, t('out.make')));
}

/** What a hook is told of, in words. */
function told(one) {
  const events = one.events.map((event) => t(`out.on.${event}`)).join(', ');
  return [events, one.trigger && t('out.after', { trigger: one.trigger }), one.bots && t('out.bots')].filter(Boolean).join(' · ');
}

/** Why a test was not taken; the server's own words are English. */
function refused({ status, detail }) {
  if (status) return t('out.answered', { status });
  const words = t('out.unreached');
  return currentLanguage() === 'en' && detail ? `${words}: ${detail}` : words;
}

function state(one) {
  if (one.disabled) return t('out.disabled');
  return one.failures > 0 ? t('out.failing', { n: one.failures }) : '';
}

function row(client, one, changed) {
  const act = async (method) => {
    try {
      return await client.api.meta(method, { id: one.id });
    } catch (error) {
      toast(describe(error));
      return null;
    }
  };
  const remove = async () => {
    if (!(await confirm(t('out.remove.ask', { url: one.url }), { action: t('out.remove'), danger: true, text: t('out.remove.text') }))) return;
    await act('remove_outgoing');
    changed();
  };
  const test = async () => {
    const done = await act('test_outgoing');
    if (done) toast(done.taken ? t('out.taken') : refused(done));
    changed();
  };
  const words = [told(one), state(one)].filter(Boolean).join(' · ');
  return h('div.row.setting', {},
    h('span', {}, h('bdi', { dir: 'ltr' }, one.url), h('small.hint', { dir: 'auto' }, words)),
    !one.disabled && h('button.button.quiet.out-test', { type: 'button', onclick: test }, t('out.test')),
    h('button.button.quiet.out-remove', { type: 'button', 'aria-label': t('out.remove.ask', { url: one.url }), onclick: remove }, t('out.remove')));
}

function make(client, flow, changed) {
  const box = (name, label, checked = false) => h('label.check', {}, h('input', { type: 'checkbox', name, checked }), label);
  return dialog(t('out.make'), (close) => form(t('out.make'), [
    h('h2', {}, t('out.make')),
    field(t('out.url'), { name: 'url', type: 'url', required: true, maxlength: '2000', autocomplete: 'off', autofocus: true, dir: 'ltr' }, t('out.url.hint')),
    h('fieldset.checks', {}, h('legend', {}, t('out.on')), EVENTS.map((event) => box(`on-${event}`, t(`out.on.${event}`), event === 'message'))),
    field(t('out.trigger'), { name: 'trigger', maxlength: '64', autocomplete: 'off' }, t('out.trigger.hint')),
    box('bots', t('out.bots')),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('out.make'))),
  ], async (data) => {
    const events = EVENTS.filter((event) => data[`on-${event}`]);
    if (events.length === 0) throw new Error(t('out.on.needed'));
    const order = { flow: flow.uuid, url: data.url.trim(), events, bots: Boolean(data.bots) };
    if (data.trigger.trim()) order.trigger = data.trigger.trim();
    const { secret } = await client.api.meta('make_outgoing', order);
    close();
    changed();
    showSecret(secret);
  }));
}

/** The secret that signs what is posted, once. */
function showSecret(secret) {
  const line = h('input.link-box.secret', { readonly: true, value: secret, 'aria-label': t('out.secret'), dir: 'ltr', onfocus: (event) => event.target.select() });
  return dialog(t('out.secret'), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', {}, t('out.secret')),
    h('p', {}, t('out.once')),
    line,
    h('div.actions', {},
      h('button.button.quiet', {}, t('close')),
      h('button.button', { type: 'button', autofocus: true, onclick: async () => { await copyText(secret); toast(t('copied')); } }, t('out.copy')))));
}
