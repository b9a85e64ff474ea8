// Some modules that can be tested without a page also speak to one; while they load, this is all they touch.

globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
globalThis.location ??= { hash: '', pathname: '/', protocol: 'http:', host: 'localhost' };
globalThis.localStorage ??= { getItem: () => null, setItem() {}, removeItem() {} };
