#!/usr/bin/env python3
"""readme.py FOLDER README: writes the section "Speed" of a README from what scripts/bench has left in FOLDER."""

import json
import pathlib
import re
import sys

CODECS = ["int8", "int6", "int5", "int4", "int3", "int2", "ternary"]
NAMES = {"avx512vnni": "AVX-512 with VNNI", "avx512": "AVX-512", "avx2": "AVX2"}
SHAPE = "1024x1024"


def load(folder, isa, name):
    path = folder / f"{isa}-{name}.json"
    return json.loads(path.read_text()) if path.exists() else []


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def time_text(ns):
    unit, factor = ("µs", 1e3) if ns < 1e6 else ("ms", 1e6)
    return f"{ns / factor:.3g} {unit}"


def ratio(value):
    """Two digits, bold where it is a loss."""
    text = f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return f"**{text}**" if value < 1 else text


def both(value, int8):
    """To dense f32 and, in brackets, to dense int8."""
    return f"{ratio(value)} ({ratio(value / int8).strip('*')})" if int8 else ratio(value)


def from_text(value):
    return "never" if value is None else "≤ 50 %" if value <= 0.5 else f"{100 * value:.0f} %"


def point(crossing, method):
    for form in crossing["forms"]:
        for p in form["points"]:
            if p["method"] == method:
                return both(p["over_f32"], crossing["int8_over_f32"])
    return ""


def crossover_table(batches):
    rows = [["fastest dense f32"] + [f"{time_text(b['dense_f32_ns'])}, {b['dense_f32']}" for b in batches],
            ["fastest dense int8"] + [f"{ratio(b['int8_over_f32'])}, {b['dense_int8']}" for b in batches]]
    for name, method in [("`sparse` f32, 80 % zeros", "sparse,codec=f32,sparsity=0.8"),
                         ("90 %", "sparse,codec=f32,sparsity=0.9"),
                         ("95 %", "sparse,codec=f32,sparsity=0.95"),
                         ("`sparse` int8, 90 %", "sparse,codec=int8,sparsity=0.9"),
                         ("`nm:2:4` f32", "nm:2:4,codec=f32"), ("`nm:1:4` f32", "nm:1:4,codec=f32"),
                         ("`nm:1:8` f32", "nm:1:8,codec=f32"), ("`nm:2:4` int8", "nm:2:4,codec=int8")]:
        rows.append([name] + [point(b, method) for b in batches])
    for k, form in enumerate(["`sparse` f32", "`sparse` int8"]):
        rows.append([f"{form} pays from"] + [from_text(b["forms"][k]["faster_than_f32_from"]) for b in batches])
    return table([""] + [f"batch {b['batch']}" for b in batches], rows)


def share(rows, method, limit, batch):
    """The worst share of that limit among the shapes."""
    shares = [r["value"] for r in rows if r["method"] == method and r["against"] == f"of {limit}"
              and r["batch"] == batch and r["value"] is not None]
    return f"{100 * min(shares):.0f} %" if shares else ""


def limits_table(targets):
    head, rows = ["codec, groups of 128"], []
    for isa in targets:
        head += [f"batch 1 from memory, {NAMES[isa]}", f"batch 512, {NAMES[isa]}"]
    for codec in CODECS:
        cells = []
        for measured in targets.values():
            method = f"dense,codec={codec},group=128"
            cells += [share(measured, method, "B", 1), share(measured, method, "D", 512)]
        rows.append([f"`{codec}`"] + cells)
    return table(head, rows)


def deepsparse_table(measured):
    columns = sorted({(r["rows"], r["batch"]) for rows in measured.values() for r in rows})
    head = ["", *(f"{rows} x {rows}, batch {batch}" for rows, batch in columns)]
    lines = []
    for isa, rows in measured.items():
        for zeros in (80, 90, 95):
            cells = {(r["rows"], r["batch"]): r["value"] for r in rows
                     if r["method"] == f"sparse,codec=f32,sparsity={zeros / 100:g}"}
            lines.append([f"{zeros} % zeros, {NAMES[isa]}"] +
                         [ratio(cells[c]) if cells.get(c) else "" for c in columns])
    return table(head, lines)


def counts(targets):
    return "; ".join(f"{sum(1 for r in rows if not r['missed'] and r['value'] is not None)} of {len(rows)} with {NAMES[isa]}"
                     for isa, rows in targets.items())


def section(folder):
    page = (folder / "README.md").read_text()
    machine = page.splitlines()[0].removeprefix("# Speed on ")
    isas = [isa for isa in NAMES if load(folder, isa, "targets")]
    targets = {isa: load(folder, isa, "targets") for isa in isas}
    deepsparse = {isa: rows for isa in isas if (rows := load(folder, isa, "deepsparse"))}
    text = f"""## Speed

`scripts/bench` measures layers of every kind beside [other engines](benchmarks/rivals/README.md), all taking turns in one
run. Dense means the fastest dense layer of the machine, ours or theirs. These are medians on {machine},
two threads; [its page]({folder}/README.md) has every row, with bytes, rates and charts, and
[benchmarks/results](benchmarks/results) other machines. Targets reached: {counts(targets)}.
"""
    for isa in isas:
        crossover = load(folder, isa, f"crossover-{SHAPE}")
        if crossover:
            text += f"""
**Zeros**, 1024 x 1024, {NAMES[isa]}: times as fast as dense f32, bold where dense is faster, and in brackets as dense
int8. The last rows say from which share of zeros on `sparse` is faster than dense f32.

{crossover_table(crossover)}
![where zeros begin to pay]({folder}/{isa}-crossover-{SHAPE}.svg)
"""
    text += f"""
**Few bits**: what part of the machine's limit is reached, of its reading at batch 1 and of its products of bytes at batch
512; the worse of two shapes.

{limits_table(targets)}"""
    if deepsparse:
        text += f"""
**DeepSparse**: how many times as fast as it `sparse` f32 is, at equal zeros.

{deepsparse_table(deepsparse)}"""
    return text


def main():
    folder, readme = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    old = readme.read_text()
    new = re.sub(r"^## Speed\n.*?(?=^## )", lambda _: section(folder) + "\n", old, flags=re.S | re.M)
    readme.write_text(new)


if __name__ == "__main__":
    main()
