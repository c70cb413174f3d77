"""What the adapters in Python share: the options, the weights and inputs of a layer, and the conversation (README.md)."""

import os
import pathlib
import sys
import time

import numpy

BLOCK_NS, SETTLE_NS, LONG_NS = 2_000_000, 25_000_000, 20_000_000
DEFAULTS = dict(net="", rows=1024, cols=1024, batch=64, threads=2, sparsity=0.0, codec="f32", group=128, cold=0)


def claim_stdout():
    """Engines print where they like; the conversation keeps the real stdout to itself."""
    sys.stdout.flush()
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return channel


CHANNEL = claim_stdout()


def say(text):
    print(text, file=CHANNEL, flush=True)


def unable(reason):
    say("unable: " + " ".join(str(reason).split()))
    sys.exit(0)


def options():
    """The arguments key=value as attributes; unknown keys are left out."""
    values = dict(DEFAULTS)
    for argument in sys.argv[1:]:
        key, _, value = argument.partition("=")
        if key in values:
            values[key] = type(values[key])(value)
    return type("Options", (), values)


def random_layer(o):
    """W [rows, cols] with its share of zeros, and X [batch, cols] in [0, 1)."""
    random = numpy.random.default_rng(1)
    w = random.uniform(-1, 1, (o.rows, o.cols)).astype("f4")
    w[random.random(w.shape) < o.sparsity] = 0
    return w, random.random((o.batch, o.cols), dtype="f4")


def cold_copies(o, size):
    """How many copies of so many bytes make weights cold: 1 if they need not be."""
    if not o.cold:
        return 1
    largest = 0
    for path in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        largest = max(largest, int(text.rstrip("KM")) << (20 if text.endswith("M") else 10))
    return max(2 * largest, 256 << 20) // size + 1


def relative_error(result, expected):
    """Root of the summed squares of the differences, over that of what was expected."""
    return numpy.linalg.norm(result - expected) / numpy.linalg.norm(expected)


def calls(run, least):
    """Nanoseconds a call, over at least so many."""
    count, passed, start = 0, 0, time.perf_counter_ns()
    while passed < least:
        run()
        count += 1
        passed = time.perf_counter_ns() - start
    return passed / count


def passes(run, last_ns=0.0):
    """Nanoseconds a call over at least 2 ms. Calls that are not long are preceded by some that are not timed: they wake
    threads, give the scheduler time to spread them over the cores and, where weights are to be hot, bring them back to
    the cache."""
    if last_ns < LONG_NS:
        calls(run, SETTLE_NS)
    return calls(run, BLOCK_NS)


def serve(run, works, error, weight_bytes=0, operations=0):
    """Answers the lines on stdin. run() does the work `works` times; error() is how wrong its result is; one work reads
    so many bytes of weights and does so many operations, 0 = not known."""
    last = 0.0
    for line in sys.stdin:
        command = line.strip()
        if command == "time":
            last = passes(run, last)
            say(f"{last / works:.1f}")
        elif command == "work":
            say(f"{weight_bytes:.0f} {operations:.0f}")
        elif command == "check":
            run()
            say(f"{error():.2e}")
        else:
            say(f"unknown: {command}")
