// Style sheets that the first page does without.

const loaded = new Map();

/** Resolves when the sheet of this name is in effect. */
export function sheet(name) {
  if (!loaded.has(name)) {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL(`../../css/${name}.css`, import.meta.url).href;
    loaded.set(name, new Promise((resolve) => { link.onload = resolve; link.onerror = resolve; }));
    document.head.append(link);
  }
  return loaded.get(name);
}
