// The person's own page: profile, looks, notifications, invitations, leaving.

import { h, icon } from '../core/dom.js';
import { LANGUAGE_NAMES, chooseLanguage, chosenLanguage, t } from '../core/i18n.js';
import { notificationState, setNotifications } from '../core/notify.js';
import { router } from '../core/router.js';
import { session } from '../core/session.js';
import { chooseTheme, chosenTheme } from '../core/theme.js';
import { nameOf } from '../data/message.js';
import { toBase64 } from '../media/base64.js';
import { inviteToServer } from '../invite/dialog.js';
import { MtpError } from '../net/wire.js';
import { weakness } from '../text/passwords.js';
import { userAvatar } from './avatar.js';
import { devicesPanel } from './devices.js';
import { privacyPanel } from './privacy.js';
import { describe, field, form, panel } from './form.js';
import { confirm, dialog, toast } from './overlay.js';
import { pushSetting } from './pushsetting.js';

export function settingsPanel(client, page) {
  if (page === 'profile') return profilePanel(client);
  if (page === 'password') return passwordPanel(client);
  if (page === 'devices') return devicesPanel(client);
  if (page === 'privacy') return privacyPanel(client);
  return mainPanel(client);
}

function mainPanel(client) {
  const { store } = client;
  const me = store.users.get(store.me) ?? { uuid: store.me, login: session.current?.login };
  const action = (name, label, act, danger = false) => h('button.row.action', { type: 'button', onclick: act, class: danger ? 'danger' : '' }, icon(name), label);
  const choice = (label, name, value, options, change) => h('label.row.setting', {}, icon(name), h('span', {}, label),
    h('select', { onchange: (event) => change(event.target.value) }, options.map(([key, text]) => h('option', { value: key, selected: key === value }, text))));
  return panel(t('settings.title'), [
    h('div.hero', {}, userAvatar(me, 'xl'), h('h2', { dir: 'auto' }, nameOf(me, t)), h('p.hint', {}, me.login ? `@${me.login}` : '')),
    h('div.list-actions', {},
      action('person', t('profile.edit'), () => router.go('/settings/profile')),
      action('key', t('password.change'), () => router.go('/settings/password')),
      action('bookmark', t('saved.title'), () => openSaved(client)),
      action('shield', t('privacy.title'), () => router.go('/settings/privacy')),
      action('device', t('devices.title'), () => router.go('/settings/devices')),
      store.account?.can?.includes('invite') !== false && action('link', t('invite.make'), () => inviteToServer(client))),
    store.account?.admin && h('div.list-actions', {}, action('crown', t('admin.title'), () => router.go('/admin'))),
    h('div.list-actions', {},
      choice(t('settings.language'), 'globe', chosenLanguage() ?? '', [['', t('settings.auto')], ...Object.entries(LANGUAGE_NAMES)], async (code) => { await chooseLanguage(code); location.reload(); }),
      choice(t('settings.theme'), 'moon', chosenTheme(), [['', t('settings.auto')], ['light', t('theme.light')], ['dark', t('theme.dark')]], chooseTheme),
      notifications(), pushSetting(client)),
    h('div.list-actions', {},
      action('leave', t('sign.out'), () => signOut(client, false)),
      action('leave', t('sign.out.all'), () => signOut(client, true)),
      action('trash', t('account.delete'), () => deleteAccount(client), true)),
  ]);
}

async function openSaved(client) {
  try {
    const flow = await client.savedFlow();
    router.go(`/f/${flow.uuid}`);
  } catch (error) {
    toast(describe(error));
  }
}

function notifications() {
  const state = notificationState();
  const box = h('input', { type: 'checkbox', role: 'switch', checked: state === 'on', disabled: state === 'impossible', onchange: async () => { box.checked = await setNotifications(box.checked); } });
  return h('label.row.setting', {}, icon('bell'),
    h('span', {}, t('settings.notifications'), state === 'impossible' && h('small.hint', {}, t('notifications.impossible'))), box);
}

function profilePanel(client) {
  const { store } = client;
  const me = store.users.get(store.me) ?? { uuid: store.me };
  let avatar = null;
  const face = h('span', {}, userAvatar(me, 'xl'));
  const input = h('input.visually-hidden', {
    type: 'file', accept: 'image/*', tabindex: '-1', 'aria-hidden': 'true',
    onchange: async () => {
      const [file] = input.files;
      input.value = '';
      if (!file) return;
      const { cropPicture } = await import('./crop.js');
      const blob = await cropPicture(file).catch(() => { toast(t('avatar.unreadable')); return null; });
      if (!blob) return;
      avatar = await toBase64(blob);
      face.replaceChildren(userAvatar({ ...me, avatar: { blob } }, 'xl'));
    },
  });
  return panel(t('profile.edit'), form(t('profile.edit'), [
    h('div.hero', {}, face, input,
      h('div.actions.centred', {},
        h('button.button.quiet', { type: 'button', onclick: () => input.click() }, icon('camera'), t('avatar.choose')),
        me.avatar && h('button.button.quiet', { type: 'button', onclick: () => { avatar = ''; face.replaceChildren(userAvatar({ ...me, avatar: null }, 'xl')); } }, t('avatar.remove')))),
    field(t('profile.name'), { name: 'username', value: me.username ?? '', maxlength: '256', autocomplete: 'name', required: true }),
    field(t('profile.bio'), { name: 'bio', value: me.bio ?? '', maxlength: '1000', rows: '3' }, t('profile.bio.hint')),
    field(t('profile.email'), { name: 'email', type: 'email', value: me.email ?? '', autocomplete: 'email' }, t('profile.email.hint')),
    h('button.button.wide', {}, t('save')),
  ], async ({ username, bio, email }) => {
    const change = { username: username.trim(), bio: bio.trim() };
    // An address that was not touched is not sent: an empty one may be no address to the server.
    if (email.trim() !== (me.email ?? '')) change.email = email.trim();
    if (avatar !== null) change.avatar = avatar;
    const { user } = await client.api.editProfile(change);
    if (user) store.putUser(user);
    toast(t('saved'));
    router.back('/settings');
  }, { className: 'page-form' }), { back: '/settings' });
}

function passwordPanel(client) {
  return panel(t('password.change'), form(t('password.change'), [
    field(t('password.old'), { name: 'old', type: 'password', required: true, autocomplete: 'current-password' }),
    field(t('password.new'), { name: 'fresh', type: 'password', required: true, autocomplete: 'new-password' }, t('password.hint')),
    h('button.button.wide', {}, t('save')),
  ], async ({ old, fresh }) => {
    const weak = weakness(fresh);
    if (weak) throw new Error(t(weak));
    try {
      await client.api.changePassword(fresh, old);
    } catch (error) {
      if (error instanceof MtpError && error.code === 401) throw new Error(t('password.wrong'));
      throw error;
    }
    toast(t('password.changed'));
    router.back('/settings');
  }, { className: 'page-form' }), { back: '/settings' });
}

async function signOut(client, everywhere) {
  const waiting = client.outbox.count + client.drafts.count;
  const text = waiting > 0 ? `${t('sign.out.lost', { n: waiting })} ${t('sign.out.text')}` : t('sign.out.text');
  if (!(await confirm(t(everywhere ? 'sign.out.all.ask' : 'sign.out.ask'), { action: t('sign.out'), text }))) return;
  // What waits for a second thought is not taken back by going.
  (await import('../data/removals.js')).removalsOf(client).flush();
  // Offline, the token is at least gone from this device.
  await client.api.logout(everywhere).catch(() => {});
  session.end();
}

function deleteAccount(client) {
  dialog(t('account.delete'), (close) => form(t('account.delete'), [
    h('h2', {}, t('account.delete')), h('p', {}, t('account.delete.text')),
    field(t('sign.login'), { name: 'login', required: true, autocomplete: 'username' }),
    field(t('sign.password'), { name: 'password', type: 'password', required: true, autocomplete: 'current-password' }),
    h('div.actions', {}, h('button.button.quiet', { type: 'button', onclick: () => close() }, t('cancel')), h('button.button.danger', {}, t('account.delete'))),
  ], async ({ login, password }) => {
    try {
      await client.api.deleteAccount(login.trim(), password);
    } catch (error) {
      if (error instanceof MtpError && error.code === 401) throw new Error(t('sign.wrong'));
      throw error;
    }
    close();
    session.end();
  }));
}
