# SPDX-License-Identifier: Apache-2.0
#
# Compares how long the pieces of streamed chats are on their way: through libcurl alone, through troupe/model.h, and
# through one model process of a mesh. Usage: run.py BUILD [--streams 1000] [--pieces 50] [--pause 100] [--rounds 3]
# Node.js is needed for the server. The contestants take turns, so that what else the machine does hits all of them.
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname (os.path.abspath (__file__))
TICK = os.sysconf ("SC_CLK_TCK")


def used (pid):
    "Processor seconds so far, and KiB at the most."
    with open ("/proc/%d/stat" % pid) as file:
        fields = file.read ().rsplit (")", 1)[1].split ()
    with open ("/proc/%d/status" % pid) as file:
        peak = next (int (line.split ()[1]) for line in file if line.startswith ("VmHWM"))
    return (int (fields[11]) + int (fields[12])) / TICK, peak


def children (pid):
    found = {}
    for task in os.listdir ("/proc/%d/task" % pid):
        with open ("/proc/%d/task/%s/children" % (pid, task)) as file:
            for child in map (int, file.read ().split ()):
                with open ("/proc/%d/comm" % child) as comm:
                    found[comm.read ().strip ()] = child
    return found


def main ():
    parser = argparse.ArgumentParser ()
    parser.add_argument ("build")
    for name, usual in (("streams", 1000), ("pieces", 50), ("pause", 100), ("rounds", 3)):
        parser.add_argument ("--" + name, type=int, default=usual)
    options = parser.parse_args ()
    bin = os.path.abspath (os.path.join (options.build, "bin"))
    server = subprocess.Popen (["node", os.path.join (HERE, "server.mjs")], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline ().strip ()
    with tempfile.TemporaryDirectory (prefix="troupe-bench-") as folder:
        broker = "ipc://%s/broker.ipc" % folder
        with open (os.path.join (folder, "troupe.yaml"), "w") as file:
            json.dump ({"mesh": "bench", "brokers": [{"name": "broker", "endpoint": broker}], "models": {
                "bench": {"type": "openai_chat", "base_url": url + "/v1", "concurrency": 10000}}}, file)
        mesh = subprocess.Popen ([os.path.join (bin, "troupe"), "up", "--file", "troupe.yaml"], cwd=folder,
                                 stdout=open (os.path.join (folder, "up.log"), "w"), stderr=subprocess.STDOUT)
        try:
            measure (options, bin, url, broker, mesh, folder)
        except BaseException:
            with open (os.path.join (folder, "up.log")) as file:
                print (file.read ()[-4000:], flush=True)
            raise
        finally:
            mesh.terminate ()
            mesh.wait ()
            server.terminate ()


def measure (options, bin, url, broker, mesh, folder):
    deadline = time.monotonic () + 60
    while not {"troupe-model", "troupe-broker"} <= set (children (mesh.pid)):
        if time.monotonic () > deadline or mesh.poll () is not None:
            raise SystemExit ("the mesh doesn't start; see " + folder)
        time.sleep (0.1)
    pids = children (mesh.pid)
    told = {}
    for round in range (options.rounds):
        for how, where in (("curl", url), ("library", url), ("mesh", broker)):
            before = {name: used (pid)[0] for name, pid in pids.items ()}
            run = subprocess.run ([os.path.join (bin, "bench-model"), how, where, str (options.streams),
                                   str (options.pieces), str (options.pause)], stdout=subprocess.PIPE, text=True,
                                  timeout=60 + 3 * options.pieces * options.pause / 1000)
            figures = json.loads (run.stdout)
            if how == "mesh":
                for name, pid in pids.items ():
                    cpu, peak = used (pid)
                    figures[name + " cpu_s"] = round_to (cpu - before[name])
                    figures[name + " rss_kib"] = peak
            told.setdefault (how, []).append (figures)
            print (how, json.dumps (figures), flush=True)
    print ("\nMedians of %d rounds; %d streams of %d pieces, one each %d ms:" %
           (options.rounds, options.streams, options.pieces, options.pause))
    for how, rounds in told.items ():
        print (how, json.dumps ({name: round_to (statistics.median (one[name] for one in rounds)) for name in rounds[0]}))


def round_to (number):
    return round (number, 2)


main ()
