# SPDX-License-Identifier: Apache-2.0
"""A whole service: tool/echo says what you say. Usage: echo.py ENDPOINT [echo.key broker.pub] (needs pyzmq and msgpack)."""
import os
import re
import sys
import time
import uuid

import msgpack
import zmq

HELLO, WELCOME, RESET, HEARTBEAT, REFUSED, REGISTER = 1, 2, 3, 4, 6, 10
PART, OFFER, SETTLE, CONFIRMED = 24, 30, 31, 32
SERVICE, CALL, SESSION, FLAGS, ATTEMPT, SEQUENCE, STATUS, CREDIT, LOAD = 1, 2, 3, 6, 7, 8, 9, 10, 11
SIZES, PEER, BEAT_MS, LEASE_MS = 13, 16, 19, 20
VALUE, STREAM = 1, 1


def said(offer, body):
    """The input: the body's first value. Those of the call's own inputs follow it; each goes to its place."""
    stream = msgpack.Unpacker(max_buffer_size=len(body))
    stream.feed(body)
    first, *values = stream

    def fill(value):
        if isinstance(value, dict) and list(value) == ["$input"]:
            return values[value["$input"]]
        if isinstance(value, dict):
            return {key: fill(member) for key, member in value.items()}
        return [fill(item) for item in value] if isinstance(value, list) else value

    return fill(first) if SIZES in offer else first


def messages(frames):
    """What a ZeroMQ message brings: messages of one frame each, with the body in it, runs of such, or one of two frames."""
    frames = iter(frames)
    for frame in frames:
        run = msgpack.Unpacker()
        run.feed(frame)
        for message in run if frame[0] in (0xC4, 0xC5) else [frame]:
            _, command, fields, *body = msgpack.unpackb(message, strict_map_key=False)
            yield command, fields, body[0] if body else next(frames)


def key(path):
    """A key file: its names and values."""
    with open(path) as file:
        return {name: value.encode() for name, value in re.findall(r'^(\w+): "(.*)"$', file.read(), re.M)}


class Echo:
    def __init__(self, endpoint, own=None, broker=None):
        self.endpoint, self.name, self.socket = endpoint, "echo-" + uuid.uuid4().hex[:12], None
        self.own, self.broker = own, broker     # key files
        self.beat, self.lease = 0.5, 2.5        # until the broker says otherwise
        self.settles = {}                       # what isn't confirmed yet, by call

    def send(self, command, fields, *body):
        frames = [msgpack.packb([2, command, fields]), b"".join(map(msgpack.packb, body))]
        try:
            self.socket.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:                       # nothing is there to send to: serve () connects anew
            pass

    def hello(self):
        self.send(HELLO, {PEER: self.name}, {"program": "echo", "pid": os.getpid()})

    def connect(self):
        if self.socket:
            self.socket.close()
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 1000
        self.show()
        self.socket.connect(self.endpoint)
        self.heard, self.beat_at = time.monotonic(), 0
        self.hello()

    def show(self):
        """Who we are: a key over tcp; over ipc the token next to the socket, if the broker asks for one."""
        token = self.endpoint[len("ipc://"):] + ".token"
        if self.own:
            mine = key(self.own)
            self.socket.curve_publickey, self.socket.curve_secretkey = mine["public"], mine["secret"]
            self.socket.curve_serverkey = key(self.broker)["public"]
        elif self.endpoint.startswith("ipc://") and os.path.exists(token):
            with open(token) as file:
                name, secret = file.read().strip().rsplit(":", 1)
            self.socket.plain_username, self.socket.plain_password = name.encode(), secret.encode()

    def run(self, offer, text):
        call = {CALL: offer[CALL], ATTEMPT: offer[ATTEMPT]}
        if offer.get(FLAGS, 0) & STREAM:
            for i, word in enumerate(str(text).split()):
                self.send(PART, {**call, SEQUENCE: i}, {"text": word + " "})
        settle = {**call, SESSION: offer[SESSION], STATUS: VALUE}, text
        self.settles[offer[CALL]] = settle
        self.send(SETTLE, *settle)

    def hear(self, command, fields, body):
        if command == WELCOME:
            self.beat, self.lease = fields[BEAT_MS] / 1000, fields[LEASE_MS] / 1000
            self.send(REGISTER, {SERVICE: "tool/echo", CREDIT: 16}, {"description": "Says what you say."})
            for settle in self.settles.values():
                self.send(SETTLE, *settle)
        elif command == RESET:
            self.hello()
        elif command == OFFER:
            self.run(fields, said(fields, body))
        elif command == CONFIRMED:
            self.settles.pop(fields[CALL], None)
        elif command == REFUSED:
            error = msgpack.unpackb(body)
            print("refused:", error, file=sys.stderr)
            if error["code"] in ("stale", "unknown_call"):
                self.settles.pop(fields.get(CALL), None)

    def serve(self):
        self.connect()
        while True:
            if self.socket.poll(100):
                self.heard = time.monotonic()
                for message in messages(self.socket.recv_multipart()):
                    self.hear(*message)
            elif time.monotonic() - self.heard > self.lease:
                self.connect()
            if time.monotonic() >= self.beat_at:
                self.send(HEARTBEAT, {LOAD: len(self.settles)})
                self.beat_at = time.monotonic() + self.beat


if __name__ == "__main__":
    try:
        Echo(*sys.argv[1:4]).serve()
    except KeyboardInterrupt:
        pass
