# SPDX-License-Identifier: MIT
"""What the tests know about Vulkan: Khronos' vk.xml and the MESA additions.

This reader is independent of the one in venus/protocol on purpose: the tests compare what the
generated decoder does with what this reading of the registry says.
"""

import re
import xml.etree.ElementTree as ElementTree

# Size in memory of the basic C types, bytes.
BASIC = {'char': 1, 'uint8_t': 1, 'int8_t': 1, 'uint16_t': 2, 'int16_t': 2, 'uint32_t': 4,
         'int32_t': 4, 'int': 4, 'float': 4, 'uint64_t': 8, 'int64_t': 8, 'double': 8, 'size_t': 8}


class Field:
    """A member of a struct or union, or a parameter of a command."""

    def __init__(self, name, type_, const=False, ptr=0, length=None, dims=(), optional=False):
        self.name = name
        self.type = type_
        self.const = const              # what it points to is const
        self.ptr = ptr                  # number of stars
        self.dims = list(dims)          # of a fixed array
        self.length = length or []      # expressions, outermost array first
        self.string = False             # ends with a NUL
        self.optional = optional        # a pointer or handle that may be NULL
        self.needed = False             # although vk.xml says optional, wire rules want it
        self.element_optional = False   # handles in the array may be NULL
        self.is_length = False          # of a pointer among its siblings
        self.is_outer_length = False    # of another parameter of a command
        self.stype = None               # name of the sType constant that it must have
        self.selector = None            # sibling that says which member of a union is meant
        self.selection = []             # values of the selector that mean this member
        self.bits = None                # width of a bit field

    @property
    def count(self):
        """Elements of a fixed array."""
        n = 1
        for d in self.dims:
            n *= d
        return n


class Type:
    def __init__(self, name, kind, size=0):
        self.name = name
        self.kind = kind                # scalar, handle, struct, union, void, function, opaque
        self.size = size                # of a scalar, in memory
        self.fields = []
        self.stype = None               # number
        self.stype_name = None
        self.extends = []
        self.dispatchable = False
        self.parent = None              # of a handle type

    @property
    def chained(self):
        return self.stype_name is not None


class Command:
    def __init__(self, name, ret, params):
        self.name = name
        self.ret = ret
        self.params = params
        self.names = [name]             # with aliases
        self.number = None
        self.mesa = False
        self.results = []               # what a VkResult may be, names


def _vulkan(element):
    return 'vulkan' in (element.get('api') or 'vulkan').split(',')


def _split(text):
    """Split at commas outside of parentheses."""
    out, depth = [''], 0
    for c in text:
        depth += (c == '(') - (c == ')')
        if c == ',' and depth == 0:
            out.append('')
        else:
            out[-1] += c
    return [s.strip() for s in out]


class Registry:
    def __init__(self, path, numbers=None):
        root = ElementTree.parse(path).getroot()
        self.types = {n: Type(n, 'scalar', s) for n, s in BASIC.items()}
        self.types['void'] = Type('void', 'void')
        self.commands = {}
        self.values = {}                # of constants and structure types
        self.extensions = {}            # name -> (number, spec version, kind)
        self._type_alias = {}
        self._command_alias = {}
        self._value_alias = {}
        self._portable = set()          # names of types and commands in vulkan_core.h
        self.origin = {}                # type or command -> 'core' and names of extensions
        self._constants(root)
        self._types(root)
        self._commands(root)
        self._required(root)
        self._mesa()
        self._resolve()
        if numbers:
            self._numbers(numbers)

    # ---- lookups ----

    def type(self, name):
        while name in self._type_alias:
            name = self._type_alias[name]
        return self.types[name]

    def portable(self, name):
        """Whether vulkan_core.h declares this type or command."""
        return name in self._portable

    def chain_of(self, parent):
        """The structs that may follow `parent` in a pNext chain, by sType."""
        return self._chains.get(parent, {})

    def command(self, name):
        while name in self._command_alias:
            name = self._command_alias[name]
        return self.commands[name]

    # ---- reading vk.xml ----

    def _constants(self, root):
        for group in root.findall('enums'):
            for e in group.findall('enum'):
                if e.get('value'):
                    try:
                        self.values[e.get('name')] = int(e.get('value').strip('()UL~'), 0)
                    except ValueError:
                        pass            # floating point limits, ~0U and the like
                elif e.get('alias'):
                    self._value_alias[e.get('name')] = e.get('alias')
        self.wide_enums = {g.get('name') for g in root.findall('enums')
                           if g.get('bitwidth') == '64'}

    def _field(self, element):
        before, name = element.text or '', element.find('name')
        type_ = element.find('type')
        f = Field(name.text, type_.text, 'const' in before, (type_.tail or '').count('*'))
        after = (name.tail or '') + ''.join((e.text or '') + (e.tail or '')
                                            for e in element.findall('enum'))
        f.dims = [int(d) if d.isdigit() else self.values[d]
                  for d in re.findall(r'\[(\w+)\]', after)]
        bits = re.search(r':\s*(\d+)', after)
        f.bits = int(bits[1]) if bits else None
        if f.ptr and element.get('len'):
            f.length = _split(element.get('altlen') or element.get('len'))
            if f.length[-1] == 'null-terminated':
                f.length.pop()
                f.string = True
        f.optional = ((element.get('optional') or '').split(',')[0] == 'true' or
                      element.get('noautovalidity') == 'true')
        f.element_optional = (element.get('optional') or '').split(',')[-1] == 'true' and \
            ',' in element.get('optional')
        f.stype = (element.get('values') or '').split(',')[0] or None
        f.selector = element.get('selector')
        f.selection = [s for s in (element.get('selection') or '').split(',') if s]
        return f

    @staticmethod
    def _mark_lengths(fields):
        words = set()
        for f in fields:
            for expr in f.length:
                words |= set(re.findall(r'[A-Za-z_]\w*', expr.split('->')[0]))
        for f in fields:
            f.is_length = f.name in words

    def _types(self, root):
        for t in root.find('types').findall('type'):
            if not _vulkan(t):
                continue
            kind = t.get('category')
            name = t.get('name') or t.findtext('name') or t.findtext('proto/name')
            if t.get('alias'):
                self._type_alias[name] = t.get('alias')
            elif kind in ('struct', 'union'):
                s = Type(name, kind)
                s.fields = [self._field(m) for m in t.findall('member') if _vulkan(m)]
                self._mark_lengths(s.fields)
                if kind == 'struct' and s.fields[0].name == 'sType':
                    s.stype_name = s.fields[0].stype
                s.extends = [e for e in (t.get('structextends') or '').split(',') if e]
                self.types[name] = s
            elif kind == 'handle':
                self.types[name] = Type(name, 'handle', 8)
                self.types[name].dispatchable = t.findtext('type') == 'VK_DEFINE_HANDLE'
                self.types[name].parent = t.get('parent')
            elif kind == 'enum':
                self.types[name] = Type(name, 'scalar', 8 if name in self.wide_enums else 4)
            elif kind == 'bitmask':
                self.types[name] = Type(name, 'scalar',
                                        8 if t.findtext('type') == 'VkFlags64' else 4)
            elif kind == 'basetype' and t.findtext('type') in BASIC:
                self.types[name] = Type(name, 'scalar', BASIC[t.findtext('type')])
            elif kind == 'funcpointer':
                self.types[name] = Type(name, 'function')
            elif name and name not in self.types and kind not in ('include', 'define', 'group'):
                self.types[name] = Type(name, 'opaque')

    def _commands(self, root):
        for c in root.find('commands').findall('command'):
            if c.get('alias'):
                self._command_alias[c.get('name')] = c.get('alias')
            elif _vulkan(c):
                name = c.findtext('proto/name')
                params = [self._field(p) for p in c.findall('param') if _vulkan(p)]
                self._mark_lengths(params)
                self.commands[name] = Command(name, c.findtext('proto/type'), params)
                self.commands[name].results = (c.get('successcodes') or '').split(',')
        for alias in self._command_alias:
            if self._base_command(alias) in self.commands:
                self.command(alias).names.append(alias)

    def _base_command(self, name):
        while name in self._command_alias:
            name = self._command_alias[name]
        return name

    def _enum_value(self, e, number):
        name = e.get('name')
        if e.get('alias'):
            self._value_alias[name] = e.get('alias')
        elif e.get('value') and re.fullmatch(r'-?(0x)?[0-9a-fA-F]+', e.get('value')):
            self.values[name] = int(e.get('value'), 0)
        elif e.get('offset'):
            n = 1000000000 + (int(e.get('extnumber') or number) - 1) * 1000 + int(e.get('offset'))
            self.values[name] = -n if e.get('dir') == '-' else n

    def _provide(self, require, by):
        for e in require.findall('type') + require.findall('command'):
            self._portable.add(e.get('name'))
            self.origin.setdefault(e.get('name'), set()).add(by)

    def _required(self, root):
        for f in root.findall('feature'):
            if 'vulkan' in f.get('api').split(',') or 'vulkanbase' in f.get('api'):
                for r in f.findall('require'):
                    if _vulkan(r):
                        self._provide(r, 'core')
            for e in f.iter('enum'):
                self._enum_value(e, 0)
        for x in root.find('extensions').findall('extension'):
            for e in x.iter('enum'):
                self._enum_value(e, x.get('number'))
            if 'vulkan' not in (x.get('supported') or '').split(','):
                continue
            if x.get('platform'):
                continue
            version = 0
            for r in x.findall('require'):
                if _vulkan(r):
                    self._provide(r, x.get('name'))
                    for e in r.findall('enum'):
                        if e.get('name', '').endswith('_SPEC_VERSION') and e.get('value'):
                            version = int(e.get('value'))
            self.extensions[x.get('name')] = (int(x.get('number')), version, x.get('type'))

    # ---- what Mesa added ----

    def _struct(self, name, stype, fields, extends=()):
        s = Type(name, 'struct')
        if stype is not None:
            s.stype_name = 'VENUS_STRUCTURE_TYPE_' + \
                re.sub(r'(?<!^)(?=[A-Z])', '_', name[2:-4]).upper() + '_MESA'
            self.values[s.stype_name] = 1000384000 + stype
            first = Field('sType', 'VkStructureType')
            first.stype = s.stype_name
            s.fields = [first, Field('pNext', 'void', True, 1)]
        s.fields += [f if isinstance(f, Field) else Field(*f) for f in fields]
        s.extends = list(extends)
        self._mark_lengths(s.fields)
        self.types[name] = s
        self._portable.add(name)
        self.origin[name] = {'core'}

    def _mesa_command(self, name, ret, *params):
        params = [p if isinstance(p, Field) else Field(*p) for p in params]
        self._mark_lengths(params)
        self.commands[name] = Command(name, ret, params)
        self.commands[name].mesa = True
        self.origin[name] = {'core'}

    def _mesa(self):
        def array(name, type_, count, optional=False, const=True):
            return Field(name, type_, const, 1, [count], optional=optional)

        copy = [('memoryRowLength', 'uint32_t'), ('memoryImageHeight', 'uint32_t'),
                ('imageSubresource', 'VkImageSubresourceLayers'), ('imageOffset', 'VkOffset3D'),
                ('imageExtent', 'VkExtent3D')]
        struct, command, u32, u64, size = (self._struct, self._mesa_command, 'uint32_t',
                                           'uint64_t', 'size_t')
        struct('VkRingCreateInfoMESA', 0, [
            ('flags', u32), ('resourceId', u32), ('offset', size), ('size', size),
            ('idleTimeout', u64), ('headOffset', size), ('tailOffset', size),
            ('statusOffset', size), ('bufferOffset', size), ('bufferSize', size),
            ('extraOffset', size), ('extraSize', size)])
        struct('VkMemoryResourcePropertiesMESA', 1, [('memoryTypeBits', u32)])
        struct('VkImportMemoryResourceInfoMESA', 2, [('resourceId', u32)],
               ['VkMemoryAllocateInfo'])
        struct('VkMemoryResourceAllocationSizePropertiesMESA', 3, [('allocationSize', u64)],
               ['VkMemoryResourcePropertiesMESA'])
        struct('VkImportSemaphoreResourceInfoMESA', 4,
               [('semaphore', 'VkSemaphore'), ('resourceId', u32)])
        struct('VkDeviceQueueTimelineInfoMESA', 5, [('ringIdx', u32)], ['VkDeviceQueueInfo2'])
        struct('VkRingMonitorInfoMESA', 6, [('maxReportingPeriodMicroseconds', u32)],
               ['VkRingCreateInfoMESA'])
        struct('VkRingPriorityInfoMESA', 7, [('priority', 'int32_t')], ['VkRingCreateInfoMESA'])
        struct('VkCopyImageToMemoryInfoMESA', 8, [
            ('flags', u32), ('srcImage', 'VkImage'), ('srcImageLayout', 'VkImageLayout')] + copy)
        struct('VkMemoryToImageCopyMESA', 9,
               [('dataSize', size), array('pData', 'void', 'dataSize')] + copy)
        struct('VkCopyMemoryToImageInfoMESA', 10, [
            ('flags', u32), ('dstImage', 'VkImage'), ('dstImageLayout', 'VkImageLayout'),
            ('regionCount', u32), array('pRegions', 'VkMemoryToImageCopyMESA', 'regionCount')])
        struct('VkCommandStreamDescriptionMESA', None,
               [('resourceId', u32), ('offset', size), ('size', size)])
        struct('VkCommandStreamDependencyMESA', None,
               [('srcCommandStream', u32), ('dstCommandStream', u32)])

        def pointer(name, type_, const=True):
            return Field(name, type_, const, 1)

        command('vkSetReplyCommandStreamMESA', 'void',
                pointer('pStream', 'VkCommandStreamDescriptionMESA'))
        command('vkSeekReplyCommandStreamMESA', 'void', ('position', size))
        command('vkExecuteCommandStreamsMESA', 'void', ('streamCount', u32),
                array('pStreams', 'VkCommandStreamDescriptionMESA', 'streamCount'),
                array('pReplyPositions', size, 'streamCount', optional=True),
                ('dependencyCount', u32),
                array('pDependencies', 'VkCommandStreamDependencyMESA', 'dependencyCount'),
                ('flags', u32))
        command('vkCreateRingMESA', 'void', ('ring', u64),
                pointer('pCreateInfo', 'VkRingCreateInfoMESA'))
        command('vkDestroyRingMESA', 'void', ('ring', u64))
        command('vkNotifyRingMESA', 'void', ('ring', u64), ('seqno', u32), ('flags', u32))
        command('vkWriteRingExtraMESA', 'void', ('ring', u64), ('offset', size), ('value', u32))
        command('vkGetMemoryResourcePropertiesMESA', 'VkResult', ('device', 'VkDevice'),
                ('resourceId', u32),
                pointer('pMemoryResourceProperties', 'VkMemoryResourcePropertiesMESA', False))
        command('vkResetFenceResourceMESA', 'void', ('device', 'VkDevice'), ('fence', 'VkFence'))
        command('vkWaitSemaphoreResourceMESA', 'void', ('device', 'VkDevice'),
                ('semaphore', 'VkSemaphore'))
        command('vkImportSemaphoreResourceMESA', 'void', ('device', 'VkDevice'),
                pointer('pImportSemaphoreResourceInfo', 'VkImportSemaphoreResourceInfoMESA'))
        command('vkSubmitVirtqueueSeqnoMESA', 'void', ('ring', u64), ('seqno', u64))
        command('vkWaitVirtqueueSeqnoMESA', 'void', ('seqno', u64))
        command('vkWaitRingSeqnoMESA', 'void', ('ring', u64), ('seqno', u64))
        command('vkCopyImageToMemoryMESA', 'VkResult', ('device', 'VkDevice'),
                pointer('pCopyImageToMemoryInfo', 'VkCopyImageToMemoryInfoMESA'),
                ('dataSize', size), array('pData', 'void', 'dataSize', const=False))
        command('vkCopyMemoryToImageMESA', 'VkResult', ('device', 'VkDevice'),
                pointer('pCopyMemoryToImageInfo', 'VkCopyMemoryToImageInfoMESA'))

    # ---- putting it together ----

    def value(self, name):
        while name in self._value_alias:
            name = self._value_alias[name]
        return self.values.get(name)

    def _resolve(self):
        for alias, base in list(self._type_alias.items()):
            if alias in self._portable:
                while base in self._type_alias:
                    base = self._type_alias[base]
                self._portable.add(base)
                self.origin.setdefault(base, set()).update(self.origin.get(alias, ()))
        for name in [n for n in self._portable if n in self._command_alias]:
            base = self._base_command(name)
            self._portable.add(base)
            self.origin.setdefault(base, set()).update(self.origin[name])
        for name in ('vkFreeCommandBuffers', 'vkFreeDescriptorSets'):
            self.commands[name].params[-1].needed = True
        for c in self.commands.values():
            params = {p.name: p for p in c.params}
            for p in c.params:
                for a, b in re.findall(r'(\w+)->(\w+)', ' '.join(p.length)):
                    for f in self.type(params[a].type).fields:
                        f.is_outer_length |= f.name == b
        self._chains = {}
        for t in list(self.types.values()):
            if t.kind != 'struct' or not t.stype_name:
                continue
            t.stype = self.value(t.stype_name)
            if t.stype is None or not self.portable(t.name):
                continue
            for parent in t.extends:
                if parent in self.types or parent in self._type_alias:
                    self._chains.setdefault(self.type(parent).name, {})[t.stype] = t

    def _numbers(self, path):
        self.by_number = {}
        with open(path, encoding='ascii') as file:
            for line in file:
                words = line.split()
                if not words or words[0] == '#' or words[0].startswith('#'):
                    continue
                for name in words[2:]:
                    base = self._base_command(name)
                    if base in self.commands and (self.portable(base) or self.commands[base].mesa):
                        self.commands[base].number = int(words[0])
                        self.by_number[int(words[0])] = self.commands[base]
