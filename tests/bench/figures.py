# SPDX-License-Identifier: MIT
"""Put measured figures into a document."""


def update(path, name, lines):
    """Replace what is between the lines "<!-- BEGIN name -->" and "<!-- END name -->" of a file."""
    begin, end = f"<!-- BEGIN {name} -->", f"<!-- END {name} -->"
    with open(path, encoding="utf-8") as file:
        old = file.read().split("\n")
    try:
        start, stop = old.index(begin), old.index(end)
    except ValueError:
        raise SystemExit(f"{path} has no lines {begin} and {end}") from None
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(old[:start + 1] + list(lines) + old[stop:]))
