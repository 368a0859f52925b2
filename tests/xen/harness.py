# SPDX-License-Identifier: MIT
"""Parts of a test group, for tests/lib/runner.sh: each prints a line `ok NAME (SECONDS s)` or
`not ok NAME`, and why before it."""
import contextlib
import subprocess
import sys
import time
import traceback

from testbed import Failure


class Group:
    """with group.part("name"): whatever raises makes the part fail, and the others go on."""

    def __init__(self):
        self.failed = 0

    @contextlib.contextmanager
    def part(self, name):
        start = time.monotonic()
        try:
            yield
        except (Failure, ValueError, LookupError, OSError, subprocess.SubprocessError) as error:
            if not isinstance(error, Failure):
                traceback.print_exc(file=sys.stdout)
            self.failed += 1
            print(f"# {error}".replace("\n", "\n# "))
            print(f"not ok {name}", flush=True)
        else:
            print(f"ok {name} ({time.monotonic() - start:.1f} s)", flush=True)

    def end(self):
        sys.exit(1 if self.failed else 0)


def expect(condition, message):
    if not condition:
        raise Failure(message)
