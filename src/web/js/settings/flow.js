// One's own settings of a conversation: muted, heard of only when one is called, archived, pinned to
// the top, marked unread.

import { t } from '../core/i18n.js';
import { describe } from '../views/form.js';
import { menu } from '../views/menu.js';
import { toast } from '../views/overlay.js';

const HOUR = 3_600;

/** Changes the settings at once, and on the server; what it refuses is put back. */
export async function setFlow(client, flow, change) {
  const { store } = client;
  const before = flow.settings;
  store.putSettings(flow.uuid, { ...before, ...change });
  try {
    const { meta } = await client.whenReady(async () => {
      // Reading takes the mark "unread" away: what was read before goes first.
      await client.flushMarks();
      return client.api.inFlow('flow_settings', flow.uuid, { settings: change });
    });
    if (meta?.settings?.[flow.uuid]) store.putSettings(flow.uuid, meta.settings[flow.uuid]);
  } catch (error) {
    store.putSettings(flow.uuid, before);
    toast(describe(error));
  }
}

/** What can be done with a conversation from the list. */
export function flowItems(client, flow) {
  const { store } = client;
  const { settings } = flow;
  const set = (change) => () => setFlow(client, flow, change);
  const read = () => { if (flow.history.count > 0) client.markRead(flow.uuid, flow.history.count - 1); if (settings.unread) setFlow(client, flow, { unread: false }); };
  const unread = flow.unread > 0 || settings.unread;
  return [
    { icon: unread ? 'check' : 'bell', label: t(unread ? 'flow.read' : 'flow.unread'), act: unread ? read : set({ unread: true }) },
    { icon: 'pin', label: t(settings.pinned ? 'flow.unpin' : 'flow.pin'), act: set({ pinned: settings.pinned ? 0 : 1 }) },
    store.isMuted(flow)
      ? { icon: 'bell', label: t('flow.unmute'), act: set({ muted_until: 0 }) }
      : { icon: 'mute', label: t('flow.mute'), act: () => askMute(client, flow) },
    { icon: 'archive', label: t(settings.archived ? 'flow.unarchive' : 'flow.archive'), act: set({ archived: !settings.archived }) },
  ];
}

/** For how long? */
export function askMute(client, flow, anchor = { x: innerWidth / 2 - 100, y: innerHeight / 3 }) {
  const until = (hours) => Math.floor(Date.now() / 1000) + hours * HOUR;
  const item = (key, value) => ({ icon: 'mute', label: t(key), act: () => setFlow(client, flow, { muted_until: value() }) });
  // The menu that led here closes first.
  setTimeout(() => menu(anchor, [
    flow.type === 'group' && !flow.saved && !flow.settings.mentions_only && { icon: 'mention', label: t('flow.mentions'), act: () => setFlow(client, flow, { mentions_only: true }) },
    item('mute.hour', () => until(1)), item('mute.night', () => until(8)), item('mute.week', () => until(168)), item('mute.always', () => -1)]));
}
