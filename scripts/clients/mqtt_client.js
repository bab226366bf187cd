// npm's mqtt as an integration of the embedded broker: what its certificate lets it
// do, what it does not, and that it comes back after its line was cut.
//
// usage: mqtt_client.js PORT FOLDER-OF-A-READER FOLDER-OF-A-COMMANDER
"use strict";
const fs = require("fs");
const assert = require("assert");
const mqtt = require("mqtt");

const [port, reader, commander] = process.argv.slice(2);
const device = "dunlin/v1/press-7";
const within = (what, promise, ms = 60000) =>
  Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error("not within " + ms + " ms: " + what)), ms).unref())]);

function connect(folder, id, more = {}) {
  const read = (name) => fs.readFileSync(`${folder}/${name}.pem`);
  return mqtt.connectAsync({ host: "127.0.0.1", port: Number(port), protocol: "mqtts", protocolVersion: 4, clientId: id, clean: true, reconnectPeriod: 500,
    ca: read("ca"), cert: read("cert"), key: read("key"), ...more }, false);
}

function next(client, fits) {
  return new Promise((yes) => {
    const hear = (topic, payload, packet) => {
      if (!fits(topic, payload, packet)) return;
      client.off("message", hear);
      yes(payload);
    };
    client.on("message", hear);
  });
}

const refused = async (what, promise) => {
  await assert.rejects(within(what, promise, 20000), (e) => !/not within/.test(e.message), what);
};

async function main() {
  const flow = await within("a reader connects", connect(reader, "flow_1"));
  const report = next(flow, (topic) => topic === device + "/reported");
  const chunk = next(flow, (topic) => topic === device + "/up");
  await flow.subscribeAsync(["dunlin/v1/+/reported", "dunlin/v1/+/up"], { qos: 1 });
  const told = JSON.parse(await within("a report", report));
  assert.equal(told.pipelines[0].bundle, "machine");
  const data = await within("a chunk", chunk);
  assert.equal(data[0] >> 5, 5, "a chunk is a map of CBOR"); // major type 5
  for (const filter of ["#", "dunlin/#", "dunlin/v1/+/cmd", device + "/desired", "$SYS/#"]) {
    await refused("subscribe to " + filter, flow.subscribeAsync(filter).then((granted) => {
      if (granted.every((g) => g.qos === 128)) throw new Error("refused");
    }));
  }

  const scada = await within("a commander connects", connect(commander, "scada_1"));
  await scada.subscribeAsync(device + "/res", { qos: 1 });
  const results = [];
  scada.on("message", (_, payload) => results.push(JSON.parse(payload)));
  flow.publish(device + "/cmd", '{"name": "restart", "args": {"pipeline": "machine"}}', { qos: 0 }); // a reader may not
  const done = next(scada, (topic, payload) => JSON.parse(payload).state === "done");
  await scada.publishAsync(device + "/cmd", '{"id": "from-npm", "name": "ping"}', { qos: 1 });
  assert.equal(JSON.parse(await within("an answer", done)).id, "from-npm");
  assert.deepEqual(results.filter((r) => r.id !== "from-npm"), [], "a reader's command was carried out");

  await refused("another's name", connect(reader, "press-7", { reconnectPeriod: 0 }));
  await refused("no certificate", connect(reader, "flow_2", { cert: undefined, key: undefined, reconnectPeriod: 0 }));
  await refused("the broker by a CA that it does not know", connect(reader, "flow_3", { ca: undefined, reconnectPeriod: 0 }));

  const again = new Promise((yes) => scada.once("connect", yes));
  scada.stream.destroy(); // the line is cut
  await within("it comes back", again);
  const more = next(scada, (topic, payload) => JSON.parse(payload).id === "again" && JSON.parse(payload).state === "done");
  await scada.publishAsync(device + "/cmd", '{"id": "again", "name": "ping"}', { qos: 1 });
  await within("an answer after that", more);
  await Promise.all([flow.endAsync(true), scada.endAsync(true)]);
  console.log("npm mqtt: reports and chunks, a command and its answer, again after a cut line; 9 things it may not do were refused");
}

main().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });
