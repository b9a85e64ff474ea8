// The devices that are signed in: seen, signed out, and one more signed in by a code.

import { now } from '../core/clock.js';
import { h, icon, replace } from '../core/dom.js';
import { locale, t } from '../core/i18n.js';
import { describe, panel } from './form.js';
import { showLink } from '../invite/dialog.js';
import { confirm, toast } from './overlay.js';
import { deviceName, deviceUse } from '../text/devices.js';

export function devicesPanel(client) {
  const list = h('div.list-actions', { 'aria-busy': 'true' });
  const show = async () => {
    try {
      const devices = await client.whenReady(() => client.api.devices());
      replace(list, devices.map((device) => row(client, device, show)));
    } catch (error) {
      replace(list, h('p.hint.centred', { role: 'alert' }, describe(error)));
    }
    list.removeAttribute('aria-busy');
  };
  show();
  return panel(t('devices.title'), [
    h('div.list-actions', {}, h('button.row.action', { type: 'button', onclick: () => link(client) }, icon('plus'), t('devices.add'))),
    list,
  ], { back: '/settings' });
}

function row(client, device, changed) {
  const name = deviceName(device.label, t);
  const used = device.current ? t('devices.this') : deviceUse(device, now(), locale(), t);
  const details = [used, device.address].filter(Boolean).join(' · ');
  const end = async () => {
    if (!(await confirm(t('devices.end.ask', { name }), { action: t('sign.out') }))) return;
    await client.api.endSession(device.id).catch((error) => toast(describe(error)));
    changed();
  };
  return h('div.row.setting.device', {}, icon('key'),
    h('span', {}, h('bdi', {}, name), h('small.hint', {}, details)),
    !device.current && h('button.button.quiet', { type: 'button', 'aria-label': t('devices.end', { name }), onclick: end }, t('sign.out')));
}

/** Shows the link that signs another device in; it is good for two minutes. */
async function link(client) {
  let made;
  try {
    made = await client.api.linkDevice();
  } catch (error) {
    toast(describe(error));
    return;
  }
  await showLink({ title: t('devices.add'), text: t('devices.add.text'), link: `${location.origin}/#/link/${made.code}`, label: t('devices.link') });
}
