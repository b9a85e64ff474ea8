// Building the page from nodes. There is no way here to parse a string as markup, on purpose.

/**
 * h('button.round', {onclick, 'aria-label': 'x'}, child, …): properties that begin with "on" are
 * listeners, booleans switch attributes, everything else is an attribute; children are nodes, texts,
 * arrays of these, or nothing.
 */
export function h(name, props, ...children) {
  const [tag, ...classes] = name.split('.');
  const node = document.createElement(tag);
  if (classes.length > 0) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'value') node.value = value;
    else if (key === 'class') node.className += ` ${value}`;
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child);
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** Makes `parent` hold exactly `nodes` in this order, moving as few as possible. */
export function arrange(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) { at = at.nextSibling; continue; }
    parent.insertBefore(node, at);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

// Outlines on a 24 × 24 grid, drawn for this client.
const SHAPES = {
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16.2 16.2L21 21',
  more: 'M12 5.5v.01M12 12v.01M12 18.5v.01',
  menu: 'M4 7h16M4 12h16M4 17h16',
  pencil: 'M4 20l1-4.5L16.5 4a1.8 1.8 0 0 1 2.6 0l.9.9a1.8 1.8 0 0 1 0 2.6L8.500 19L4 20M14.500 6l3.500 3.500',
  send: 'M4 11.500L20 4l-5 16l-4-6.500zM11 13.500L20 4',
  clip: 'M20 11.500l-8 8a5 5 0 0 1-7-7l8.500-8.500a3.400 3.400 0 0 1 4.800 4.800L10 17a1.700 1.700 0 0 1-2.400-2.400l7.400-7.400',
  camera: 'M4 8h3.500l1.500-2.500h6L16.500 8H20v11H4zM12 10a3.300 3.300 0 1 0 0 6.600a3.300 3.300 0 0 0 0-6.600',
  smile: 'M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8.300 14.300c1.700 2.600 5.700 2.600 7.400 0M9 9.500v.01M15 9.500v.01',
  down: 'M6 10l6 6 6-6',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  clock: 'M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16M12 8v4.300l2.700 1.700',
  alert: 'M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16M12 8v5M12 16v.01',
  person: 'M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8M4.500 20.500c.8-4 4-6 7.500-6s6.700 2 7.500 6',
  people: 'M9 5a3.500 3.500 0 1 0 0 7a3.500 3.500 0 0 0 0-7M2.500 19.500c.6-3.500 3.300-5 6.500-5s5.900 1.500 6.500 5M15.500 5.300a3.500 3.500 0 0 1 0 6.500M18 15c2 .7 3.200 2.200 3.600 4.500',
  channel: 'M4 10v4h3l8 4.500v-13L7 10zM18.500 9.500c1.300 1.400 1.300 3.600 0 5M7.500 14l1.500 5.500',
  file: 'M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500',
  download: 'M12 4v11M7 10.500l5 5 5-5M5 20h14',
  trash: 'M5 7h14M9.500 7V4.500h5V7M7 7l.8 13h8.400L17 7M10.300 11v5.500M13.700 11v5.500',
  copy: 'M8.500 8.500h11v11h-11zM15.500 8.500v-4h-11v11h4',
  leave: 'M13 5H6v14h7M10.500 12H20M16.500 8.500L20 12l-3.500 3.500',
  key: 'M8 11a4 4 0 1 0 .01 8a4 4 0 0 0 0-8M11 12l8-8M16 7l2.500 2.500M13.500 9.500l2 2',
  bell: 'M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15zM10 20.500h4',
  globe: 'M12 3.500a8.500 8.500 0 1 0 0 17a8.500 8.500 0 0 0 0-17M3.500 12h17M12 3.500c-6 5-6 12 0 17c6-5 6-12 0-17',
  moon: 'M19.500 14A8 8 0 1 1 10 4.500a6.500 6.500 0 0 0 9.500 9.500z',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500',
  crown: 'M4 17.500L3 8l5 4 4-7 4 7 5-4-1 9.500z',
  plus: 'M12 5v14M5 12h14',
  play: 'M8 5l11 7l-11 7z',
  pause: 'M8 5v14M16 5v14',
  reply: 'M10 6l-6 5.500l6 5.500v-3.500c5 0 8 1.500 10 4.500c-.500-6-4-9.500-10-9.500z',
  forward: 'M14 6l6 5.500l-6 5.500v-3.500c-5 0-8 1.500-10 4.500c.500-6 4-9.500 10-9.500z',
  shield: 'M12 3.500l7 2.500v6c0 4.500-3 7-7 8.500c-4-1.500-7-4-7-8.500V6z',
  block: 'M12 3.500a8.500 8.500 0 1 0 0 17a8.500 8.500 0 0 0 0-17M6 6l12 12',
  filter: 'M4 6h16M7 12h10M10 18h4',
  bookmark: 'M7 4h10v16l-5-4l-5 4z',
  picture: 'M4 5h16v14H4zM4 16l4.500-4.500 3.500 3.500 3-3 5 4.500M15.500 9v.01',
};

/** An icon; hidden from screen readers, so the button around it carries the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', `icon icon-${name}`);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', SHAPES[name]);
  svg.append(path);
  return svg;
}

/** A round button that shows an icon and says `label`. */
export function iconButton(name, label, onclick, props = {}) {
  return h('button.icon-button', { type: 'button', 'aria-label': label, title: label, onclick, ...props }, icon(name));
}
