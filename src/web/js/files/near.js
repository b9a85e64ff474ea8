// What is to be done when something comes near to what one sees: files are not fetched before.

/** What is so far from what one sees is not fetched yet. */
const NEAR = '1200px 0px';

const wishes = new WeakMap();
const watch = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watch.unobserve(target);
    wishes.get(target)?.();
    wishes.delete(target);
  }
}, { rootMargin: NEAR, scrollMargin: NEAR });

/** Does `work` once, when `element` comes near. */
export function whenNear(element, work) {
  wishes.set(element, work);
  watch.observe(element);
}
