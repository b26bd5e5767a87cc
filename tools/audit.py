"""`python tools/audit.py`: checks the packages of CI (ci-constraints.txt) for known vulnerabilities.

If the database cannot be reached, it prints the reason and exits with status 0.
"""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "ci-constraints.txt"
DATABASE = "https://pypi.org/pypi/pip/json"  # pip-audit requests such a page for each package
SECONDS = 20


def main() -> int:
    """Run the audit; returns exit status 1 if a package has a known vulnerability."""
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
