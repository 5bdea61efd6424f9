// Omni from JavaScript: fetch alone, in Node 18 or newer, Deno, Bun. Keep keys
// on a server: whoever sees a page's source sees its key.
// Needs a running gateway (omni up); OMNI_URL and OMNI_API_KEY say which.
import { randomUUID } from 'node:crypto';

const URL_ = process.env.OMNI_URL ?? 'http://127.0.0.1:8080';
const KEY = process.env.OMNI_API_KEY ?? 'demo-pro-key-67890';
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** An answer that is not a success. */
class OmniError extends Error {
  constructor(status, body) {
    super(`${body.error}: ${body.message}`);
    Object.assign(this, { status, code: body.error, requestId: body.request_id, details: body.details ?? [] });
  }
}

// Nobody knows whether calls that were answered so took effect.
const UNSURE = ['interrupted', 'storage_unavailable'];

/** Send one call; 429 and 503 are tried again after Retry-After, if that is soon. */
async function call(method, path, body, headers = {}) {
  for (let attempt = 0; ; attempt++) {
    const res = await fetch(URL_ + path, {
      method,
      headers: { 'X-API-Key': KEY, 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(300_000),
    });
    if (res.ok) return res.json();
    const error = new OmniError(res.status, await res.json());
    const retryAfter = Number(res.headers.get('Retry-After'));
    if ((res.status === 429 || res.status === 503) && retryAfter > 0 && retryAfter <= 60 && !UNSURE.includes(error.code) && attempt < 4) {
      await pause(1000 * retryAfter);
      continue;
    }
    throw error;
  }
}

// A forecast of five steps, with intervals.
const answer = await call('POST', '/predict/revenue-lstm', {
  time_series: [100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170, 165, 180, 175, 190],
  forecast_steps: 5, sequence_length: 10, level: [80, 95],
});
console.log(answer.model, answer.forecast.map((v) => v.toFixed(1)).join(' '));
console.log('95 % interval of the first step:', answer.intervals['lo-95'][0].toFixed(1), 'to', answer.intervals['hi-95'][0].toFixed(1));

// A refusal says what to change, and where.
try {
  await call('POST', '/predict/revenue-lstm', { time_series: [1, 2], sequence_length: 50 });
} catch (e) {
  console.log(e.status, e.message);
}

// Safe to send again: the same key and body get the stored answer.
const mood = await call('POST', '/sentiment/analyze', { text: 'I love it' }, { 'Idempotency-Key': randomUUID() });
console.log(mood.sentiment, mood.score.toFixed(2));

// Slow work as a job.
const job = await call('POST', '/predict/revenue-lstm', { time_series: Array.from({ length: 40 }, (_, i) => i) }, { Prefer: 'respond-async' });
let state;
do {
  await pause(200);
  state = await call('GET', `/jobs/${job.job_id}`);
} while (state.status === 'pending' || state.status === 'running');
console.log('job', state.status, state.result.forecast.length, 'steps');
