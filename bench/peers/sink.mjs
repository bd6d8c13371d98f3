// A counting sink for whoever has none at hand: answers every POST with 200 and a small JSON text, and GET /count with how many there were.
// `bench/speed` has a faster one of its own; give its address in DRIPLINE_SINK, and this one is not started.
//
// node sink.mjs: prints its address, lives until its input ends.

import http from "node:http";

let count = 0;
const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method === "GET") return void response.end(String(count));
  request.resume();
  request.on("end", () => {
    count += 1;
    response.setHeader("content-type", "application/json");
    response.end(`{"id":"sink-${count}"}`);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
