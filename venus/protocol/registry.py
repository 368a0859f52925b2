# SPDX-License-Identifier: MIT
"""Khronos' vk.xml, plus our table of the MESA additions, as plain Python objects."""

import re
import xml.etree.ElementTree as ET


class Member:
    """A struct member or a command parameter."""

    def __init__(self):
        self.name = ''
        self.type = ''
        self.const = False      # what the (outer) pointer points to is const
        self.ptr = 0            # number of '*'
        self.fixed = []         # array dimensions
        self.bits = None        # width of a bit field
        self.len = None         # list of length expressions, outermost first
        self.optional = False   # may be absent
        self.noautovalidity = False
        self.values = None      # the one legal sType
        self.selector = None    # of a union: the member that says which of its members is meant
        self.selection = []     # of a union's member: the selector's values that mean it
        self.decl = ''          # C declaration without the name, '@' where the name goes

    @property
    def may_be_absent(self):
        return self.optional or self.noautovalidity

    @property
    def string(self):
        return self.len is not None and self.len[-1] == 'null-terminated'

    def declare(self, name=None):
        return self.decl.replace('@', name or self.name)


class Type:
    """kind: scalar, handle, struct, union, void, funcptr, opaque."""

    def __init__(self, name, kind, size=0):
        self.name = name
        self.kind = kind
        self.size = size        # scalars: in C, bytes
        self.members = []
        self.stype = None       # name of the structure type constant
        self.extends = []
        self.dispatchable = False
        self.protect = False    # not in vulkan_core.h


class Command:
    def __init__(self, name):
        self.name = name
        self.ret = 'void'
        self.params = []
        self.aliases = []       # other names of the same command
        self.number = None      # on the Venus wire
        self.canonical = name   # most promoted name, stable over registry versions
        self.mesa = False
        self.loses_device = False  # may give VK_ERROR_DEVICE_LOST


class Extension:
    def __init__(self, name, number, kind):
        self.name = name
        self.number = number
        self.kind = kind        # 'instance' or 'device'
        self.spec_version = 0
        self.platform = None
        self.commands = set()      # that it always brings
        self.all_commands = set()  # with those that need a further extension
        self.types = set()


BASIC = {
    'uint8_t': 1, 'int8_t': 1, 'char': 1, 'uint16_t': 2, 'int16_t': 2, 'uint32_t': 4,
    'int32_t': 4, 'float': 4, 'int': 4, 'uint64_t': 8, 'int64_t': 8, 'double': 8, 'size_t': 8,
}


def for_vulkan(element):
    return 'vulkan' in (element.get('api') or 'vulkan').split(',')


class Registry:
    def __init__(self, path):
        root = ET.parse(path).getroot()
        self.types = {name: Type(name, 'scalar', size) for name, size in BASIC.items()}
        self.types['void'] = Type('void', 'void')
        self.type_alias = {}
        self.commands = {}      # by base name
        self.command_alias = {}
        self.extensions = []
        self.constants = {}
        self.enums = {}
        self.enum_alias = {}
        self.core_types = set()
        self.core_commands = {}     # name -> number of the first Vulkan version with it
        self.header_version = None
        self.version = (1, 0)
        self._read_constants(root)
        self._read_types(root)
        self._read_commands(root)
        self._read_features(root)
        self._read_extensions(root)

    # ---- reading ----

    def _read_constants(self, root):
        for group in root.findall('enums'):
            for e in group.findall('enum'):
                value = e.get('value')
                if value is None:
                    continue
                try:
                    self.constants[e.get('name')] = int(value.strip('()UL~'), 0)
                except ValueError:
                    pass

    def _add_enum(self, e, number):
        if e.get('extends') != 'VkStructureType':
            return
        name = e.get('name')
        if e.get('alias'):
            self.enum_alias[name] = e.get('alias')
        elif e.get('value'):
            self.constants[name] = int(e.get('value'), 0)
        elif e.get('offset') is not None:
            n = int(e.get('extnumber') or number)
            value = 1000000000 + (n - 1) * 1000 + int(e.get('offset'))
            self.constants[name] = -value if e.get('dir') else value

    def _read_member(self, element):
        m = Member()
        m.name = element.find('name').text
        m.type = element.find('type').text
        pre = element.text or ''
        mid = element.find('type').tail or ''
        post = element.find('name').tail or ''
        for e in element.findall('enum'):
            post += (e.text or '') + (e.tail or '')
        m.const = 'const' in pre
        m.ptr = mid.count('*')
        m.fixed = [int(a) if a.isdigit() else self.constants[a]
                   for a in re.findall(r'\[(\w+)\]', post)]
        bits = re.search(r':(\d+)', post)
        m.bits = int(bits[1]) if bits else None
        length = element.get('altlen') or element.get('len')
        if element.get('len') == 'null-terminated':
            length = 'null-terminated'
        if length and not length.startswith('latexmath'):
            parts = [p.strip() for p in self._split_length(length)]
            m.len = [p for p in parts]
        elif length:
            raise ValueError('length of %s has no altlen' % m.name)
        m.optional = (element.get('optional') or '').split(',')[0] == 'true'
        m.noautovalidity = element.get('noautovalidity') == 'true'
        m.values = element.get('values')
        m.selector = element.get('selector')
        m.selection = [v for v in (element.get('selection') or '').split(',') if v]
        m.decl = ' '.join((pre + m.type + mid).split()) + ' @' + \
            ''.join('[%d]' % n for n in m.fixed)
        return m

    @staticmethod
    def _split_length(length):
        # commas inside parentheses do not separate
        parts, depth, cur = [], 0, ''
        for c in length:
            depth += (c == '(') - (c == ')')
            if c == ',' and not depth:
                parts.append(cur)
                cur = ''
            else:
                cur += c
        return parts + [cur]

    def _read_types(self, root):
        widths = {g.get('name'): int(g.get('bitwidth') or 32) for g in root.findall('enums')}
        for t in root.find('types'):
            if t.tag != 'type' or not for_vulkan(t):
                continue
            kind = t.get('category')
            name = t.get('name') or (t.findtext('name') or
                                     t.findtext('proto/name'))
            if not name:
                continue
            if name == 'VK_HEADER_VERSION':
                self.header_version = int(t.find('name').tail)
            elif name == 'VK_HEADER_VERSION_COMPLETE':
                nums = re.findall(r'\d+', t.find('type').tail)
                self.version = (int(nums[1]), int(nums[2]))
            if t.get('alias'):
                self.type_alias[name] = t.get('alias')
            elif kind in ('struct', 'union'):
                out = Type(name, kind)
                out.members = [self._read_member(m) for m in t.findall('member') if for_vulkan(m)]
                if out.members and out.members[0].values and out.members[0].name == 'sType':
                    out.stype = out.members[0].values.split(',')[0]
                out.extends = [e for e in (t.get('structextends') or '').split(',') if e]
                self.types[name] = out
            elif kind == 'handle':
                out = Type(name, 'handle')
                out.dispatchable = t.findtext('type') == 'VK_DEFINE_HANDLE'
                self.types[name] = out
            elif kind == 'enum':
                self.types[name] = Type(name, 'scalar', widths.get(name, 32) // 8)
            elif kind == 'bitmask':
                self.types[name] = Type(name, 'scalar', 8 if t.findtext('type') == 'VkFlags64'
                                        else 4)
            elif kind == 'basetype':
                base = t.findtext('type')
                if base in BASIC:
                    self.types[name] = Type(name, 'scalar', BASIC[base])
                else:
                    self.types[name] = Type(name, 'opaque')
            elif kind == 'funcpointer':
                self.types[name] = Type(name, 'funcptr')
            elif name not in self.types and kind is None:
                self.types[name] = Type(name, 'opaque')

    def _read_commands(self, root):
        for c in root.find('commands'):
            if c.get('alias'):
                self.command_alias[c.get('name')] = c.get('alias')
                continue
            if c.tag != 'command' or not for_vulkan(c):
                continue
            cmd = Command(c.findtext('proto/name'))
            cmd.ret = c.findtext('proto/type')
            cmd.loses_device = 'VK_ERROR_DEVICE_LOST' in c.get('errorcodes', '').split(',')
            cmd.params = [self._read_member(p) for p in c.findall('param') if for_vulkan(p)]
            self.commands[cmd.name] = cmd
        for alias, base in self.command_alias.items():
            while base in self.command_alias:
                base = self.command_alias[base]
            if base in self.commands:
                self.commands[base].aliases.append(alias)

    def _read_features(self, root):
        for f in root.findall('feature'):
            if not for_vulkan(f) and 'vulkanbase' not in (f.get('api') or ''):
                continue
            for e in f.iter('enum'):
                self._add_enum(e, 0)
            self.core_types |= {e.get('name') for e in f.iter('type')}
            for e in f.iter('command'):
                self.core_commands.setdefault(e.get('name'), f.get('number'))

    def _read_extensions(self, root):
        for x in root.find('extensions'):
            for e in x.iter('enum'):
                self._add_enum(e, x.get('number'))
            if 'vulkan' not in (x.get('supported') or '').split(','):
                continue
            ext = Extension(x.get('name'), int(x.get('number')), x.get('type'))
            ext.platform = x.get('platform') or ('provisional' if x.get('provisional') == 'true'
                                                 else None)
            for r in x.findall('require'):
                if not for_vulkan(r):
                    continue
                ext.types |= {self.base_type(e.get('name')) for e in r.findall('type')}
                commands = {self.base_command(e.get('name')) for e in r.findall('command')}
                ext.all_commands |= commands
                if not r.get('depends') and not r.get('extension'):
                    ext.commands |= commands
                for e in r.findall('enum'):
                    if (e.get('name') or '').endswith('_SPEC_VERSION') and e.get('value'):
                        ext.spec_version = int(e.get('value'))
            self.extensions.append(ext)
        # what vulkan_core.h does not define: types of platform and provisional extensions only
        portable = {self.base_type(n) for n in self.core_types}
        for ext in self.extensions:
            if not ext.platform:
                portable |= ext.types
        for t in self.types.values():
            t.protect = t.kind in ('struct', 'union') and t.name not in portable

    # ---- asking ----

    def base_type(self, name):
        while name in self.type_alias:
            name = self.type_alias[name]
        return name

    def has_enum(self, name):
        """Whether vulkan_core.h always has this enumerant, as those outside of extensions are."""
        return name in self.constants

    def base_command(self, name):
        while name in self.command_alias:
            name = self.command_alias[name]
        return name

    def type(self, name):
        return self.types[self.base_type(name)]

    def stype_value(self, t):
        name = t.stype
        while name in self.enum_alias:
            name = self.enum_alias[name]
        return self.constants.get(name)

    def core_command_names(self):
        """Commands that vulkan_core.h declares: not of a platform or provisional extension."""
        names = {self.base_command(n) for n in self.core_commands}
        for ext in self.extensions:
            if not ext.platform:
                names |= ext.all_commands
        return names
