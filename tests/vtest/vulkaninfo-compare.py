#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what a Venus client sees with what a native client sees on the same driver.

Both inputs are the output of

    vulkaninfo --text --show-formats --show-promoted-structs

which is taken apart into flat records, "Section/field/..." = value. Every record that differs must
be explained by a rule of the differences file; the first one that is not makes the comparison fail.

The differences file has one rule per line (a backslash at the end continues a line):

    KIND KEY... [@client<VERSION|@client>=VERSION|@host<VERSION|@host>=VERSION ...] -- REASON

KEY is a shell pattern over record keys; one that starts with VK_ is that of device extensions.
VERSION is a Mesa version ("26", "25.0.7"); the versions are those that the two inputs name in their
driverInfo. A rule needs a reason. KIND is one of

    ignore    the record says nothing about the device
    value     the value may be another one
    lower     the value may be a lower version or number than native's
    wrapped   the value must be "Virtio-GPU Venus (NATIVE VALUE)"
    missing   the client may lack the record
    extra     the client may have a record that native lacks

A whole structure that the client lacks needs no rule of its own if the registry (vk.xml) says that
it belongs to an extension or core version which the client does not offer either: what has to be
explained then is the missing extension. The same holds the other way round.
"""

import argparse
import fnmatch
import re
import sys
import xml.etree.ElementTree as ElementTree

EXTENSIONS = "Device_Extensions"
KINDS = ("ignore", "value", "lower", "wrapped", "missing", "extra")
# vulkaninfo's sections that are not named after a structure.
API_VERSION = "VkPhysicalDeviceProperties/apiVersion"
DRIVER_INFO = "VkPhysicalDeviceDriverProperties/driverInfo"


class Failure(Exception):
    """An input that cannot be used."""


# ---------------------------------------------------------------------------------------------
# vulkaninfo's text


def is_underline(line):
    text = line.strip()
    return len(text) >= 3 and (set(text) == {"="} or set(text) == {"-"})


def split_line(text):
    """(key, value or None) of one line; a bare list item has the value ''."""
    text = re.sub(r":? count = \d+$", ":", text)
    match = re.fullmatch(r"(VK_\w+)\s*: extension revision\s+(\d+)", text)
    if match:
        return match.groups()
    if " = " in text:
        key, value = text.split(" = ", 1)
        return key.strip(), value.strip().rstrip(":")
    if text.endswith(":"):
        return text[:-1].strip(), None
    return text, ""


def parse_formats(lines):
    """Records of the "Format Properties" section, regrouped by format."""
    records = {}
    formats, part, feature = [], None, None
    for line in lines:
        text = re.sub(r": count = \d+$", ":", line.strip())
        if text.startswith("Common Format Group"):
            formats, part = [], None
        elif text.startswith("Unsupported Formats"):
            part = None
        elif text == "Formats:":
            part = "formats"
        elif text == "Properties:":
            part = "properties"
        elif part == "formats" and text:
            formats.append(text)
        elif part == "properties" and text.endswith(":"):
            feature = text[:-1]
        elif part == "properties" and text and text != "None":
            # Vulkan 1.3 prints the same bits under their 64-bit names.
            bit = text.replace("FORMAT_FEATURE_2_", "FORMAT_FEATURE_")
            for name in formats:
                records[f"Formats/{name}/{feature}/{bit}"] = "set"
    return records


def parse_section(name, lines):
    """Records of one section from its lines, whose structure is given by their indentation."""
    if name == "Format_Properties":
        return parse_formats(lines)
    records, path, position = {}, [], {}
    for line in lines:
        if not line.strip() or is_underline(line):
            continue
        depth = len(line) - len(line.lstrip("\t"))
        while path and path[-1][0] >= depth:
            path.pop()
        key, value = split_line(line.strip())
        above = "/".join([name] + [node for _, node in path])
        if value == "":
            if re.fullmatch(r"[-+0-9.e]+", key):  # an array of numbers: order counts
                index = position.get(above, 0)
                position[above] = index + 1
                records[f"{above}/[{index}]"] = key
            else:  # a set of names
                records[f"{above}/{key.replace(' ', '_')}"] = "set"
            continue
        key = key.replace(" ", "_")
        path.append((depth, key))
        if value is not None:
            records[f"{above}/{key}"] = value
    return records


def parse(path):
    """All records of one vulkaninfo output."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    devices = sum(bool(re.fullmatch(r"GPU\d+:", line)) for line in lines)
    if devices != 1:
        raise Failure(f"{path}: {devices} devices instead of one")
    # A section starts with an underlined line that is not indented; one is not underlined.
    bounds = [
        number for number, line in enumerate(lines[:-1])
        if re.match(r"\w", line) and is_underline(lines[number + 1])
        or line.startswith("Device Extensions:")
    ]
    records = {}
    for start, end in zip(bounds, bounds[1:] + [len(lines)]):
        name, _ = split_line(lines[start])
        name = name.replace(" ", "_")
        records.update(parse_section(name, lines[start + 1:end]))
    if API_VERSION not in records:
        raise Failure(f"{path}: no {API_VERSION}: not the output of vulkaninfo --text")
    return records


# ---------------------------------------------------------------------------------------------
# The registry


class Registry:
    """Which extensions and core versions bring a structure."""

    def __init__(self, path):
        root = ElementTree.parse(path).getroot()
        self.alias = {
            node.get("name"): node.get("alias")
            for node in root.iter("type")
            if node.get("alias") and node.get("category") == "struct"
        }
        self.providers = {}
        for feature in root.iter("feature"):
            if "vulkan" in feature.get("api", "").split(","):
                self._add(feature, feature.get("number"))
        for extension in root.iter("extension"):
            if extension.get("supported") != "disabled":
                self._add(extension, extension.get("name"))

    def _add(self, node, provider):
        for require in node.findall("require"):
            for kind in require.findall("type"):
                name = self.canonical(kind.get("name"))
                self.providers.setdefault(name, set()).add(provider)

    def canonical(self, name):
        """The name that the newest core version gives to a structure."""
        return self.alias.get(name, name)

    def offered(self, name, records):
        """Does the device of these records have something that brings the structure? None if the
        registry does not know the structure."""
        providers = self.providers.get(self.canonical(name))
        if providers is None:
            return None
        version = numbers(records[API_VERSION])[:2]
        for provider in providers:
            if provider[0].isdigit():
                if numbers(provider) <= version:
                    return True
            elif f"{EXTENSIONS}/{provider}" in records:
                return True
        return False


def canonical_records(records, registry):
    """The same records with structures under their canonical names."""
    result = {}
    for key, value in records.items():
        section, _, rest = key.partition("/")
        result[f"{registry.canonical(section)}/{rest}"] = value
    return result


# ---------------------------------------------------------------------------------------------
# Rules


def numbers(text):
    """The leading dotted number of a text as a tuple: "1.4.334 (4211022)" -> (1, 4, 334)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


class Rule:
    """One line of the differences file."""

    def __init__(self, line, where):
        head, separator, reason = line.partition(" -- ")
        words = head.split()
        if not separator or not reason.strip() or len(words) < 2 or words[0] not in KINDS:
            raise Failure(f"{where}: expected KIND KEY... [@CONDITION...] -- REASON")
        self.kind, self.where, self.used = words[0], where, 0
        self.keys, self.conditions = [], []
        for word in words[1:]:
            match = re.fullmatch(r"@(client|host)(<|>=)([\d.]+)", word)
            if match:
                self.conditions.append(match.groups())
            elif word.startswith("@"):
                raise Failure(f"{where}: bad condition {word}")
            else:
                self.keys.append(f"{EXTENSIONS}/{word}" if word.startswith("VK_") else word)

    def applies(self, key, versions):
        """Is the rule about this record, in this pairing of Mesa versions?"""
        if not any(fnmatch.fnmatchcase(key, pattern) for pattern in self.keys):
            return False
        for side, operator, limit in self.conditions:
            below = versions[side] < numbers(limit)
            if below != (operator == "<"):
                return False
        return True

    def allows(self, native, client):
        """Does the rule explain this difference? A side that lacks the record is None."""
        if self.kind == "ignore":
            return True
        if native is None:
            return self.kind == "extra"
        if client is None:
            return self.kind == "missing"
        if self.kind == "lower":
            return bool(numbers(client)) and numbers(client) <= numbers(native)
        if self.kind == "wrapped":
            return client == f"Virtio-GPU Venus ({native})"
        return self.kind == "value"


def read_rules(path):
    rules, text = [], ""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if line.startswith("#"):
                continue
            text += line.removesuffix("\\")
            if text and not line.endswith("\\"):
                rules.append(Rule(text, f"{path}:{number}"))
                text = ""
    if text:
        raise Failure(f"{path}: the last line is to be continued")
    return rules


# ---------------------------------------------------------------------------------------------
# Comparison


def mesa_version(records, path):
    """The Mesa version that the device names in its driverInfo."""
    match = re.match(r"Mesa (\d+(\.\d+)*)", records.get(DRIVER_INFO, ""))
    if not match:
        raise Failure(f"{path}: driverInfo names no Mesa version")
    return numbers(match.group(1))


def whole_structure_explained(key, registry, native, client):
    """Is the record part of a structure that the registry says one side must not have?"""
    lacking = native if key not in native else client
    path = key.split("/")
    for depth, name in enumerate(path):
        prefix = "/".join(path[:depth + 1]) + "/"
        if (name.startswith("Vk") and registry.offered(name, lacking) is False
                and not any(other.startswith(prefix) for other in lacking)):
            return True
    return False


def compare(native, client, registry, rules, versions):
    """Records that differ with no rule to explain it, as lines of text."""
    unexplained = []
    for key in sorted(native.keys() | client.keys()):
        mine, theirs = native.get(key), client.get(key)
        if mine == theirs:
            continue
        applying = [rule for rule in rules if rule.applies(key, versions)]
        allowing = [rule for rule in applying if rule.allows(mine, theirs)]
        for rule in allowing:
            rule.used += 1
        if allowing:
            continue
        if None in (mine, theirs) and whole_structure_explained(key, registry, native, client):
            continue
        unexplained.append(
            f"{key}: native {'lacks it' if mine is None else mine}, "
            f"client {'lacks it' if theirs is None else theirs}")
    return unexplained


def check_required(client, path):
    """What the file demands and the client lacks, as lines of text. The file has one demand per
    line: the name of a device extension, or "Vulkan VERSION"."""
    problems, demands = [], 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            demands += 1
            if line.startswith("Vulkan "):
                if numbers(client[API_VERSION]) < numbers(line.split()[1]):
                    problems.append(f"Vulkan {client[API_VERSION]} is below the required {line}")
            elif f"{EXTENSIONS}/{line}" not in client:
                problems.append(f"{line}: required, but not offered")
    if not demands:
        raise Failure(f"{path}: demands nothing")
    return problems


def main():
    parser = argparse.ArgumentParser(
        description="Compare vulkaninfo through Venus with vulkaninfo on the host.")
    parser.add_argument("--native", required=True, help="vulkaninfo's output on the host")
    parser.add_argument("--client", required=True, help="vulkaninfo's output through Venus")
    parser.add_argument("--registry", required=True, help="vk.xml of the newer of the two")
    parser.add_argument("--differences", required=True, help="rules that explain differences")
    parser.add_argument("--require", metavar="FILE", help="what must be offered at least")
    parser.add_argument("--verbose", action="store_true", help="also print how often rules applied")
    options = parser.parse_args()

    registry = Registry(options.registry)
    native = canonical_records(parse(options.native), registry)
    client = canonical_records(parse(options.client), registry)
    rules = read_rules(options.differences)
    versions = {
        "host": mesa_version(native, options.native),
        "client": mesa_version(client, options.client),
    }
    unexplained = compare(native, client, registry, rules, versions)
    problems = check_required(client, options.require) if options.require else []
    for line in unexplained + problems:
        print(line)
    if options.verbose:
        for rule in rules:
            print(f"{rule.where}: {rule.kind} {' '.join(rule.keys)}: {rule.used}")
    extensions = sum(key.startswith(EXTENSIONS + "/") for key in client)
    print(f"{len(native)} records natively, {len(client)} through Venus, "
          f"{len(unexplained)} unexplained differences; "
          f"Vulkan {client[API_VERSION]}, {extensions} device extensions")
    return 1 if unexplained or problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, ElementTree.ParseError) as failure:
        print(f"vulkaninfo-compare: {failure}", file=sys.stderr)
        sys.exit(2)
