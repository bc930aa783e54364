"""Makes the table of src/cost/sram-table.ts: CACTI 7.0 run over capacities, widths and cell types.

    git clone https://github.com/HewlettPackard/cacti && cd cacti && make      # commit 1ffd8dfb1030
    python3 sram_table.py path/to/cacti > table.txt

The configuration is CACTI's cache.cfg with: type "ram", one bank, one read-write port, 32 nm, 350 K, the same ITRS type
for cells and periphery, output bus as wide as the block.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

NODE = "0.032"
CELLS = ["itrs-hp", "itrs-lop", "itrs-lstp"]
CAPACITIES = [4096 * 4**i for i in range(7)]
WIDTHS = [64, 256, 1024]


def configure(base: str, cell: str, capacity: int, width: int) -> str:
    settings = {
        r"size \(bytes\)": f"size (bytes) {capacity}",
        r"block size \(bytes\)": f"block size (bytes) {width // 8}",
        "associativity": "associativity 1",
        r"technology \(u\)": f"technology (u) {NODE}",
        "output/input bus width": f"output/input bus width {width}",
        "operating temperature": "operating temperature (K) 350",
        "cache type": 'cache type "ram"',
        "Print level": 'Print level (DETAILED, CONCISE) - "CONCISE"',
    }
    for array in ("Data", "Tag"):
        for part in ("cell", "peripheral"):
            settings[f"{array} array {part} type"] = f'{array} array {part} type - "{cell}"'
    for key, line in settings.items():
        base, found = re.subn(rf"(?m)^-{key}.*$", f"-{line}", base)
        assert found, key
    return base


def run(folder: Path, cell: str, capacity: int, width: int) -> list[float]:
    text = configure((folder / "cache.cfg").read_text(), cell, capacity, width)
    with tempfile.NamedTemporaryFile("w", suffix=".cfg", dir=folder) as file:
        file.write(text)
        file.flush()
        out = subprocess.run(["./cacti", "-infile", file.name], cwd=folder, capture_output=True, text=True).stdout

    def number(label: str) -> float:
        return float(re.search(rf"{label}[^:]*:\s*([-+.\de]+)", out)[1])

    height, breadth = re.search(r"height x width \(mm\):\s*([-+.\de]+) x ([-+.\de]+)", out).groups()
    return [
        number("Total dynamic read energy per access") * 1000 / width,
        number("Total dynamic write energy per access") * 1000 / width,
        number("Total leakage power of a bank") + number("Total gate leakage power of a bank"),
        float(height) * float(breadth),
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    for cell in CELLS:
        for width in WIDTHS:
            for capacity in CAPACITIES:
                values = ", ".join(f"{value:.4g}" for value in run(folder, cell, capacity, width))
                print(f"{cell} {width} [{capacity}, {values}],", flush=True)
