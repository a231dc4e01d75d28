import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Api, memoryStorage, Solo } from "../../../web/client/index.js";
import { someAnswer, startServer, stateOf } from "../support.mjs";

/** @type {import("../support.mjs").Server} */
let server;
/** @type {Api} */
let api;
before(async () => {
  server = await startServer();
  api = new Api({ base: server.base });
});
after(() => server.stop());

/** @param {Solo} solo @param {number} [most] */
async function play(solo, most = Infinity) {
  for (const { questionId } of solo.state.open.slice(0, most)) {
    const { current } = await solo.show(questionId);
    assert.equal(current.question.questionId, questionId);
    const verdict = await solo.answer(questionId, someAnswer(current.question));
    assert.equal(verdict.questionId, questionId);
    assert.equal(solo.state.verdict.questionId, questionId);
  }
}

test("a whole game, every kind of question", async () => {
  const solo = await Solo.start(api, { quizId: "mixed" }, { storage: memoryStorage() });
  assert.equal(solo.state.questionCount, 14);
  await play(solo);
  assert.equal(solo.state.status, "finished");
  const results = await solo.results();
  assert.equal(results.completed, true);
  assert.equal(results.totalScore, solo.state.totalScore);
  assert.equal(solo.state.answers.length, 14);
  const wrong = solo.state.answers.filter(({ correct }) => correct === false).length;
  const again = await solo.again({ wrongOnly: true });
  assert.equal(again.state.questionCount, wrong);
  assert.equal((await solo.again()).state.questionCount, 14);
});

test("a reloaded page goes on where it was, with the answer that had no reply", async () => {
  const storage = memoryStorage();
  const first = await Solo.start(api, { quizId: "space", count: 3 }, { storage });
  await play(first, 1);
  const [{ questionId }] = first.state.open;
  const shown = await first.show(questionId);
  const { sessionId } = first.state;

  const second = new Solo({ base: server.base, sessionId, storage });
  assert.equal(second.state.status, "loading");
  await second.load();
  assert.deepEqual(second.state.current, shown.current);
  assert.equal(second.state.answers.length, 1);
  assert.equal(second.state.open.length, 2);

  storage.set(`rejoin.solo.${sessionId}.answer`, { questionId, fields: { optionId: null } });
  const third = new Solo({ base: server.base, sessionId, storage });
  await third.load();
  assert.equal(third.state.verdict.questionId, questionId);
  assert.equal(third.state.answers.length, 2);

  // The other page doesn't know yet, and answers otherwise: the first answer counts.
  const told = await second.answer(questionId, { optionId: shown.current.question.options[0].optionId });
  assert.equal(told.optionId, null);

  await third.show(third.state.open[0].questionId);
  await third.answer(third.state.open[0].questionId, { optionId: null });
  const fourth = new Solo({ base: server.base, sessionId, storage });
  assert.equal((await fourth.load()).status, "finished");
  await fourth.giveUp();
  assert.equal(fourth.state.status, "gone");
  assert.equal((await second.load()).status, "gone");
});

test("an answer outlives a server that is killed", async () => {
  const solo = await Solo.start(api, { quizId: "space", count: 2 }, { storage: memoryStorage() });
  const [{ questionId }] = solo.state.open;
  const { current } = await solo.show(questionId);
  await server.kill();
  const [answer, same] = [0, 1].map(() => solo.answer(questionId, someAnswer(current.question)));
  assert.equal(answer, same);
  await stateOf(solo, "it waits", ({ connection, retryAt }) => connection === "waiting" && retryAt > 0);
  await server.start();
  assert.equal((await answer).questionId, questionId);
  assert.equal(solo.state.connection, "live");
  assert.equal(solo.state.answers.length, 1);
});

test("own questions, with a limit, and again those that were wrong", async () => {
  const options = [1, 2].map((optionId) => ({ optionId, text: `${optionId}` }));
  const question = (questionId) => ({ questionId, text: "?", options, correctOptionId: 2, timeLimitMs: 60_000 });
  const solo = await Solo.start(api, { questions: [question("q1"), question("q2")] }, { storage: memoryStorage() });
  const { current } = await solo.show("q1");
  assert.equal(current.closesAtMs - current.openedAtMs, 60_000);
  assert.ok(Math.abs(solo.now() - current.openedAtMs) < 5_000);
  assert.equal((await solo.answer("q1", { optionId: 2 })).correct, true);
  await solo.show("q2");
  assert.equal((await solo.answer("q2", { optionId: 1 })).correct, false);
  const again = await solo.again({ wrongOnly: true });
  assert.deepEqual(again.state.open.map(({ questionId }) => questionId), ["q2"]);
});

test("what is refused is told", async () => {
  const refused = await Solo.start(api, { quizId: "none" }).catch((problem) => problem);
  assert.equal(refused.code, "quiz-not-found");
  const gone = new Solo({ base: server.base, sessionId: "01a219e0-f146-7ce2-8e87-4616ac091e5d", storage: memoryStorage() });
  assert.equal((await gone.load()).status, "gone");
});
