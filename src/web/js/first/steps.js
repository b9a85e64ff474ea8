// Three steps for the administrator of a server on which nobody else is yet: invite people, make a
// group, make it reachable and safe. Gone when they are done, or when the person does without.

import { h, icon, iconButton, replace } from '../core/dom.js';
import { t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { inviteToServer } from '../invite/dialog.js';
import { explainSafe } from './safe.js';

/** Shows the steps above the list while they are wanted; returns what ends it. */
export async function showSteps(client, place) {
  const { store } = client;
  const key = `morelia.first.${store.me}`;
  if (localStorage.getItem(key) === 'done') return () => {};
  const facts = await people(client);
  // A server that has people already needs no welcome.
  if (localStorage.getItem(key) === null && facts.users > 1) { localStorage.setItem(key, 'done'); return () => {}; }
  localStorage.setItem(key, 'begun');
  const card = h('section.first-card', { 'aria-label': t('first.title') });
  let invited = facts.users > 1 || facts.invitations > 0;
  let drawn = '';
  const end = () => { card.remove(); for (const close of closers.splice(0)) close(); };
  const done = () => { localStorage.setItem(key, 'done'); end(); };
  const draw = () => {
    const steps = [
      { name: 'invite', done: invited, act: async () => { await inviteToServer(client); look(); } },
      { name: 'group', done: [...store.flows.values()].some((flow) => flow.type !== 'chat' && !flow.saved), act: () => router.go('/new/group') },
      { name: 'safe', done: location.protocol === 'https:', act: () => explainSafe(client) },
    ];
    if (steps.every((step) => step.done)) { done(); return; }
    const now = steps.map((step) => step.done).join();
    if (now === drawn) return;
    drawn = now;
    replace(card,
      h('header', {}, h('h2', {}, t('first.title')), iconButton('close', t('first.hide'), done)),
      h('ol.first-steps', {}, steps.map((step) => h('li', { class: step.done ? 'done' : '' },
        h('button.row.first-step', { type: 'button', disabled: step.done, onclick: step.act },
          h('span.first-mark', {}, step.done && icon('check')),
          h('span.row-words', {}, h('strong', {}, t(`first.${step.name}`)), !step.done && h('small.hint', {}, t(`first.${step.name}.hint`))),
          step.done && h('span.visually-hidden', {}, t('first.done')))))));
  };
  const look = async () => {
    const found = await people(client).catch(() => null);
    if (found) invited = found.users > 1 || found.invitations > 0;
    draw();
  };
  const closers = [store.on('flows', draw), router.on('place', () => { if (!router.place.panel && !router.place.flow && !invited) look(); })];
  draw();
  if (localStorage.getItem(key) === 'begun') place.prepend(card);
  return end;
}

async function people(client) {
  const [{ status }, invitations] = await Promise.all([
    client.whenReady(() => client.api.meta('server_status')),
    client.whenReady(() => client.api.list('list_invitations', 'invitations')),
  ]);
  return { users: status.users, invitations: invitations.length };
}
