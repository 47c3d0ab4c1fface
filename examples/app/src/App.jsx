import { useEffect, useState } from 'react';
import { load, save, steps, toggle } from './steps.js';

function Served() {
  const [by, setBy] = useState('');
  useEffect(() => {
    fetch(window.location.href, { method: 'HEAD' })
      .then((reply) => setBy(reply.headers.get('server') ?? ''))
      .catch(() => setBy(''));
  }, []);
  return by ? <p>Served by {by}</p> : null;
}

export function App() {
  const [done, setDone] = useState(() => load(window.localStorage));
  useEffect(() => save(window.localStorage, done), [done]);
  const left = steps.length - done.size;
  return (
    <main>
      <h1>
        {APP.name} <small>{APP.version}</small>
      </h1>
      <ol>
        {steps.map((step) => (
          <li key={step.id}>
            <label>
              <input
                type="checkbox"
                checked={done.has(step.id)}
                onChange={() => setDone(toggle(done, step.id))}
              />
              {step.text}
            </label>
          </li>
        ))}
      </ol>
      <p aria-live="polite">{left ? `${left} of ${steps.length} to go` : 'Released.'}</p>
      <Served />
    </main>
  );
}
