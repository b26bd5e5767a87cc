"""The process that reads mutants: format and number as JSON on standard input, one mutant per line.

It may die, hang or need too much memory; `tools.mutants.__main__` watches it.
"""

import json
import resource
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from bertbench.runtime import import_quietly

MEMORY = 3 * 2**30  # bytes of address space more than at the start


def main() -> None:
    import_quietly()
    from tools.mutants.formats import BY_NAME
    from tools.mutants.trial import Trial

    trials: dict[str, Trial] = {}
    with tempfile.TemporaryDirectory() as folder:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        print(flush=True)  # ready
        for line in sys.stdin:
            name, number = json.loads(line)
            if name not in trials:
                place = Path(folder, str(len(trials)))
                place.mkdir()
                trials[name] = Trial(BY_NAME[name], place)
            print(json.dumps(asdict(trials[name].try_mutant(number))), flush=True)


if __name__ == "__main__":
    main()
