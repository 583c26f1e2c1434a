// SPDX-License-Identifier: Apache-2.0
//
// A server of streamed chats that knows the time: each piece of a reply is the reading of CLOCK_MONOTONIC, in nanoseconds,
// at which it was written. The request's option `pieces` says how many, `pause` how many milliseconds lie between two; a
// stream begins at a moment of its own within the first pause, so that a thousand of them don't beat in time.
import { createServer } from "node:http"

const server = createServer ((request, response) => {
  const parts = []
  request.on ("data", (part) => parts.push (part))
  request.on ("end", () => {
    const { pieces, pause } = JSON.parse (Buffer.concat (parts).toString ())
    let left = pieces
    const write = (delta, reason) => response.write ("data: " + JSON.stringify ({ id: "chatcmpl-bench",
      object: "chat.completion.chunk", created: 0, model: "bench",
      choices: [{ index: 0, delta, finish_reason: reason }] }) + "\n\n")
    const tick = () => {
      if (left-- > 0) {
        write ({ content: process.hrtime.bigint () + " " }, null)
        setTimeout (tick, pause)
      } else {
        write ({}, "stop")
        response.end ("data: [DONE]\n\n")
      }
    }
    response.writeHead (200, { "content-type": "text/event-stream" })
    write ({ role: "assistant", content: "" }, null)
    setTimeout (tick, Math.random () * pause)
  })
})
server.listen (0, "127.0.0.1", 4096, () => console.log ("http://127.0.0.1:" + server.address ().port))
