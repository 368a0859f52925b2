# SPDX-License-Identifier: MIT
"""The Venus wire, both directions, driven by vk.xml alone (docs/venus-wire.md).

One traversal serves for writing and for reading: every step takes a value and returns one.  A
Writer puts the value into the stream and gives it back; a Reader ignores it and gives what the
stream has.

Values: numbers are unsigned integers of their bit pattern (also floats); handles are object ids;
structs are dicts by member name, with 'pNext' a list of (struct name, dict); unions are pairs
(index of the member, value); arrays are lists; byte arrays and strings (without NUL) are bytes;
an absent pointer is None, and so is every empty array behind a pointer.
"""

import re
import struct

GENERATE_REPLY = 1
REPLY_SIZES = {'VkResult': 4, 'VkBool32': 4, 'uint32_t': 4}


class WireError(Exception):
    pass


class Writer:
    reading = False

    def __init__(self, padding=0):
        self.data = bytearray()
        self.padding = padding
        self.padded = []        # offsets of padding bytes
        self.words = []         # (offset, size, what) of every number written, for corruption tests

    def u32(self, value, what='value'):
        self.words.append((len(self.data), 4, what))
        self.data += struct.pack('<I', value)
        return value

    def u64(self, value, what='value'):
        self.words.append((len(self.data), 8, what))
        self.data += struct.pack('<Q', value)
        return value

    def raw(self, value, size):
        if len(value) != size:
            raise WireError('%d bytes where %d are declared' % (len(value), size))
        self.data += value
        for _ in range(-size % 4):
            self.padded.append(len(self.data))
            self.data.append(self.padding)
        return value


class Reader:
    reading = True

    def __init__(self, data, strict=False):
        self.data = data
        self.strict = strict    # padding must be zero
        self.pos = 0

    def raw(self, _value, size):
        end = self.pos + size + -size % 4
        if end > len(self.data):
            raise WireError('end of stream at %d, wanted %d' % (self.pos, end))
        out = bytes(self.data[self.pos:self.pos + size])
        if self.strict and any(self.data[self.pos + size:end]):
            raise WireError('padding is not zero at %d' % (self.pos + size))
        self.pos = end
        return out

    def u32(self, _value, _what=None):
        return struct.unpack('<I', self.raw(None, 4))[0]

    def u64(self, _value, _what=None):
        return struct.unpack('<Q', self.raw(None, 8))[0]


class Scope:
    """Where the names in a length expression are looked up."""

    CONSTANTS = {'VK_UUID_SIZE': 16}

    def __init__(self, values):
        self.values = values

    def evaluate(self, expression):
        def name(match):
            value = self.values
            if match[0] in self.CONSTANTS:
                return str(self.CONSTANTS[match[0]])
            for part in match[0].split('->'):
                value = (value or {}).get(part, 0)
            return str(value or 0)

        text = re.sub(r'[A-Za-z_]\w*(->\w+)*', name, expression)
        if not re.fullmatch(r'[\d\s()+*/-]+', text):
            raise WireError('length %s is not arithmetic' % expression)
        return eval(text.replace('/', '//'), {'__builtins__': {}})


# The handle types that have object ids.
OBJECTS = set('''
    VkInstance VkPhysicalDevice VkDevice VkQueue VkDeviceMemory VkPrivateDataSlot VkFence VkSemaphore
    VkEvent VkQueryPool VkBuffer VkImage VkSamplerYcbcrConversion VkSampler VkShaderModule
    VkPipelineCache VkDescriptorSetLayout VkPipelineLayout VkRenderPass VkDescriptorUpdateTemplate
    VkDescriptorPool VkCommandPool VkDeferredOperationKHR VkAccelerationStructureKHR VkBufferView
    VkImageView VkFramebuffer VkPipeline VkDescriptorSet VkCommandBuffer'''.split())


class Codec:
    def __init__(self, registry, extensions=None):
        """`extensions`: the names of those that the renderer offers, None for all."""
        self.registry = registry
        self.extensions = extensions
        self._chains = {}
        self._encodable = {}

    # ---- what the wire can carry ----

    def encodable(self, type_):
        """Whether all members of a type have a form on the wire."""
        if type_.name not in self._encodable:
            self._encodable[type_.name] = True      # a type may refer to itself
            self._encodable[type_.name] = type_.kind not in ('function', 'opaque') and \
                (type_.kind != 'handle' or type_.name in OBJECTS) and all(self._has_form(type_, f) for f in type_.fields)
        return self._encodable[type_.name]

    def _has_form(self, type_, f):
        if f.type == 'int' and f.name == 'fd':
            return False        # file descriptors do not cross
        if f.name == 'pNext' or f.string:
            return True
        if f.ptr and f.type == 'void' and not f.length:
            return type_.kind == 'union' or f.optional      # only ever NULL
        if f.ptr > 1 and f.type == 'void' or f.bits or len(f.dims) > 1:
            return False
        return self.encodable(self.registry.type(f.type))

    def offered(self, name):
        """Whether a struct or command is core or of an offered extension."""
        origin = self.registry.origin.get(name, set())
        return self.extensions is None or bool(origin & (self.extensions | {'core'}))

    def chain_of(self, parent):
        """The structs that a client may chain to `parent`, by sType."""
        if parent not in self._chains:
            self._chains[parent] = {
                stype: t for stype, t in self.registry.chain_of(parent).items()
                if self.encodable(t) and self.offered(t.name)}
        return self._chains[parent]

    # ---- values ----

    def scalar(self, io, type_, value, what='value'):
        if type_.size == 8:
            return io.u64(value, what)
        out = io.u32(value, what)
        if type_.size < 4 and out >> (8 * type_.size):
            raise WireError('%d does not fit %s' % (out, type_.name))
        return out

    def value(self, io, type_, value, partial=False, what='value'):
        if type_.kind == 'scalar':
            return self.scalar(io, type_, value, what)
        if type_.kind == 'handle':
            return io.u64(value, 'new id' if partial else 'handle')
        if type_.kind == 'union':
            if partial:
                raise WireError('union %s in an output' % type_.name)
            tag = io.u32(value[0] if value else None, 'tag')
            if tag >= len(type_.fields):
                raise WireError('tag %d of %s' % (tag, type_.name))
            return tag, self.field(io, type_.fields[tag], value[1] if value else None,
                                   Scope({}), False)
        if type_.kind == 'struct':
            return self.struct(io, type_, value or {}, partial)
        raise WireError('%s has no form on the wire' % type_.name)

    def struct(self, io, type_, value, partial):
        out = {}
        if type_.chained:
            stype = io.u32(type_.stype, 'sType')
            if stype != type_.stype:
                raise WireError('sType %d for %s' % (stype, type_.name))
            out['pNext'] = self.chain(io, type_, value.get('pNext') or [], partial)
        self.body(io, type_, value, out, partial)
        return out

    def chain(self, io, parent, nodes, partial):
        """The markers and sTypes from the first node on, then the bodies from the last node."""
        if not io.u64(1 if nodes else 0, 'marker'):
            return []
        if io.reading:
            stype = io.u32(None)
            if stype not in self.chain_of(parent.name):
                raise WireError('sType %d after %s' % (stype, parent.name))
            type_, body = self.chain_of(parent.name)[stype], {}
        else:
            type_, body = self.registry.type(nodes[0][0]), nodes[0][1]
            io.u32(type_.stype, 'sType')
        rest = self.chain(io, parent, nodes[1:], partial)
        out = {}
        self.body(io, type_, body, out, partial)
        return [(type_.name, out)] + rest

    def body(self, io, type_, value, out, partial):
        scope = Scope(out)
        for f in type_.fields:
            if f.name in ('sType', 'pNext') and type_.chained:
                continue
            out[f.name] = self.field(io, f, value.get(f.name), scope, partial)

    def elements(self, io, type_, values, count, partial):
        if type_.kind == 'void' or type_.kind == 'scalar' and type_.size == 1:
            return io.raw(values, count)
        if io.reading:
            values = [None] * count
        if len(values) != count:
            raise WireError('%d elements where %d are declared' % (len(values), count))
        return [self.value(io, type_, v, partial) for v in values]

    def field(self, io, f, value, scope, partial):
        type_ = self.registry.type(f.type)
        if not f.ptr and not f.dims:
            if partial and type_.kind == 'scalar':
                if not f.is_length:
                    return value
                partial = False
            return self.value(io, type_, value, partial, 'length' if f.is_length else 'value')
        if f.dims and not f.ptr:
            if partial and type_.kind == 'scalar':
                return value
            if io.u64(f.count, 'count') != f.count:
                raise WireError('fixed array %s has another count' % f.name)
            return self.elements(io, type_, value, f.count, partial)
        if f.length:
            return self.array(io, f, type_, value, scope, partial)
        if f.string:
            return self.string(io, value)
        if type_.kind in ('void', 'function') or type_.name == 'VkAllocationCallbacks':
            if io.u64(0, 'marker'):
                raise WireError('%s must be NULL' % f.name)
            return None
        marker = io.u64(0 if value is None else 1, 'marker')
        if marker > 1:
            raise WireError('marker %d of %s' % (marker, f.name))
        if not marker:
            return None
        if partial and type_.kind == 'scalar':
            return value if value is not None else 0
        return self.value(io, type_, value, partial, 'length' if f.is_length else 'value')

    def string(self, io, value):
        size = io.u64(0 if value is None else len(value) + 1, 'count')
        if not size:
            return None
        out = io.raw(None if io.reading else value + b'\0', size)
        if out[-1]:
            raise WireError('string without end')
        return out[:-1]

    def array(self, io, f, type_, values, scope, partial):
        count = io.u64(len(values) if values is not None else 0, 'count')
        known = all(n in scope.values for n in re.findall(r'[A-Za-z_]\w*', f.length[0])[:1])
        expected = scope.evaluate(f.length[0]) if known else count  # the length comes later
        if count != expected and (count or not (f.optional or expected == 0)):
            raise WireError('%s has %d elements, %d are declared' % (f.name, count, expected))
        if not count:
            return None
        if f.string:
            return [self.string(io, v) for v in (values or [None] * count)]
        if partial and type_.kind in ('scalar', 'void'):
            return values if values is not None else [0] * count
        if f.ptr == 2:
            return [self.inner(io, type_, v, partial) for v in (values or [None] * count)]
        return self.elements(io, type_, values, count, partial)

    def inner(self, io, type_, values, partial):
        count = io.u64(len(values) if values is not None else 0, 'count')
        return self.elements(io, type_, values, count, partial) if count else None

    # ---- commands ----

    @staticmethod
    def is_output(param):
        return param.ptr > 0 and not param.const

    def command(self, io, command, args, flags=0):
        """One command: (command, flags, args)."""
        if io.reading:
            number = io.u32(None)
            command = self.registry.by_number.get(number)
            if not command:
                raise WireError('command number %d' % number)
            args = {}
        else:
            io.u32(command.number, 'command')
        flags = io.u32(flags, 'flags')
        out = {}
        scope = Scope(out)
        for p in command.params:
            # counters of output arrays are inputs, too
            partial = self.is_output(p) and not p.is_length
            out[p.name] = self.field(io, p, args.get(p.name), scope, partial)
        return command, flags, out

    # Padding that the encoder leaves behind values: clients do not care what is there, so that the
    # tests must not either.
    PADDING = 0xa5

    def encode(self, command, args, flags=0):
        io = Writer(self.PADDING)
        self.command(io, command, args, flags)
        return io

    def decode_stream(self, data):
        io, out = Reader(data), []
        while io.pos < len(data):
            out.append(self.command(io, None, None))
        return out

    def reply(self, io, command, ret, outputs, args):
        """The reply to a command that was sent with `args`: (ret, outputs by name)."""
        if io.u32(command.number) != command.number:
            raise WireError('reply to another command')
        if command.ret != 'void':
            ret = io.u32(ret) if REPLY_SIZES.get(command.ret) else io.u64(ret)
        out = {}
        values = dict(args)
        scope = Scope(values)
        for p in command.params:
            if self.is_output(p):
                out[p.name] = self.field(io, p, outputs.get(p.name), scope, False)
                values[p.name] = out[p.name]
        return ret, out

    def encode_reply(self, command, ret, outputs, args):
        io = Writer()
        self.reply(io, command, ret, outputs, args)
        return bytes(io.data)

    def decode_reply(self, command, data, args):
        io = Reader(data, strict=True)
        ret, out = self.reply(io, command, None, {}, args)
        return ret, out, io.pos
