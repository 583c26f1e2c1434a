# SPDX-License-Identifier: Apache-2.0
"""Whether the protocol's table of a release (protocol.def) is a minor version of an earlier one: what the earlier one's
decoder takes. Usage: compare.py OLD NEW. Prints each thing that isn't, and exits with 1 if there is any. OLD must be a
release's: a minor version that wasn't released yet may still change."""
import re
import sys

ROW = re.compile(r"^TROUPE_(FIELD|COMMAND|SINCE|MINOR) \((.*?)\)$", re.M | re.S)
SET = re.compile(r"TROUPE_F \((\w+)\)")
PUBLISHED = {"EVENT", "SAID"}  # goes to everybody, and nobody relies on it: who can't read it asks for the same


def arguments(row):
    """The arguments of a row, split at its outermost commas."""
    parts, depth, quoted, part = [], 0, False, ""
    for i, c in enumerate(row):
        if c == '"' and row[i - 1] != "\\":
            quoted = not quoted
        depth += 0 if quoted else (c == "(") - (c == ")")
        if c == "," and depth == 0 and not quoted:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return parts + [part.strip()]


class Table:
    def __init__(self, path):
        self.fields, self.commands, self.since, self.minor = {}, {}, {}, 0
        with open(path) as file:
            text = re.sub(r"^//.*$", "", file.read(), flags=re.M)
        for kind, row in ROW.findall(text):
            given = arguments(row)
            if kind == "FIELD":
                number, name, _, form, limit = given[:5]
                self.fields[name] = (int(number), form, int(limit))
            elif kind == "COMMAND":
                number, name, _, direction, required, optional = given[:6]
                self.commands[name] = (int(number), direction, set(SET.findall(required)), set(SET.findall(optional)))
            elif kind == "SINCE":
                self.since[given[1]] = int(given[0])
            else:
                self.minor = max(self.minor, int(given[0]))


def compare_fields(old, new):
    for name, (number, form, limit) in old.fields.items():
        users = {command for command, row in new.commands.items() if name in row[2] | row[3]}
        if name not in new.fields:
            yield f"field {name} is gone"
            continue
        new_number, new_form, new_limit = new.fields[name]
        if (new_number, new_form) != (number, form):
            yield f"field {name} was {number} {form} and is {new_number} {new_form}"
        if new_limit > limit and not users <= PUBLISHED:
            yield f"field {name} may be {new_limit}, which is refused by those that take {limit}"
        if new_limit < limit:
            yield f"field {name} may only be {new_limit}, and who takes {limit} sends that"


def compare_commands(old, new):
    numbers = {row[0] for row in old.fields.values()}
    for name, (number, direction, required, optional) in old.commands.items():
        if name not in new.commands:
            yield f"command {name} is gone"
            continue
        new_number, new_direction, new_required, new_optional = new.commands[name]
        if (new_number, new_direction) != (number, direction):
            yield f"command {name} was {number} {direction} and is {new_number} {new_direction}"
        for field in new_required - required:
            yield f"command {name} must have {field}, which it needn't have before"
        for field in required - new_required - new_optional | optional - new_required - new_optional:
            yield f"command {name} has no {field} any more"
        for field in required - new_required:
            yield f"command {name} may lack {field}, which it must have before"
        for field in (new_required | new_optional) - (required | optional):
            if new.fields[field][0] in numbers and name not in PUBLISHED:
                yield f"command {name} has {field}, a field that is known to belong to others: give it a new number"
    for name in new.commands.keys() - old.commands.keys():
        if new.since.get(name, 0) <= old.minor:
            yield f"command {name} is new, and no TROUPE_SINCE says since which minor version after {old.minor}"


def main():
    old, new = Table(sys.argv[1]), Table(sys.argv[2])
    if len(old.commands) < 30 or len(old.fields) < 30 or len(new.commands) < len(old.commands):
        sys.exit(f"compare.py: {len(old.commands)} and {len(new.commands)} commands were found: that can't be all")
    wrong = [*compare_fields(old, new), *compare_commands(old, new)]
    changed = (old.fields, old.commands) != (new.fields, new.commands)
    if changed and new.minor <= old.minor:
        wrong.append(f"the table has changed, and the minor version is still {new.minor}")
    print("\n".join(wrong) or f"minor version {new.minor} of the protocol is one of {old.minor}'s")
    sys.exit(1 if wrong else 0)


main()
