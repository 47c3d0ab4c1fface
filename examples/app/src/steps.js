// What a release is, in order; what is ticked off stays in this browser.
export const steps = [
  { id: 'build', text: 'Build the front end' },
  { id: 'assemble', text: 'Assemble the image for every platform' },
  { id: 'push', text: 'Push the version and latest' },
  { id: 'verify', text: 'Verify digest and platforms' },
  { id: 'run', text: 'Run the pod by digest' },
  { id: 'look', text: 'Look at the page' },
];

const KEY = 'release-steps';

export function load(storage) {
  try {
    const ids = JSON.parse(storage.getItem(KEY) ?? '[]');
    return new Set(ids.filter((id) => steps.some((step) => step.id === id)));
  } catch {
    return new Set();
  }
}

export function save(storage, done) {
  try {
    storage.setItem(KEY, JSON.stringify([...done]));
  } catch {
    // A browser that keeps nothing still shows the list.
  }
}

export function toggle(done, id) {
  const next = new Set(done);
  if (!next.delete(id)) next.add(id);
  return next;
}
