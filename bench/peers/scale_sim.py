"""Runs of SCALE-Sim, timed one by one on request.

Prints "ready" and its version, then for every line "M N K dataflow size" on stdin runs that GEMM on a size x size array
and prints the seconds and the cycles. Needs scalesim, 2.0.2 or 3.0.0 (that one with numpy below 2).
"""

import contextlib
import io
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from scalesim.scale_sim import scalesim

VERSION = version("scalesim")
CONFIG = """\
[general]
run_name = bench
[architecture_presets]
ArrayHeight: {size}
ArrayWidth: {size}
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 10
Dataflow: {dataflow}
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def simulate(m, n, k, dataflow, size, folder):
    Path("scale.cfg").write_text(CONFIG.format(dataflow=dataflow, size=size))
    Path("topology.csv").write_text(f"Layer, M, N, K,\nlayer, {m}, {n}, {k},\n")
    Path("layout.csv").write_text("layout,\nlayer" + ",1" * 20 + ",\n")
    extra = {"layout": "layout.csv"} if VERSION.startswith("3") else {}
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        start = time.perf_counter()
        simulation = scalesim(
            save_disk_space=True, verbose=False, config="scale.cfg", topology="topology.csv",
            input_type_gemm=True, **extra,
        )
        simulation.run_scale(top_path=str(Path(folder, "out")))
        seconds = time.perf_counter() - start
    header, values = Path("out", "bench", "COMPUTE_REPORT.csv").read_text().splitlines()
    columns = [name.strip() for name in header.split(",")]
    return seconds, values.split(",")[columns.index("Total Cycles")].strip()


with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
    print("ready", VERSION, flush=True)
    for line in sys.stdin:
        print(*simulate(*line.split(), folder), flush=True)
