"""The process that reads mutants: `python -m tools.mutants.worker FORMAT FIRST END`, a line of JSON for each.

It may die, hang or need too much memory; `tools.mutants.__main__` watches over it.
"""

import json
import resource
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bertbench.runtime import import_quietly

MEMORY = 2 * 2**30  # bytes in addition to an idle worker's


def main() -> None:
    import_quietly()
    from tools.mutants.formats import BY_NAME
    from tools.mutants.trial import Trial

    name, first, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(BY_NAME[name], Path(folder))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        print(flush=True)  # ready
        for number in range(first, end):
            print(json.dumps(asdict(trial.try_mutant(number))), flush=True)


if __name__ == "__main__":
    main()
