"""What SCALE-Sim says of GEMMs and convolutions on systolic arrays: test/golden/scale-sim/<version>.json.

    pip install scalesim==2.0.2                                       # or
    pip install scalesim==3.0.0 "numpy<2" "pandas<3"
    python tools/golden/scale_sim.py [--check] [--quick]

Each version needs an environment of its own. Takes a few minutes, nearly all of them in the last cases, which --quick
leaves out of a check. SCALE-Sim runs as its users run it, on a .cfg and a topology file, with its bandwidths in CALC
mode (no stalls). Nothing is computed here.
"""

import argparse
import contextlib
import io
import json
import os
import random
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from scalesim.scale_sim import scalesim

VERSION = version("scalesim")
TARGET = Path(__file__).resolve().parents[2] / "test" / "golden" / "scale-sim"
SEED = 20240301

CONFIG = """\
[general]
run_name = golden

[architecture_presets]
ArrayHeight:    {rows}
ArrayWidth:     {columns}
IfmapSramSzkB:   {sram}
FilterSramSzkB:  {sram}
OfmapSramSzkB:   {sram}
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Bandwidth : 10
Dataflow : {dataflow}
MemoryBanks:   1
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
SparsitySupport : false
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""
GEMM_HEADER = "Layer, M, N, K,"
CONVOLUTION_HEADER = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
)
# Columns of the reports that are kept, with the names that the golden file gives them.
KEPT = {
    "Total Cycles": ("cycles", int),
    "Stall Cycles": ("stalls", int),
    "Overall Util %": ("overallUtilization", float),
    "Mapping Efficiency %": ("mappingEfficiency", float),
    "Compute Util %": ("computeUtilization", float),
    "SRAM IFMAP Reads": ("ifmapSramReads", int),
    "SRAM Filter Reads": ("filterSramReads", int),
    "SRAM OFMAP Writes": ("ofmapSramWrites", int),
    "DRAM IFMAP Reads": ("ifmapDramReads", int),
    "DRAM Filter Reads": ("filterDramReads", int),
    "DRAM OFMAP Writes": ("ofmapDramWrites", int),
}


def simulate(case: dict) -> dict:
    row, gemm = case["row"], case["kind"] == "gemm"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("scale.cfg").write_text(CONFIG.format(**case))
        Path("topology.csv").write_text(f"{GEMM_HEADER if gemm else CONVOLUTION_HEADER}\n{row}\n")
        extra = {}
        if VERSION.startswith("3"):
            # Version 3 wants a layout even where none is used.
            Path("layout.csv").write_text("layout,\nlayer" + ",1" * 20 + ",\n")
            extra["layout"] = "layout.csv"
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            simulation = scalesim(
                save_disk_space=True, verbose=False, config="scale.cfg", topology="topology.csv",
                input_type_gemm=gemm, **extra,
            )
            simulation.run_scale(top_path=os.path.join(folder, "out"))
        found = {}
        for report in ("COMPUTE_REPORT.csv", "DETAILED_ACCESS_REPORT.csv"):
            header, values = Path("out", "golden", report).read_text().splitlines()
            for name, value in zip(header.split(","), values.split(",")):
                if name.strip() in KEPT:
                    key, kind = KEPT[name.strip()]
                    found[key] = kind(value)
        return found


def cases(quick: bool):
    rng = random.Random(SEED)

    def case(kind, row, rows, columns, dataflow, sram=64):
        return dict(kind=kind, row=row, rows=rows, columns=columns, dataflow=dataflow, sram=sram)

    def gemm(m, n, k):
        return "gemm", f"g, {m}, {n}, {k},"

    for dataflow in ("os", "ws", "is"):
        # Sizes below, at and just beyond the array; single rows and columns of elements.
        for m, n, k in [(1, 1, 1), (7, 1, 1), (1, 7, 1), (1, 1, 7), (4, 6, 5), (5, 7, 6), (8, 12, 10)]:
            yield case(*gemm(m, n, k), 4, 6, dataflow)
        for _ in range(12):
            rows, columns = rng.randint(2, 10), rng.randint(1, 10)
            yield case(*gemm(*(rng.randint(1, 30) for _ in range(3))), rows, columns, dataflow)
        yield case(*gemm(1, 96, 128), 16, 16, dataflow)
        yield case(*gemm(64, 48, 80), 32, 16, dataflow)
        yield case(*gemm(64, 48, 80), 16, 32, dataflow)
        # Operands that do not fit into half of an SRAM.
        yield case(*gemm(40, 36, 44), 8, 8, dataflow, 1)
        yield case(*gemm(90, 20, 60), 16, 4, dataflow, 2)
        for row in (
            "c, 7, 7, 3, 3, 4, 6, 1,",
            "c, 9, 8, 3, 2, 3, 5, 2,",
            "c, 6, 6, 1, 1, 8, 9, 2,",
            "c, 8, 8, 2, 2, 2, 4, 3,",
        ):
            yield case("convolution", row, 8, 6, dataflow)
    if not quick:
        for dataflow in ("os", "ws", "is"):
            yield case(*gemm(512, 768, 768), 128, 128, dataflow)
        for dataflow in ("os", "ws"):
            yield case(*gemm(512, 768, 768), 32, 32, dataflow)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    parser.add_argument("--quick", action="store_true", help="leave out the large cases")
    arguments = parser.parse_args()
    path = TARGET / f"{VERSION}.json"
    lines = [json.dumps({**case, **simulate(case)}) for case in cases(arguments.quick)]
    if arguments.check:
        committed = [line.rstrip(",") for line in path.read_text().splitlines()[1:-1]]
        differing = [line for line in lines if line not in committed]
        if differing:
            sys.exit("\n".join(["not in the committed file:", *differing]))
        print(f"{path.name}: unchanged")
        return
    if arguments.quick:
        sys.exit("--quick only checks: the committed file has all cases")
    TARGET.mkdir(parents=True, exist_ok=True)
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{path.name}: written, {len(lines)} cases")


if __name__ == "__main__":
    main()
