// What a device is called. The server makes "Firefox on Android" of what a browser says of itself.

/** @param {string | null | undefined} label @param {(key: string, values?: Record<string, unknown>) => string} t */
export function deviceName(label, t) {
  if (!label) return t('devices.unnamed');
  const made = /^(\w+) on (iPhone|iPad|Android|Windows|macOS|ChromeOS|FreeBSD|Linux)$/.exec(label);
  return made ? t('devices.on', { program: made[1], system: made[2] }) : label;
}
