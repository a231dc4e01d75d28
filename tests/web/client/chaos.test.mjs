import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Api, memoryStorage, Solo } from "../../../web/client/index.js";
import { someAnswer, startServer } from "../support.mjs";
import { playToTheEnd, scoresOf, Table } from "./players.mjs";

const STEP_MS = 40_000;

/** @type {import("../support.mjs").Server} */
let server;
before(async () => void (server = await startServer({ args: ["--chaos", "0.1"] })));
after(() => server.stop());

test("a room is played to its end under chaos, over WebSockets and HTTP", { timeout: 240_000 }, async () => {
  const table = new Table(server);
  try {
    const { opened, host } = await table.host({ quizId: "mixed", count: 8, timeLimitMs: 20_000 });
    const players = [
      await table.player(opened.joinCode, "Ada"),
      await table.player(opened.joinCode, "Bob"),
      await table.player(opened.joinCode, "Cleo", { transport: "poll" }),
    ];
    await playToTheEnd(host, players, STEP_MS);
    const { told, shown } = await scoresOf(host, players);
    assert.deepEqual(shown, told);
  } finally {
    table.close();
  }
});

test("a solo game is played to its end under chaos", { timeout: 120_000 }, async () => {
  const solo = await Solo.start(new Api({ base: server.base }), { quizId: "mixed" }, { storage: memoryStorage() });
  for (const { questionId } of solo.state.open) {
    const { current } = await solo.show(questionId);
    await solo.answer(questionId, someAnswer(current.question));
  }
  const results = await solo.results();
  assert.equal(results.completed, true);
  assert.equal(results.answers.length, 14);
  assert.equal(results.totalScore, solo.state.answers.reduce((sum, { points }) => sum + points, 0));
});
