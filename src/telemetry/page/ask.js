// Asks weir, and says when it does not answer.

const limitMs = 8000;

/** Throws when there is no answer, or another one than 200. */
export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(limitMs), cache: 'no-store' });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `HTTP ${answer.status}`);
  return answer;
}

export async function askJson(path) {
  return (await ask(path)).json();
}

/** Calls `work` every `everyMs()` while the page is seen, one at a time; `now()` does it at once. */
export function createPoll(everyMs, work) {
  let timer;
  let running = false;
  let isAsked = false;

  async function turn() {
    clearTimeout(timer);
    if (running) {
      isAsked = true;
      return;
    }
    running = true;
    try {
      await work();
    } finally {
      running = false;
    }
    if (isAsked) {
      isAsked = false;
      void turn();
    } else if (!document.hidden) timer = setTimeout(turn, everyMs());
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void turn();
  });
  return { now: turn };
}
