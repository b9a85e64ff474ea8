// The accounts of the server: found, looked at, suspended, given rights, taken away.

import { h, icon, replace } from '../core/dom.js';
import { debounce } from '../core/emitter.js';
import { now } from '../core/clock.js';
import { locale, t } from '../core/i18n.js';
import { showLink } from '../invite/dialog.js';
import { shortTime, size } from '../text/times.js';
import { describe, field, form, panel } from '../views/form.js';
import { menu } from '../views/menu.js';
import { confirm, dialog, toast } from '../views/overlay.js';
import { personRow } from '../views/people.js';
import { requireNumbers } from './panel.js';
import { withPassword } from './password.js';
import { deviceName, deviceUse } from '../text/devices.js';

const MIB = 1_048_576;

export function peoplePanel(client) {
  const list = h('div.rows.accounts', { 'aria-busy': 'true' });
  let query = '';
  let users = [];
  let more = false;

  async function read(after) {
    const wanted = query;
    try {
      const { data, errors } = await client.whenReady(() => client.api.ask('list_users', { meta: { ...(wanted ? { query: wanted } : {}), ...(after ? { after } : {}) } }));
      if (wanted !== query) return;
      users = [...(after ? users : []), ...(data.meta?.users ?? [])];
      more = errors?.code === 206;
      draw();
    } catch (error) {
      replace(list, h('p.hint.centred', { role: 'alert' }, describe(error)));
    }
    list.removeAttribute('aria-busy');
  }

  function draw() {
    replace(list, users.map(row),
      users.length === 0 && h('p.hint.centred', {}, t('people.none')),
      more && h('button.row.action', { type: 'button', onclick: () => read(users.at(-1).id) }, icon('down'), t('search.more')));
  }

  function row(user) {
    const notes = [
      user.admin && t('admin.admin'), user.suspended && t('admin.suspended'), user.bot && t('admin.bot'),
      `@${user.login}`, user.seen ? t('devices.used', { time: shortTime(user.seen, now(), locale()) }) : null, size(user.used, locale()),
    ];
    const node = personRow({ uuid: user.id, login: user.login, username: user.username }, { note: notes.filter(Boolean).join(' · '), onclick: () => open(user, node) });
    return node;
  }

  /** Does something to an account and shows it as it is then. */
  async function change(user, work) {
    try {
      const found = await work();
      if (found === null) return;
      const fresh = found?.users?.[0];
      users = fresh ? users.map((one) => (one.id === user.id ? fresh : one)) : users.filter((one) => one.id !== user.id);
      draw();
    } catch (error) {
      toast(describe(error));
    }
  }

  function open(user, node) {
    const { api } = client;
    const name = user.username || user.login;
    const self = user.id === client.store.me;
    const suspend = async () => {
      if (!user.suspended && !(await confirm(t('admin.suspend.ask', { name }), { action: t('admin.suspend'), danger: true, text: t('admin.suspend.text') }))) return null;
      return api.meta('set_user', { user: user.id, suspended: !user.suspended });
    };
    const promote = () => withPassword(t(user.admin ? 'admin.demote.ask' : 'admin.promote.ask', { name }),
      { text: user.admin ? '' : t('admin.promote.text'), action: t(user.admin ? 'admin.demote' : 'admin.promote') },
      (password) => api.meta('set_user', { user: user.id, admin: !user.admin }, { password }));
    const remove = () => withPassword(t('admin.remove.ask', { name }), { text: t('admin.remove.text'), action: t('account.delete'), danger: true },
      (password) => api.meta('remove_user', { user: user.id }, { password }));
    menu(node, [
      { icon: 'pencil', label: t('admin.edit'), act: () => edit(user) },
      { icon: 'globe', label: t('devices.title'), act: () => devices(client, user, name) },
      !user.suspended && !user.bot && { icon: 'key', label: t('admin.reset'), act: () => reset(client, user, name) },
      { icon: 'crown', label: t(user.admin ? 'admin.demote' : 'admin.promote'), act: () => change(user, promote) },
      !self && { icon: 'block', label: t(user.suspended ? 'admin.resume' : 'admin.suspend'), danger: !user.suspended, act: () => change(user, suspend) },
      !self && { icon: 'trash', label: t('account.delete'), danger: true, act: () => change(user, remove) },
    ]);
  }

  function edit(user) {
    const given = user.quota === null ? '' : String(Math.round(user.quota / MIB * 1000) / 1000);
    dialog(t('admin.edit'), (close) => form(t('admin.edit'), [
      h('h2', {}, `@${user.login}`),
      field(t('profile.name'), { name: 'username', value: user.username ?? '', maxlength: '256', autofocus: true }),
      field(t('admin.quota'), { name: 'quota', type: 'number', min: '0', max: '1000000000', step: 'any', value: given }, t('admin.quota.hint', { used: size(user.used, locale()) })),
      h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button', {}, t('save'))),
    ], async ({ username, quota }, node) => {
      requireNumbers(node);
      const wish = { user: user.id };
      // What was not touched stays as it is to the byte.
      if (quota !== given) wish.quota = quota === '' ? null : Math.round(Number(quota) * MIB);
      if (username.trim() && username.trim() !== user.username) wish.username = username.trim();
      const found = await client.api.meta('set_user', wish);
      users = users.map((one) => (one.id === user.id ? found.users[0] : one));
      draw();
      close();
    }));
  }

  const search = debounce(() => read(), 250);
  read();
  return panel(t('admin.people'), [
    h('div.picker', {}, h('div.search-box', {}, icon('search'), h('input', {
      type: 'search', autocomplete: 'off', placeholder: t('people.search'), 'aria-label': t('people.search'),
      oninput: (event) => { query = event.target.value.trim(); search(); },
    }))),
    list,
  ], { back: '/admin' });
}

async function reset(client, user, name) {
  const made = await withPassword(t('admin.reset.ask', { name }), { text: t('admin.reset.text'), action: t('admin.reset') },
    (password) => client.api.meta('reset_password', { user: user.id }, { password }));
  if (made?.link) await showLink({ title: t('admin.reset.ready', { name }), text: t('admin.reset.give'), link: new URL(made.link, location.origin).href, label: t('admin.reset.link') });
}

/** Where somebody is signed in; each can be ended. */
async function devices(client, user, name) {
  const rows = h('div', {});
  const read = async () => {
    try {
      const found = await client.api.devices(user.id);
      replace(rows, found.length === 0 && h('p', {}, t('admin.devices.none')), found.map((device) => h('div.row.setting.device', {}, icon('key'),
        h('span', {}, h('bdi', {}, deviceName(device.label, t)), h('small.hint', {}, [deviceUse(device, now(), locale(), t), device.address].filter(Boolean).join(' · '))),
        !device.current && h('button.button.quiet', {
          type: 'button', 'aria-label': t('devices.end', { name: deviceName(device.label, t) }),
          onclick: async () => { await client.api.endSession(device.id).catch((error) => toast(describe(error))); read(); },
        }, t('sign.out')))));
    } catch (error) {
      replace(rows, h('p', { role: 'alert' }, describe(error)));
    }
  };
  read();
  await dialog(t('admin.devices.of', { name }), (close) => h('form.question', { onsubmit: (event) => { event.preventDefault(); close(); } },
    h('h2', { dir: 'auto' }, t('admin.devices.of', { name })), rows,
    h('div.actions', {}, h('button.button', { autofocus: true }, t('close')))));
}
