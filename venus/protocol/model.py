# SPDX-License-Identifier: MIT
"""What crosses the wire: the registry joined with our tables (commands.txt, mesa.txt, rules.txt)."""

import os
import re

from registry import Command, Member, Registry, Type

MESA_EXTENSION_STYPE = 1000384000
# VK_EXT_command_serialization and VK_MESA_venus_protocol are not in vk.xml; numbers reserved there.
VENUS_EXTENSIONS = [('VK_EXT_command_serialization', 384, 1), ('VK_MESA_venus_protocol', 385, 3)]


class Unsupported(Exception):
    """This member cannot cross the wire; the message says why."""


def snake_upper(name):
    """VkRingCreateInfoMESA -> RING_CREATE_INFO_MESA"""
    body = re.match(r'Vk(.*)MESA$', name)[1]
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', body).upper() + '_MESA'


class Model:
    def __init__(self, registry_path, tables):
        self.registry = Registry(registry_path)
        self.types = self.registry.types
        self.object_types = self._read_object_types(os.path.join(tables, '..', 'object.h'))
        self.handlers, self.refused = set(), {}
        self.excluded, self.forced = {}, {}
        self.mesa_structs = []
        self.mesa_stype = {}
        self.unknown_numbers = {}   # number -> name, not in this registry
        self._read_rules(os.path.join(tables, 'rules.txt'))
        self._read_mesa(os.path.join(tables, 'mesa.txt'))
        self._read_numbers(os.path.join(tables, 'commands.txt'))
        self._support = {}
        self._choose_extensions()
        self._find_modes()

    # ---- tables ----

    @staticmethod
    def _read_object_types(path):
        with open(path) as f:
            return dict(re.findall(r'X\((\w+), ([01])\)', f.read()))

    @staticmethod
    def _lines(path):
        with open(path) as f:
            for number, line in enumerate(f, 1):
                text = line.split('#')[0].rstrip()
                if text:
                    yield '%s:%d' % (os.path.basename(path), number), text

    def _read_rules(self, path):
        for where, line in self._lines(path):
            words, _, reason = line.partition(' : ')
            verb, *names = words.split()
            if verb == 'handler':
                self.handlers.update(names)
            elif verb == 'length':
                self._set_length(*names[:2], names[2:])
            elif verb in ('refuse', 'exclude-extension', 'include-extension') and reason:
                table = {'refuse': self.refused, 'exclude-extension': self.excluded,
                         'include-extension': self.forced}[verb]
                table.update((n, reason) for n in names)
            else:
                raise ValueError('%s: cannot read: %s' % (where, line))

    def _set_length(self, command, parameter, expressions):
        cmd = self.registry.commands.get(command)
        for p in cmd.params if cmd else []:
            if p.name == parameter:
                p.len = expressions

    def _mesa_member(self, words):
        m = Member()
        m.name, m.type = words[0], words[1].rstrip('*')
        m.ptr = words[1].count('*')
        out = 'out' in words[2:]
        m.const = m.ptr > 0 and not out
        m.optional = 'optional' in words[2:]
        for w in words[2:]:
            if w.startswith('len='):
                m.len = [w[4:]]
        m.decl = ('const ' if m.const else '') + m.type + ' ' + '*' * m.ptr + '@'
        return m

    def _read_mesa(self, path):
        current = None
        for where, line in self._lines(path):
            words = line.split()
            if words[0] == 'struct':
                current = Type(words[1], 'struct')
                if words[2] != '-':
                    current.stype = 'VENUS_STRUCTURE_TYPE_' + snake_upper(words[1])
                    self.mesa_stype[current.stype] = MESA_EXTENSION_STYPE + int(words[2])
                    for name, decl in (('sType', 'VkStructureType @'),
                                       ('pNext', 'const void *@')):
                        m = Member()
                        m.name, m.decl = name, decl
                        m.type = 'VkStructureType' if name == 'sType' else 'void'
                        m.ptr = int(name == 'pNext')
                        current.members.append(m)
                self.types[words[1]] = current
                self.mesa_structs.append(current)
            elif words[0] == 'command':
                current = Command(words[1])
                current.ret, current.mesa = words[2], True
                self.registry.commands[words[1]] = current
            elif words[0] == 'extends':
                current.extends = words[1:]
            elif isinstance(current, Command):
                current.params.append(self._mesa_member(words))
            elif current is not None:
                current.members.append(self._mesa_member(words))
            else:
                raise ValueError('%s: cannot read: %s' % (where, line))

    def _read_numbers(self, path):
        self.by_number = {}
        for where, line in self._lines(path):
            number, _, *names = line.split()
            base = next((self.registry.base_command(n) for n in names
                         if self.registry.base_command(n) in self.registry.commands), None)
            if base is None:
                self.unknown_numbers[int(number)] = names[0]
                continue
            cmd = self.registry.commands[base]
            cmd.number, cmd.canonical = int(number), names[0]
            self.by_number[cmd.number] = cmd

    # ---- what can be serialised ----

    def stype_value(self, t):
        if t.stype in self.mesa_stype:
            return self.mesa_stype[t.stype]
        return self.registry.stype_value(t)

    def object_type(self, type_name):
        """The suffix of VENUS_OBJECT_*, or None for handles that never cross the wire."""
        name = self.registry.base_type(type_name)[2:]
        return name if name in self.object_types else None

    def check_member(self, m, output):
        t = self.registry.type(m.type)
        if m.name == 'pNext':
            return
        if t.kind in ('funcptr', 'opaque') or t.protect:
            raise Unsupported('%s has type %s' % (m.name, m.type))
        if t.kind == 'handle' and not self.object_type(m.type):
            raise Unsupported('%s is a %s, which has no object type' % (m.name, m.type))
        if t.kind == 'void' and m.ptr and not m.len and (output or not m.optional):
            raise Unsupported('%s points to an unknown amount' % m.name)
        if m.type == 'int' and m.name == 'fd':
            raise Unsupported('%s is a file descriptor' % m.name)
        if m.bits or len(m.fixed) > 1 or m.ptr > 2:
            raise Unsupported('%s has a shape that the wire lacks' % m.name)
        if t.kind == 'union' and output:
            raise Unsupported('%s is a union in an output' % m.name)
        if t.kind in ('struct', 'union'):
            self.check_type(t, output)

    def check_type(self, t, output=False):
        """Raise Unsupported if a value of this type cannot cross the wire."""
        key = (t.name, output)
        if key not in self._support:
            self._support[key] = None   # a type may refer to itself
            try:
                if t.protect:
                    raise Unsupported('not in vulkan_core.h')
                if t.kind == 'union' and t.name.startswith('VkDeviceOrHostAddress'):
                    return
                for m in t.members:
                    self.check_member(m, output)
            except Unsupported as e:
                self._support[key] = '%s.%s' % (t.name, e)
        if self._support[key]:
            raise Unsupported(self._support[key])

    def supported(self, t, output=False):
        try:
            self.check_type(t, output)
            return True
        except Unsupported:
            return False

    # ---- extensions ----

    def why_not(self, ext):
        """Why an extension cannot be offered by the general rule, or None."""
        if ext.platform:
            return 'needs platform ' + ext.platform
        for name in sorted(ext.commands):
            if name in self.registry.commands and self.registry.commands[name].number is None:
                return 'the protocol has no number for ' + name
        for name in sorted(ext.types):
            t = self.types.get(name)
            if t and t.extends and not (self.supported(t) or self.supported(t, True)):
                return 'cannot serialise ' + name
        return None

    def _choose_extensions(self):
        self.extensions = []        # offered ones, Extension objects
        self.rejected = {}          # name -> reason
        for ext in self.registry.extensions:
            reason = self.excluded.get(ext.name)
            if not reason and ext.name not in self.forced:
                reason = self.why_not(ext)
            if reason:
                self.rejected[ext.name] = reason
            else:
                self.extensions.append(ext)
        self.wire_types = {self.registry.base_type(n) for n in self.registry.core_types}
        for ext in self.extensions:
            self.wire_types |= ext.types
        self.wire_types |= {t.name for t in self.mesa_structs}

    # ---- which structs are needed, and in which direction ----

    def _find_modes(self):
        self.children = {}          # parent struct -> chainable struct types
        for t in self.types.values():
            if t.kind == 'struct' and t.stype and t.name in self.wire_types:
                if self.stype_value(t) is None:
                    continue
                if self.supported(t) or self.supported(t, True):
                    for parent in t.extends:
                        self.children.setdefault(self.registry.base_type(parent), []).append(t)
        self.modes = {}             # struct name -> {'in', 'out'}
        for cmd in self.by_number.values():
            if cmd.canonical in self.refused:
                continue
            for p in cmd.params:
                t = self.registry.type(p.type)
                if t.kind in ('struct', 'union') and p.type != 'VkAllocationCallbacks':
                    self._need(t, 'out' if p.ptr and not p.const else 'in')
        for parent in self.children:
            self.children[parent].sort(key=self.stype_value)

    def _need(self, t, mode):
        modes = self.modes.setdefault(t.name, set())
        if mode in modes:
            return
        self.check_type(t, mode == 'out')
        modes.add(mode)
        if t.kind == 'union' and t.name.startswith('VkDeviceOrHostAddress'):
            return
        for m in t.members:
            inner = self.registry.type(m.type)
            if inner.kind in ('struct', 'union'):
                self._need(inner, mode)
        for child in self.children.get(t.name, []) if t.stype else []:
            if self.supported(child, mode == 'out'):
                self._need(child, mode)

    # ---- layout ----

    def flat_layout(self, t):
        """(size, alignment) in C of a struct or scalar whose wire form is the same bytes, or None."""
        if t.kind == 'scalar':
            return (t.size, t.size) if t.size in (4, 8) else None
        if t.kind != 'struct' or t.stype or not t.members:
            return None
        offset, align = 0, 1
        for m in t.members:
            inner = None if m.ptr or m.fixed or m.bits else \
                self.flat_layout(self.registry.type(m.type))
            if inner is None or offset % inner[1]:
                return None
            offset += inner[0]
            align = max(align, inner[1])
        return (offset, align) if offset % align == 0 else None
