// What a device is called, and when it was used. The server makes "Firefox on Android" of what a browser says of itself.

import { shortTime } from './times.js';

/** @param {string | null | undefined} label @param {(key: string, values?: Record<string, unknown>) => string} t */
export function deviceName(label, t) {
  if (!label) return t('devices.unnamed');
  const made = /^(\w+) on (iPhone|iPad|Android|Windows|macOS|ChromeOS|FreeBSD|Linux)$/.exec(label);
  return made ? t('devices.on', { program: made[1], system: made[2] }) : label;
}

/**
 * @param {{ used: number, online?: boolean }} device @param {number} now @param {string} language
 * @param {(key: string, values?: Record<string, unknown>) => string} t
 */
export function deviceUse(device, now, language, t) {
  return device.online ? t('devices.now') : t('devices.used', { time: shortTime(device.used, now, language) });
}
