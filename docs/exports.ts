// Exports of exportapp for a browser. Whatever breaks on the way is tried again with exponential
// back-off and full jitter, and nothing is done twice.

export interface Progress {
  percent: number;
  rows_done: number;
  rows_total: number;
  seconds_left: number | null;
}

export interface Export {
  id: string;
  state: string;
  state_label: string;
  finished_at: string | null;
  progress: Progress;
  links: { self: string; events_stream: string } & Record<
    "pause" | "resume" | "cancel" | "download",
    string | null
  >;
}

/** What server-sent events tell of an export. */
export type News = Pick<Export, "state" | "state_label" | "progress">;

const LATER = [408, 429, 502, 503, 504];
const TRIES = 8;

const sleep = (seconds: number) => new Promise((done) => setTimeout(done, 1000 * seconds));
const backOff = (tries: number) => sleep(Math.random() * Math.min(30, 0.5 * 2 ** tries));

/** As fetch, until the server answers with something else than "later". */
async function reach(url: string, init?: RequestInit): Promise<Response> {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await fetch(url, init);
      if (!LATER.includes(answer.status) || tries > TRIES) return answer;
      await sleep(Number(answer.headers.get("Retry-After")) || 0);
    } catch (error) {
      if (tries > TRIES) throw error;
    }
    await backOff(tries);
  }
}

async function exportOf(answer: Response): Promise<Export> {
  const body = await answer.json();
  if (answer.ok) return body;
  throw new Error(`${answer.status} ${body.title}: ${body.detail}`, { cause: body });
}

function isOver({ finished_at, links }: Export): boolean {
  return Boolean(finished_at || links.download || (links.resume && !links.cancel));
}

/** Ask for an export; `api` is "/api/", `body` that of the docs. */
export async function ask(api: string, body: object, csrfToken: string): Promise<Export> {
  const headers = {
    "Content-Type": "application/json",
    "Idempotency-Key": crypto.randomUUID(),
    "X-CSRFToken": csrfToken,
  };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return exportOf(await reach(`${api}exports/`, init));
}

/** The export when nothing more comes; `show` is called whenever it has changed. */
export async function poll(found: Export, show: (now: News) => void): Promise<Export> {
  for (let etag = ""; ; ) {
    const headers: HeadersInit = etag ? { "If-None-Match": etag } : {};
    const answer = await reach(found.links.self, { headers, cache: "no-store" });
    if (answer.status !== 304) {
      found = await exportOf(answer);
      etag = answer.headers.get("ETag") ?? "";
      show(found);
    }
    if (isOver(found)) return found;
    await sleep(Number(answer.headers.get("Retry-After")) || 2);
  }
}

/** As `poll`, by server-sent events where the server has a place for them. */
export async function follow(found: Export, show: (now: News) => void): Promise<Export> {
  await new Promise<void>((done) => {
    const events = new EventSource(found.links.events_stream);
    const end = () => {
      events.close();
      done();
    };
    events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
    events.addEventListener("end", end);
    // After a break it comes back by itself, with the last id; here it has given up.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) end();
    });
  });
  return poll(found, show);
}

/** Into memory, going on where it broke. */
export async function download(url: string): Promise<Blob> {
  let parts: BlobPart[] = [];
  let have = 0;
  let etag = "";
  for (let tries = 0; ; tries++) {
    const headers: HeadersInit = have ? { Range: `bytes=${have}-`, "If-Range": etag } : {};
    const answer = await reach(url, { headers });
    if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${answer.statusText}`);
    if (answer.status !== 206) {
      parts = [];
      have = 0;
    }
    etag = answer.headers.get("ETag") ?? "";
    try {
      const reader = answer.body.getReader();
      for (let piece; !(piece = await reader.read()).done; tries = 0) {
        parts.push(piece.value);
        have += piece.value.length;
      }
      return new Blob(parts);
    } catch (error) {
      if (tries > TRIES) throw error;
      await backOff(tries);
    }
  }
}
