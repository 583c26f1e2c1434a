# SPDX-License-Identifier: Apache-2.0
#
# A server for what the mock server of the other tests doesn't speak: DashScope's tasks, OpenAI's older completions, an
# endpoint of its own for images, a rate that is told in headers, and media that links lead to. It prints its port, and counts what it is asked.
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

asked = {}
refused = {} # since when


class Handler (BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message (self, *arguments):
        pass

    def answer (self, value, status=200, headers=()):
        body = json.dumps (value).encode ()
        self.send_response (status)
        self.send_header ("Content-Type", "application/json")
        self.send_header ("Content-Length", str (len (body)))
        for name, text in headers:
            self.send_header (name, text)
        self.end_headers ()
        self.wfile.write (body)

    def count (self):
        asked[self.path] = asked.get (self.path, 0) + 1
        return asked[self.path]

    def task (self, number):
        name = self.path.rsplit ("/", 1)[1]
        if name == "task-lost":
            return self.answer ({"output": {"task_id": name, "task_status": "FAILED", "code": "InternalError.Timeout",
                                            "message": "An internal timeout."}})
        if number == 1:
            return self.answer ({"output": {"task_id": name, "task_status": "RUNNING"}})
        if number == 2:
            return self.answer ({"code": "Busy", "message": "Just a moment."}, 503)
        self.answer ({"output": {"task_id": name, "task_status": "SUCCEEDED", "results": [
            {"url": "https://images.example/1.png", "actual_prompt": "a red fox in the snow"},
            {"code": "InternalError", "message": "This one not."}]}, "usage": {"image_count": 1}})

    # Where each provider lists its models, and how it wants the key.
    def models (self, path):
        keys = {"/bearer/models": ("Authorization", "Bearer sk-right"), "/azure/models": ("api-key", "sk-right"),
                "/azure/openai/models?api-version=1": ("api-key", "sk-right"), "/google/models": ("x-goog-api-key", "sk-right"),
                "/anthropic/models": ("x-api-key", "sk-right"), "/ollama/api/tags": ("Authorization", "Bearer sk-right"),
                "/dashscope/compatible-mode/v1/models": ("Authorization", "Bearer sk-right"),
                "/own": ("X-Team", "news")}
        if path not in keys or (path.startswith ("/anthropic") and not self.headers["anthropic-version"]):
            return self.answer ({}, 404)
        name, value = keys[path]
        self.answer ({"data": []}, 200 if self.headers[name] == value else 401)

    # Breaks off, isn't there, asks to wait for a second, and is there if that was done.
    def shaky (self, number):
        early = time.time () - refused.get (number - 1, 0) < 1
        self.send_response (404 if early else {2: 503, 3: 429}.get (number, 200))
        refused[number] = time.time () if number == 3 else 0
        self.send_header ("Content-Type", "image/png")
        self.send_header ("Content-Length", "8")
        self.send_header ("Retry-After", "1" if number == 3 else "0")
        self.end_headers ()
        self.wfile.write (b"\x89PNG fox"[:4 if number == 1 else 8])
        self.close_connection = number == 1

    # What links in asks lead to.
    def media (self, name):
        number = self.count ()
        if name == "shaky.png":
            return self.shaky (number)
        leads = {"moved.png": "/media/fox.png", "ring.png": "/media/ring.png", "unsteady.png": "/media/shaky.png",
                 "away.png": "http://192.0.2.1/fox.png", "file.png": "file:///etc/hostname"}
        types = {"page.png": "text/html", "vague.png": "application/octet-stream", "vague": "application/octet-stream",
                 "busy.png": 503, "gone.png": 404, "later.png": 429}
        kind = types.get (name, "image/png")
        body = b"x" * 5000001 if name == "big.png" else b"" if name == "empty.png" else b"\x89PNG fox"
        self.send_response (302 if name in leads else kind if isinstance (kind, int) else 200)
        if name in leads:
            self.send_header ("Location", leads[name])
        if name == "later.png":
            self.send_header ("Retry-After", "3600")
        self.send_header ("Content-Type", str (kind))
        self.send_header ("Content-Length", str (len (body)))
        self.end_headers ()
        self.wfile.write (body)

    def do_GET (self):
        if self.path == "/asked":
            return self.answer (asked)
        if self.path.startswith ("/media/"):
            return self.media (self.path[7:])
        self.task (self.count ()) if self.path.startswith ("/api/v1/tasks/") else self.models (self.path)

    def do_POST (self):
        body = json.loads (self.rfile.read (int (self.headers["Content-Length"])))
        number = self.count ()
        if self.path == "/api/v1/services/aigc/text2image/image-synthesis":
            right = self.headers["X-DashScope-Async"] == "enable" and body["parameters"] == {"n": 1}
            name = "task-lost" if body["input"]["prompt"] == "lost" else "task-1"
            return self.answer ({"output": {"task_id": name, "task_status": "PENDING"}} if right else body,
                                200 if right else 400)
        if self.path in ("/api/chat", "/messages"): # says what it was sent
            said = json.dumps (body["messages"])
            return self.answer ({"model": "m", "done": True, "stop_reason": "end_turn", "message": {"content": said},
                                 "content": [{"type": "text", "text": said}]})
        if self.path == "/v1/completions":
            return self.answer ({"model": body["model"], "choices": [{"text": "Once " + body["prompt"][-4:],
                                 "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
        if self.path == "/paint":
            return self.answer ({"pictures": [{"url": "https://images.example/" + body["text"] + ".png"}]})
        if self.path == "/limited/chat/completions":
            return self.answer ({"model": "m", "choices": [{"message": {"content": "%d" % number}, "finish_reason": "stop"}]},
                                200, [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-limit-requests", "4"),
                                      ("x-ratelimit-reset-requests", "4s"), ("x-ratelimit-remaining-tokens", "900")])
        self.answer ({}, 404)


server = ThreadingHTTPServer (("127.0.0.1", 0), Handler)
print ("listening on http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever ()
