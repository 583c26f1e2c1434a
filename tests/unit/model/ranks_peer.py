# SPDX-License-Identifier: Apache-2.0
#
# Makes ranks_peer.tiktoken and ranks_peer.json: a small vocabulary, and how many tokens tiktoken itself (PyPI) says
# that texts are by it. The test beside it counts them with our code. Run again after a change: python3 ranks_peer.py
import base64
import collections
import json
import os
import random

import regex
import tiktoken

PATTERN = (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"""
           r"""|\s+(?!\S)|\s+""")
TOKENS = 700
TEXT = """The agents of a mesh talk with each other, and what they say is stored before anybody hears it. Don't you think
that's a lot of work for 12345 words? We'll see: it isn't, they've measured it.\n\n    if (size > 0)\n\t\treturn size;
Übermut tut selten gut, sagte der Bär. Το πλοίο έφυγε. Всё хорошо. 你好，世界！今天天气很好。 さようなら 😀👍🏽 naïve café
{"name": "alice", "content": [1, 2.5, null, true]}  http://127.0.0.1:8080/v1/chat/completions?x=1&y=2#z ... --- ***"""


def train ():
    ranks = {bytes ([i]): i for i in range (256)}
    words = collections.Counter (piece.encode () for piece in regex.findall (PATTERN, TEXT * 2))
    parts = {word: [bytes ([b]) for b in word] for word in words}
    while len (ranks) < TOKENS:
        pairs = collections.Counter ()
        for word, pieces in parts.items ():
            for pair in zip (pieces, pieces[1:]):
                pairs[pair] += words[word]
        if not pairs:
            break
        first, second = min (pairs, key=lambda pair: (-pairs[pair], pair))
        ranks.setdefault (first + second, len (ranks))
        for word, pieces in parts.items ():
            joined, i = [], 0
            while i < len (pieces):
                if i + 1 < len (pieces) and pieces[i] == first and pieces[i + 1] == second:
                    joined.append (first + second)
                    i += 2
                else:
                    joined.append (pieces[i])
                    i += 1
            parts[word] = joined
    return ranks


def texts ():
    chance = random.Random (1)
    letters = TEXT + "'SsTtLl\u00a0\u2003\u0301\u00df\u0130\u01c5\u2167\u00bd\u0663\u4e00\u3042\uac00\U0001f600\r\n\t  "
    yield from TEXT.split ("\n")
    yield TEXT
    for size in list (range (1, 40)) * 10 + [200, 500]:
        yield "".join (chance.choice (letters) for _ in range (size))


ranks = train ()
peer = tiktoken.Encoding ("peer", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
here = os.path.dirname (os.path.abspath (__file__))
with open (os.path.join (here, "ranks_peer.tiktoken"), "w") as file:
    for token, rank in sorted (ranks.items (), key=lambda item: item[1]):
        file.write ("%s %d\n" % (base64.b64encode (token).decode (), rank))
with open (os.path.join (here, "ranks_peer.json"), "w") as file:
    json.dump ([[text, len (peer.encode_ordinary (text))] for text in texts () if text], file, indent=0)
    file.write ("\n")
