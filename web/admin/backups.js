/** The backups: the last one, the one that is being made, and a button for the next. A server without them has no such card. */
import { html, useEffect, useState } from "../vendor/preact.js";
import { useAnnounced } from "../ui/live.js";
import { Bar } from "../ui/pieces.js";
import { number, t } from "../ui/text.js";
import { call, ticks } from "./server.js";
import { date, size } from "./words.js";

/**
 * What became of the backups since the server started. Dates are in ms since 1970.
 * @typedef {object} Report
 * @property {{file: string, bytes: number, games: number, leftOut: number, takenAt: any} | null} last
 * @property {{at: any, why: string} | null} failure
 * @property {{rows: number, of: number} | null} running
 */

export function Backups() {
  const [report, setReport] = useState(/** @type {Report | null} */ (null));
  const [isThere, setThere] = useState(true);
  const [said, setSaid] = useState({ text: "", isBad: false });
  const [isMaking, setMaking] = useState(false);
  useAnnounced(said.isBad ? null : said.text);
  useEffect(() => {
    if (!isThere) return;
    let isCurrent = true;
    call("backups").then(
      (next) => isCurrent && setReport(next),
      ({ status }) => isCurrent && setThere(status !== 404),
    );
    return () => {
      isCurrent = false;
    };
  }, [ticks.value]);
  const make = async () => {
    setMaking(true);
    setSaid({ text: "", isBad: false });
    try {
      // A large file takes longer than other calls.
      const { file, bytes, games } = await call("backups", "POST", AbortSignal.timeout(3_600_000));
      setSaid({ text: t("backup.done", { file, size: size(bytes), count: games }), isBad: false });
    } catch (problem) {
      const { status, detail } = /** @type {import("./server.js").Refused} */ (problem);
      setSaid({ text: status === 0 ? t("problem.away") : detail || t("problem.other"), isBad: true });
    }
    setMaking(false);
  };
  if (!report) return null;
  const { last, failure, running } = report;
  const isBusy = isMaking || running !== null;
  return html`<section class="card stack"><h2>${t("backup.title")}</h2>
    ${last ? html`<p>${t("backup.last", { date: date(last.takenAt), size: size(last.bytes), count: last.games })} <code>${last.file}</code></p>` : html`<p class="muted">${t("backup.none")}</p>`}
    ${last && last.leftOut > 0 ? html`<p class="note bad">${t("backup.leftOut", { count: last.leftOut })}</p>` : null}
    ${failure ? html`<p class="note bad">${t("backup.failed", { date: date(failure.at), why: failure.why })}</p>` : null}
    ${running ? html`<p class="small">${t("backup.running", { rows: number(running.rows), of: number(running.of) })}</p><${Bar} share=${running.of > 0 ? Math.min(1, running.rows / running.of) : 0} />` : null}
    ${said.text ? html`<p class=${said.isBad ? "fault" : "note good"} role=${said.isBad ? "alert" : undefined}>${said.text}</p>` : null}
    <div><button class="button quiet compact" aria-disabled=${isBusy ? "true" : undefined} onClick=${isBusy ? undefined : make}>${t(isBusy ? "backup.busy" : "backup.make")}</button></div>
  </section>`;
}
