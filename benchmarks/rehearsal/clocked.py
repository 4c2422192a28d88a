"""Run Python with these arguments, and add its seconds and its peak memory as a line to the file $REHEARSAL_CLOCK.

Stands in for `python` while DVC runs, so that a stage is measured by itself and without DVC's hashing. Uses the
standard library alone: it runs where the project's own packages are another copy's.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Run it, note what it took, and end as it did."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *sys.argv[1:]])
    _, status, used = os.wait4(process.pid, 0)
    noted = {
        "arguments": sys.argv[1:],
        "seconds": time.perf_counter() - start,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }
    with open(os.environ["REHEARSAL_CLOCK"], "a", encoding="utf-8") as opened:  # noqa: PTH123
        opened.write(json.dumps(noted) + "\n")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
