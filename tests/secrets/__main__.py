"""`python -m tests.secrets`: fails where a committed file holds a credential that the baseline does not know.

`python -m tests.secrets --accept` writes the baseline anew, once each finding is known to be an example that opens
nothing.
"""

import sys
from pathlib import Path

from tests.secrets.scan import scan

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.txt")


def main() -> int:
    """Returns the exit status."""
    found = scan(ROOT)
    if "--accept" in sys.argv[1:]:
        BASELINE.write_text("".join(f"{line}\n" for line in sorted({one.baseline for one in found})))
        return 0
    known = set(BASELINE.read_text().splitlines())
    new = [one for one in found if one.baseline not in known]
    for one in new:
        sys.stdout.write(f"{one.path}:{one.line}: {one.shape}\n")
    if new:
        sys.stdout.write(
            "Take it out, and change the credential: it is in the history. Is it an example that opens nothing? "
            "Then python -m tests.secrets --accept\n"
        )
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
