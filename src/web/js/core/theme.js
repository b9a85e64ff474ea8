// Light or dark: the device's choice unless the person made one.

const KEY = 'morelia.theme';

export function chosenTheme() {
  return localStorage.getItem(KEY) ?? '';
}

export function chooseTheme(theme) {
  if (theme) localStorage.setItem(KEY, theme); else localStorage.removeItem(KEY);
  startTheme();
}

export function startTheme() {
  const theme = chosenTheme();
  if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
}
