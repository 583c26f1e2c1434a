# SPDX-License-Identifier: Apache-2.0
"""Programs of other releases, by the protocol's page. Usage: peers.py REFERENCE peer|first|major|broker ENDPOINT

peer    serves tool/echo, speaks version 2.7, and uses what came with it: fields, flags and a command
first   serves tool/echo, and tells no minor version
major   says hello in version 3, and tells what it hears
broker  welcomes one caller in version 2.7, and answers its call
"""
import sys

import msgpack
import zmq

sys.path.insert(0, sys.argv[1])
import echo

MINOR, NEW_FIELD, NEW_COMMAND, NEW_FLAG = 42, 63, 126, 1 << 15
ACCEPTED, SETTLED, CALL_COMMAND, LIMIT = 21, 25, 20, 21


def tell(*words):
    print(*words, flush=True)


class Newer(echo.Echo):
    """Every message has a field that nobody knows yet."""

    def send(self, command, fields, *body):
        fields = {**fields, NEW_FIELD: {"new": [1, b"\x00", {}]}, 1000: "newer still"}
        if command == echo.HELLO:
            fields[MINOR] = 7
        if command == echo.REGISTER:
            fields[echo.FLAGS] = NEW_FLAG
        super().send(command, fields, *body)

    def hear(self, command, fields, body):
        super().hear(command, fields, body)
        if command == echo.WELCOME:
            tell("welcomed by", fields[MINOR])
            self.send(NEW_COMMAND, {echo.SERVICE: "tool/echo"})
        elif command == echo.REFUSED:
            error = msgpack.unpackb(body)
            tell("refused", fields[18], error["code"], "-", error["why"], "-", error["next"])


class First(echo.Echo):
    def send(self, command, fields, *body):
        super().send(command, {number: value for number, value in fields.items() if number != MINOR}, *body)


def major(endpoint):
    peer = echo.Echo(endpoint)
    peer.socket = zmq.Context.instance().socket(zmq.DEALER)
    peer.socket.linger = 1000
    peer.show()
    peer.socket.connect(endpoint)
    peer.socket.send_multipart([msgpack.packb([3, echo.HELLO, {echo.PEER: "next-1"}]), b""])
    header, body = peer.socket.recv_multipart()
    version, command, fields = msgpack.unpackb(header, strict_map_key=False)
    error = msgpack.unpackb(body)
    tell("heard", version, command, fields, error["code"], "-", error["why"], "-", error["next"])


def broker(endpoint):
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.linger = 1000
    socket.bind(endpoint)
    tell("bound")

    def send(to, command, fields, body=b""):
        socket.send_multipart([to, msgpack.packb([2, command, {**fields, NEW_FIELD: {"new": []}}]), body])

    while True:
        to, *frames = socket.recv_multipart()
        for command, fields, body in echo.messages(frames):
            if command == echo.HELLO:
                tell("hello of", fields[MINOR])
                terms = {echo.BEAT_MS: 500, echo.LEASE_MS: 5000, LIMIT: 1 << 24}
                send(to, echo.WELCOME, {echo.PEER: "b", MINOR: 7, **terms})
                send(to, NEW_COMMAND, {echo.SERVICE: "tool/echo"})
            elif command == CALL_COMMAND:
                call = {echo.CALL: fields[echo.CALL]}
                send(to, NEW_COMMAND, call)
                send(to, ACCEPTED, call)
                send(to, SETTLED, {**call, echo.STATUS: echo.VALUE, echo.ATTEMPT: 1}, msgpack.packb("from the future"))


if __name__ == "__main__":
    what, endpoint = sys.argv[2:]
    programs = {"peer": lambda: Newer(endpoint).serve(), "first": lambda: First(endpoint).serve(),
                "major": lambda: major(endpoint), "broker": lambda: broker(endpoint)}
    try:
        programs[what]()
    except KeyboardInterrupt:
        pass
