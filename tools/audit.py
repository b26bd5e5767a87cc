"""`python tools/audit.py`: checks what CI installs (ci-constraints.txt) for known vulnerabilities.

If the database cannot be reached, it prints the reason and exits with status 0.
"""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "ci-constraints.txt"
DATABASE = "https://pypi.org/pypi/pip/json"  # pip-audit asks such a page for each package
SECONDS = 20


def main() -> int:
    """Audit and return the exit status: 1 where a package is known to be vulnerable."""
    try:
        with urllib.request.urlopen(DATABASE, timeout=SECONDS):
            pass
    except (urllib.error.URLError, TimeoutError) as error:
        print(f"Not audited: {DATABASE} cannot be reached ({error}).")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(CONSTRAINTS)]
    return subprocess.run([*command, "--no-deps", "--disable-pip", "--progress-spinner", "off"]).returncode


if __name__ == "__main__":
    sys.exit(main())
