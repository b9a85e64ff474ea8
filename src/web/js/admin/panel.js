// Administration: how the server is doing, and the ways to people, invitations, conversations,
// backups, the check and what was done. Only for administrators; the server refuses everybody else.

import { h, icon, replace } from '../core/dom.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { router } from '../core/router.js';
import { fullTime, size, span } from '../text/times.js';
import { describe, panel } from '../views/form.js';
import { confirm, toast } from '../views/overlay.js';

const PAGES = {
  people: async (client) => (await import('./people.js')).peoplePanel(client),
  invitations: async (client) => (await import('./invitations.js')).invitationsPanel(client),
  conversations: async (client) => (await import('./conversations.js')).conversationsPanel(client),
  backups: async (client) => (await import('./backups.js')).backupsPanel(client),
  check: async (client) => (await import('./check.js')).checkPanel(client),
  audit: async (client) => (await import('./audit.js')).auditPanel(client),
};

export function adminPanel(client, page) {
  return PAGES[page] ? PAGES[page](client) : mainPanel(client);
}

function mainPanel(client) {
  const status = h('div', { 'aria-busy': 'true' });
  const registration = h('div.list-actions', {});
  const way = (page, name) => h('button.row.action', { type: 'button', onclick: () => router.go(`/admin/${page}`) }, icon(name), t(`admin.${page}`));
  fill(status, async () => statusFacts((await client.api.meta('server_status')).status));
  fill(registration, async () => registrationRow(client, (await client.api.meta('registration')).mode));
  return panel(t('admin.title'), [
    h('div.list-actions', {}, way('people', 'people'), way('invitations', 'link'), way('conversations', 'channel'), way('backups', 'download'), way('check', 'check'), way('audit', 'clock')),
    registration,
    h('h2.section-title', {}, t('admin.status')), status,
  ], { back: '/settings' });
}

/** Fails where a field of a form asks for a number and has none, or one that is out of bounds. */
export function requireNumbers(form) {
  const wrong = [...form.elements].find((one) => one.type === 'number' && !one.validity.valid);
  if (!wrong) return;
  wrong.focus();
  const { validity, min, max } = wrong;
  const key = validity.rangeUnderflow ? 'least' : validity.rangeOverflow ? 'most' : 'whole';
  throw new Error(t(`admin.number.${key}`, { min, max }));
}

/** Puts into `node` what `work` gives, or why it cannot. */
export async function fill(node, work) {
  try {
    replace(node, await work());
  } catch (error) {
    replace(node, h('p.hint.centred', { role: 'alert' }, describe(error)));
  }
  node.removeAttribute('aria-busy');
}

function registrationRow(client, mode) {
  const select = h('select', {
    onchange: async () => {
      const wanted = select.value;
      if (wanted === 'open' && !(await confirm(t('admin.registration.open.ask'), { action: t('yes'), text: t('admin.registration.open.text') }))) { select.value = mode; return; }
      try {
        mode = (await client.api.meta('registration', { mode: wanted })).mode;
      } catch (error) {
        toast(describe(error));
      }
      select.value = mode;
    },
  }, ['open', 'invite', 'closed'].map((one) => h('option', { value: one, selected: one === mode }, t(`admin.registration.${one}`))));
  return h('label.row.setting', {}, icon('key'), h('span', {}, t('admin.registration'), h('small.hint', {}, t('admin.registration.hint'))), select);
}

function statusFacts(status) {
  const language = locale();
  const number = (value) => new Intl.NumberFormat(language).format(value);
  const backup = status.backup ? fullTime(status.backup, language) : t('admin.backup.never');
  const rows = [
    ['admin.status.version', status.version],
    ['admin.status.uptime', span(status.uptime, language)],
    ['admin.status.online', t('admin.status.online.value', { n: number(status.online), connections: number(status.connections) })],
    ['admin.status.users', t('admin.status.users.value', { n: number(status.users), sessions: number(status.sessions) })],
    ['admin.status.messages', t('admin.status.messages.value', { n: number(status.messages), flows: number(status.flows), files: number(status.files) })],
    ['admin.status.size', size(status.size + status.log, language)],
    ['admin.status.free', status.free === null ? null : size(status.free, language)],
    ['admin.status.backup', backup],
    ['admin.status.backup.failed', status.backup_failed ? fullTime(status.backup_failed, language) : null],
  ].filter(([, value]) => value !== null && value !== undefined);
  const overdue = status.backup_interval > 0 && (!status.backup || now() - status.backup > 2 * status.backup_interval);
  return h('dl.facts', {}, rows.map(([key, value]) => h('div', { class: (key === 'admin.status.backup' && overdue) || key.endsWith('failed') ? 'warning' : '' }, h('dt', {}, t(key)), h('dd', {}, value))));
}
