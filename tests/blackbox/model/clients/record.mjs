// SPDX-License-Identifier: Apache-2.0
//
// What the providers' own clients send. Each case says the same twice: as an ask of Troupe's with a model's configuration,
// and in the words of the provider's client. The client is pointed at a recorder, and what it sends is written to
// clients.json beside the tests of tests/unit/model, which expect Troupe to send the same. `without` are members that a
// client adds of its own.
//
// Run again after a change, by hand: npm ci && node record.mjs
import Anthropic from "@anthropic-ai/sdk"
import { GoogleGenAI } from "@google/genai"
import { createServer } from "node:http"
import { readFileSync, writeFileSync } from "node:fs"
import { Ollama } from "ollama"
import OpenAI, { AzureOpenAI, toFile } from "openai"

const key = "sk-of-the-recorder"
const png = "iVBORw0KGgo="
const schema = { type: "object", title: "weather", properties: { sun: { type: "boolean" } }, required: ["sun"],
                 additionalProperties: false }
const place = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const tools = [{ name: "weather", description: "Tells the weather.", parameters: place }]

// -- The recorder ----------------------------------------------------------------------------------------------------

let seen
const recorder = createServer ((request, response) => {
  const pieces = []
  request.on ("data", (piece) => pieces.push (piece))
  request.on ("end", () => {
    seen = { method: request.method, path: request.url, headers: request.headers, body: Buffer.concat (pieces) }
    response.writeHead (200, { "content-type": "application/json" })
    response.end ("{}")
  })
})
await new Promise ((ready) => recorder.listen (0, "127.0.0.1", ready))
const here = `http://127.0.0.1:${recorder.address ().port}`

// Of the headers what a server looks at; of a form its fields.
async function told () {
  const headers = {}
  for (const name of ["authorization", "api-key", "x-api-key", "x-goog-api-key", "anthropic-version", "content-type"])
    if (seen.headers[name]) headers[name] = seen.headers[name]
  const form = (headers["content-type"] ?? "").startsWith ("multipart/form-data")
  let body = form ? {} : JSON.parse (seen.body.toString ())
  if (form) {
    const data = await new Response (seen.body, { headers: { "content-type": headers["content-type"] } }).formData ()
    for (const [name, value] of data)
      body[name] = typeof value === "string" ? value
        : { filename: value.name, type: value.type, data: Buffer.from (await value.arrayBuffer ()).toString ("base64") }
    headers["content-type"] = "multipart/form-data"
  }
  return { method: seen.method, path: seen.path, headers, body }
}

// -- The clients -----------------------------------------------------------------------------------------------------

const once = { apiKey: key, maxRetries: 0 }
const openai = new OpenAI ({ ...once, baseURL: here + "/v1" })
const azure = new AzureOpenAI ({ ...once, endpoint: here, apiVersion: "2024-10-21", deployment: "gpt-4o" })
// Its usual version of today, 2026-10-21, takes no temperature even for models that have one. The older one is served on,
// with keys in either header.
const anthropic = new Anthropic ({ ...once, baseURL: here, defaultHeaders: {
  Authorization: null, "x-api-key": key, "anthropic-version": "2023-06-01" } })
const gemini = new GoogleGenAI ({ apiKey: key, apiVersion: "v1beta", httpOptions: { baseUrl: here } })
const ollama = new Ollama ({ host: here })

// -- What they are asked ---------------------------------------------------------------------------------------------

const talk = [
  { name: "system", role: "system", content: "Be brief." },
  { name: "Ann", role: "user", content: "How is the weather in Oslo?" },
]
const called = [
  ...talk,
  { name: "gpt", role: "assistant", content: [
    { type: "text", text: "I look." }, { type: "tool_use", id: "call_1", name: "weather", input: { city: "Oslo" } }] },
  { name: "weather", role: "tool", content: [
    { type: "tool_result", id: "call_1", name: "weather", output: "Sun", error: false }] },
]
const look = (url) => [{ name: "Ann", role: "user", content: [{ type: "text", text: "What is it?" },
                                                               { type: "image", url }] }]
const link = "https://images.example/fox.png"
const data = "data:image/png;base64," + png

const chat = [{ role: "system", content: "Be brief.", name: "system" },
              { role: "user", content: "How is the weather in Oslo?", name: "Ann" }]
const functions = [{ type: "function", function: tools[0] }]

const cases = [
  // OpenAI
  { name: "openai chat", config: { type: "openai", model: "gpt-4o" },
    ask: { messages: talk, parameters: { temperature: 0.5, top_p: 0.9, max_tokens: 100, stop: ["END"], seed: 7 } },
    call: () => openai.chat.completions.create ({ model: "gpt-4o", messages: chat, temperature: 0.5, top_p: 0.9,
                                                  max_tokens: 100, stop: ["END"], seed: 7 }) },
  { name: "openai chat of a reasoning model", config: { type: "openai", model: "o3-mini" },
    ask: { messages: talk.slice (1), parameters: { max_tokens: 100, effort: "low" } },
    call: () => openai.chat.completions.create ({ model: "o3-mini", messages: chat.slice (1),
                                                  max_completion_tokens: 100, reasoning_effort: "low" }) },
  { name: "openai stream", config: { type: "openai", model: "gpt-4o" }, stream: true, ask: { messages: talk },
    call: () => openai.chat.completions.create ({ model: "gpt-4o", messages: chat, stream: true,
                                                  stream_options: { include_usage: true } }) },
  { name: "openai tools", config: { type: "openai", model: "gpt-4o" },
    ask: { messages: called, tools, parameters: { tool_choice: "weather" } },
    call: () => openai.chat.completions.create ({ model: "gpt-4o", tools: functions,
      tool_choice: { type: "function", function: { name: "weather" } },
      messages: [...chat,
        { role: "assistant", content: "I look.", name: "gpt", tool_calls: [
          { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } }] },
        { role: "tool", tool_call_id: "call_1", content: "Sun" }] }) },
  { name: "openai image", config: { type: "openai", model: "gpt-4o" }, ask: { messages: look (link) },
    call: () => openai.chat.completions.create ({ model: "gpt-4o", messages: [{ role: "user", name: "Ann", content: [
      { type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: link } }] }] }) },
  { name: "openai format", config: { type: "openai", model: "gpt-4o" }, ask: { messages: talk, format: schema },
    call: () => openai.chat.completions.create ({ model: "gpt-4o", messages: chat,
      response_format: { type: "json_schema", json_schema: { name: "weather", schema } } }) },
  { name: "openai completion", config: { type: "openai", model: "base", api: "completion" },
    ask: { messages: [{ name: "Ann", role: "user", content: "Once" }], agent: "Bob" },
    call: () => openai.completions.create ({ model: "base", prompt: "## Conversation History\nAnn: Once\nBob:" }) },
  { name: "openai responses", config: { type: "openai", model: "gpt-4o", api: "responses" },
    ask: { messages: called, tools, format: schema, parameters: { max_tokens: 100 } },
    call: () => openai.responses.create ({ model: "gpt-4o", store: false, max_output_tokens: 100,
      tools: [{ type: "function", ...tools[0], strict: false }],
      text: { format: { type: "json_schema", name: "weather", schema } },
      input: [{ type: "message", role: "system", content: [{ type: "input_text", text: "Be brief." }] },
        { type: "message", role: "user", content: [{ type: "input_text", text: "How is the weather in Oslo?" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "I look." }] },
        { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Oslo"}' },
        { type: "function_call_output", call_id: "call_1", output: "Sun" }] }) },
  { name: "openai embedding", config: { type: "openai", task: "embedding", model: "text-embedding-3-small" },
    ask: ["one", "two"], without: ["encoding_format"], // theirs asks for Base64 otherwise, the default is float
    call: () => openai.embeddings.create ({ model: "text-embedding-3-small", input: ["one", "two"],
                                            encoding_format: "float" }) },
  { name: "openai image generation", config: { type: "openai", task: "image", model: "gpt-image-1",
                                               options: { size: "1024x1024" } },
    ask: "a red fox",
    call: () => openai.images.generate ({ model: "gpt-image-1", prompt: "a red fox", size: "1024x1024" }) },
  { name: "openai speech", config: { type: "openai", task: "speech", model: "tts-1", options: { voice: "nova" } },
    ask: "Hello", call: () => openai.audio.speech.create ({ model: "tts-1", input: "Hello", voice: "nova" }) },
  { name: "openai transcription", config: { type: "openai", task: "transcription", model: "whisper-1",
                                            options: { language: "en" } },
    ask: { audio: "data:audio/wav;base64,UklGRg==" },
    call: async () => openai.audio.transcriptions.create ({ model: "whisper-1", language: "en", response_format: "json",
      file: await toFile (Buffer.from ("UklGRg==", "base64"), "audio.wav", { type: "audio/wav" }) }) },
  { name: "azure chat", config: { type: "azure_openai", model: "gpt-4o", api_version: "2024-10-21" },
    ask: { messages: talk },
    call: () => azure.chat.completions.create ({ model: "gpt-4o", messages: chat }) },

  // Anthropic
  { name: "anthropic chat", config: { type: "anthropic", model: "claude-haiku-4-5", layout: "turns" },
    ask: { messages: talk, parameters: { temperature: 0.5, top_k: 5, stop: "END" } },
    call: () => anthropic.messages.create ({ model: "claude-haiku-4-5", max_tokens: 4096, temperature: 0.5, top_k: 5,
      stop_sequences: ["END"], system: [{ type: "text", text: "Be brief." }],
      messages: [{ role: "user", content: [{ type: "text", text: "How is the weather in Oslo?" }] }] }) },
  { name: "anthropic tools, streamed", config: { type: "anthropic", model: "claude-haiku-4-5", layout: "turns" },
    stream: true, ask: { messages: called, tools, parameters: { tool_choice: "required", max_tokens: 100 } },
    call: () => anthropic.messages.create ({ model: "claude-haiku-4-5", max_tokens: 100, stream: true,
      tools: [{ name: "weather", description: "Tells the weather.", input_schema: place }], tool_choice: { type: "any" },
      system: [{ type: "text", text: "Be brief." }],
      messages: [{ role: "user", content: [{ type: "text", text: "How is the weather in Oslo?" }] },
        { role: "assistant", content: [{ type: "text", text: "I look." },
                                       { type: "tool_use", id: "call_1", name: "weather", input: { city: "Oslo" } }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "Sun" }] }] }) },
  { name: "anthropic images", config: { type: "anthropic", model: "claude-haiku-4-5", layout: "turns" },
    ask: { messages: [...look (link), ...look (data)] },
    call: () => anthropic.messages.create ({ model: "claude-haiku-4-5", max_tokens: 4096, messages: [
      { role: "user", content: [{ type: "text", text: "What is it?" },
                                { type: "image", source: { type: "url", url: link } }] },
      { role: "user", content: [{ type: "text", text: "What is it?" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: png } }] }] }) },
  { name: "anthropic thinking", config: { type: "anthropic", model: "claude-haiku-4-5", layout: "turns" },
    ask: { messages: talk.slice (1), parameters: { thinking: 2048, max_tokens: 4000 } },
    call: () => anthropic.messages.create ({ model: "claude-haiku-4-5", max_tokens: 4000,
      thinking: { type: "enabled", budget_tokens: 2048 },
      messages: [{ role: "user", content: [{ type: "text", text: "How is the weather in Oslo?" }] }] }) },

  // Gemini
  { name: "gemini chat", config: { type: "gemini", model: "gemini-2.5-flash", layout: "turns" },
    ask: { messages: talk, parameters: { temperature: 0.5, top_k: 5, max_tokens: 100, stop: ["END"], thinking: 512 } },
    call: () => gemini.models.generateContent ({ model: "gemini-2.5-flash",
      contents: [{ role: "user", parts: [{ text: "How is the weather in Oslo?" }] }],
      config: { systemInstruction: { parts: [{ text: "Be brief." }] }, temperature: 0.5, topK: 5, maxOutputTokens: 100,
                stopSequences: ["END"], thinkingConfig: { includeThoughts: true, thinkingBudget: 512 } } }) },
  { name: "gemini tools, streamed", config: { type: "gemini", model: "gemini-2.5-flash", layout: "turns" }, stream: true,
    ask: { messages: called, tools, parameters: { tool_choice: "weather" } }, without: ["generationConfig"], // {}
    call: () => gemini.models.generateContentStream ({ model: "gemini-2.5-flash",
      contents: [{ role: "user", parts: [{ text: "How is the weather in Oslo?" }] },
        { role: "model", parts: [{ text: "I look." }, { functionCall: { name: "weather", args: { city: "Oslo" } } }] },
        { role: "user", parts: [{ functionResponse: { name: "weather", response: { output: "Sun" } } }] }],
      config: { systemInstruction: { parts: [{ text: "Be brief." }] },
        tools: [{ functionDeclarations: [{ name: "weather", description: "Tells the weather.",
                                           parametersJsonSchema: place }] }],
        toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } } } }) },
  { name: "gemini image and format", config: { type: "gemini", model: "gemini-2.5-flash", layout: "turns" },
    ask: { messages: look (data), format: schema },
    call: () => gemini.models.generateContent ({ model: "gemini-2.5-flash",
      contents: [{ role: "user", parts: [{ text: "What is it?" }, { inlineData: { mimeType: "image/png", data: png } }] }],
      config: { responseMimeType: "application/json", responseJsonSchema: schema } }) },
  { name: "gemini embedding", config: { type: "gemini", task: "embedding", model: "gemini-embedding-001" },
    ask: ["one", "two"],
    call: () => gemini.models.embedContent ({ model: "gemini-embedding-001", contents: ["one", "two"] }) },

  // Ollama
  { name: "ollama chat", config: { type: "ollama", model: "qwen3", layout: "turns" },
    ask: { messages: called, tools, parameters: { temperature: 0.5, max_tokens: 100, thinking: false } },
    call: () => ollama.chat ({ model: "qwen3", think: false, options: { temperature: 0.5, num_predict: 100 },
      tools: functions,
      messages: [{ role: "system", content: "Be brief." }, { role: "user", content: "How is the weather in Oslo?" },
        { role: "assistant", content: "I look.",
          tool_calls: [{ function: { name: "weather", arguments: { city: "Oslo" } } }] },
        { role: "tool", tool_name: "weather", content: "Sun" }] }) },
  { name: "ollama image and format, streamed", config: { type: "ollama", model: "qwen3", layout: "turns" }, stream: true,
    ask: { messages: look (data), format: schema },
    call: () => ollama.chat ({ model: "qwen3", stream: true, format: schema,
      messages: [{ role: "user", content: "What is it?", images: [png] }] }) },
  { name: "ollama embedding", config: { type: "ollama", task: "embedding", model: "bge-m3" }, ask: ["one", "two"],
    call: () => ollama.embed ({ model: "bge-m3", input: ["one", "two"] }) },
]

// -- Writing them down -----------------------------------------------------------------------------------------------

const versions = {}
for (const name of ["openai", "@anthropic-ai/sdk", "@google/genai", "ollama"])
  versions[name] = JSON.parse (readFileSync (new URL (`node_modules/${name}/package.json`, import.meta.url))).version

const recorded = []
for (const { name, config, ask, stream, without, call } of cases) {
  seen = undefined
  await call ().catch (() => {}) // the recorder's answer is none
  if (!seen) throw new Error (name + ": nothing was sent")
  const sent = await told ()
  for (const member of without ?? []) delete sent.body[member]
  recorded.push ({ name, config: { ...config, api_key: key }, ask, stream: stream ?? false, sent })
}
recorder.close ()
writeFileSync (new URL ("../../../unit/model/clients.json", import.meta.url),
               JSON.stringify ({ versions, recorded }, null, 1) + "\n")
console.log (`${recorded.length} requests recorded`)
process.exit (0)
