// Two instances over one Valkey, and a load balancer before them.
import test from "node:test";
import { Network, startServer, startValkey } from "../support.mjs";
import { asked, choose, gathered, isTaken, revealed, Scene, scoresAgree, step, tiles } from "./scene.mjs";

test("an instance is killed in mid-question: its players go on at the other one, with the right scores", async (t) => {
  const valkey = await startValkey();
  t.after(() => valkey.stop());
  const args = ["--store", "valkey", "--valkey-url", valkey.url];
  const other = await startServer({ args });
  t.after(() => other.stop());
  const scene = await Scene.set(t, { args });
  const target = { port: scene.server.port };
  const balancer = await new Network(target).start();
  t.after(() => balancer.stop());

  // The host and Ada are at the instance that dies, Bo is at the one that stays.
  const table = await gathered(scene, ["Ada", "Bo"], { base: balancer.base, bases: [balancer.base, other.base] });
  const [ada, bo] = table.phones;
  await step(table.host, "Start");
  await asked(ada, 1);
  await asked(bo, 1);
  await scene.server.kill();
  await tiles(ada).first().click();
  await ada.getByText("Connection lost, answer kept").waitFor();
  target.port = other.port;
  await isTaken(ada);
  for (let n = 1; n <= 3; n++) {
    if (n > 1) {
      await asked(ada, n);
      await choose(ada, 0);
      await asked(bo, n);
    }
    await choose(bo, 1);
    await revealed(ada);
    await revealed(bo);
    if (n < 3) await step(table.host, "Ranking");
    await step(table.host, n < 3 ? "Next question" : "To the podium");
  }
  await scoresAgree(scene, table, other.base);
});
