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
  smile: 'M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M8.300 14.300c1.700 2.600 5.700 2.600 7.400 0M9 9.500v.01M15 9.500v.01',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  clock: 'M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16M12 8v4.300l2.700 1.700',
  alert: 'M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16M12 8v5M12 16v.01',
  person: 'M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8M4.500 20.500c.8-4 4-6 7.500-6s6.700 2 7.500 6',
  people: 'M9 5a3.500 3.500 0 1 0 0 7a3.500 3.500 0 0 0 0-7M2.500 19.500c.6-3.500 3.300-5 6.500-5s5.900 1.500 6.500 5M15.500 5.300a3.500 3.500 0 0 1 0 6.500M18 15c2 .7 3.200 2.200 3.600 4.500',
  channel: 'M4 10v4h3l8 4.500v-13L7 10zM18.500 9.500c1.300 1.400 1.300 3.600 0 5M7.500 14l1.500 5.500',
  key: 'M8 11a4 4 0 1 0 .01 8a4 4 0 0 0 0-8M11 12l8-8M16 7l2.500 2.500M13.500 9.500l2 2',
  pin: 'M9 4h6l-1 6l3 3.500H7l3-3.500zM12 13.500V20',
  mute: 'M6 16.500V11a6 6 0 0 1 9-5.200M18 11v5.500l1.500 1.500h-14M10 20.500h4M4 4l16 16',
  bookmark: 'M7 4h10v16l-5-4l-5 4z',
};

/** Adds the shapes that the first page does without. */
export function addShapes(shapes) {
  Object.assign(SHAPES, shapes);
}

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
