"""Best tilings of matrix products on fused-precision arrays, from ANT's public simulator.

    git clone https://github.com/clevercool/ANT-Quantization
    python tools/golden/fused_tiling.py ANT-Quantization/ant_simulator

Needs nothing but Python: the simulator's optimiser imports numpy and does not use it here. Its memory
energies come from CACTI and are read from its table, so CACTI is not needed either. Minutes; writes
test/golden/cost/fused-tiling.json, one product a line: accesses are bits.
"""

import json
import sys
import types
from itertools import permutations
from pathlib import Path

sys.modules["numpy"] = types.ModuleType("numpy")
sys.path.insert(0, sys.argv[1])

from bitfusion.src.optimizer import optimizer  # noqa: E402
from bitfusion.src.simulator.accelerator import Accelerator  # noqa: E402
from bitfusion.src.simulator.energy import EnergyTuple  # noqa: E402

FREQUENCY = 500e6
# nW of one PE, dynamic and leakage: results/systolic_array_synth.csv.
PE = {8: (279960, 64314), 6: (123882, 28458)}
LOOPS = ["B/b", "OW/ow", "OH/oh", "IC/ic", "OC/oc"]

OLIVE, OLACCEL, ADAFLOAT, BISCALED = (32, 32, 8, 4), (16, 18, 8, 4), (32, 28, 8, 4), (32, 80, 6, 6)
BERT = [(8192, 768, 768), (8192, 768, 3072), (8192, 3072, 768)]
HEADS = [(64, 768, 768), (64, 768, 2), (64, 768, 3)]
# array, weight stationary, bits, (m, k, n)
CASES = [
    *(
        (array, stationary, bits, shape)
        for shape in BERT
        for array, stationary, bits in [
            (OLIVE, False, 4),
            (OLIVE, False, 8),
            (OLIVE, True, 4),
            (OLIVE, True, 8),
            (OLACCEL, False, 4),
            (ADAFLOAT, False, 8),
        ]
    ),
    *(
        (array, stationary, bits, shape)
        for array, stationary, bits in [
            (OLIVE, False, 8),
            (OLIVE, True, 8),
            (ADAFLOAT, False, 8),
            (OLACCEL, False, 4),
            (OLACCEL, False, 8),
        ]
        for shape in HEADS
    ),
    (BISCALED, False, 6, (1000, 300, 77)),
    (BISCALED, True, 6, (1000, 300, 77)),
    (OLIVE, False, 4, (1, 4096, 4096)),
    (OLIVE, True, 4, (1, 4096, 4096)),
    (OLACCEL, False, 4, (7, 5000, 333)),
    ((8, 8, 8, 8), False, 8, (100000, 16, 1000)),
]


def energies(rows: int, columns: int, bits: int) -> EnergyTuple:
    dynamic, leakage = PE[bits]
    multipliers = rows * columns / FREQUENCY
    # nJ an access, nJ an access, mW: bitfusion/sram/cacti_sweep.csv
    return EnergyTuple(
        core_leak_energy=leakage * multipliers,
        core_dynamic_energy=dynamic * multipliers,
        wbuf_read_energy=0.0168924 / 512,
        wbuf_write_energy=0.0203422 / 512,
        ibuf_read_energy=0.0177688 / 512,
        ibuf_write_energy=0.0248866 / 512,
        obuf_read_energy=0.000294945 / 32,
        obuf_write_energy=0.000415925 / 32,
        sram_leak_energy=(2.96594 * 32 + 5.4983 * 32 + 0.127708 * 1024) * 1e6 / FREQUENCY,
    )


def best(array, stationary, bits, shape) -> dict:
    rows, columns, max_bits, min_bits = array
    m, k, n = shape
    sram = {"wgt": 131072, "act": 262144, "out": 131072}
    accelerator = Accelerator(rows, columns, max_bits, min_bits, sram, 1024, int(FREQUENCY))
    energy = energies(rows, columns, max_bits)
    parameters = (accelerator, 1, 1, 1, k, n, m, bits, bits, True, stationary, energy)
    found = None
    for order in sorted(permutations(LOOPS)):
        tiling, _, cycles, joules = optimizer._optimize_for_order(parameters, order)
        if found is None or (cycles, joules) < found[:2]:
            found = (cycles, joules, tiling, order)
    stats = optimizer.get_stats_fast(parameters, found[2], found[3])
    return {
        "array": {
            "rows": rows,
            "columns": columns,
            "dataflow": "weight-stationary" if stationary else "output-stationary",
            "maxBits": max_bits,
            "minBits": min_bits,
        },
        "bits": bits,
        "m": m,
        "k": k,
        "n": n,
        "cycles": stats.total_cycles,
        "stall": stats.mem_stall_cycles,
        "weight": {"reads": stats.reads["wgt"], "writes": stats.writes["wgt"]},
        "input": {"reads": stats.reads["act"], "writes": stats.writes["act"]},
        "output": {"reads": stats.reads["out"], "writes": stats.writes["out"]},
        "dram": {"reads": stats.reads["dram"], "writes": stats.writes["dram"]},
    }


path = Path(__file__).resolve().parents[2] / "test" / "golden" / "cost" / "fused-tiling.json"
path.parent.mkdir(exist_ok=True)
path.write_text("[\n" + ",\n".join(json.dumps(best(*case)) for case in CASES) + "\n]\n")
