# SPDX-License-Identifier: MIT
"""Random but valid parameters for any command, and what a driver sees of them."""

import re

# Values that must not be random, by struct (or command) and member.
FIXED = {}

MASK64 = (1 << 64) - 1


class Synth:
    """Makes values.  `handles` maps a handle type to ids of live objects."""

    MAX_DEPTH = 6
    MAX_STRUCTS = 60        # of one command, then only what must be there

    def __init__(self, codec, rng, handles, fixed=None):
        self.codec = codec
        self.registry = codec.registry
        self.rng = rng
        self.handles = handles
        self.fixed = fixed or {}
        self.used = {}          # (parent, chained struct) -> how often
        self.force = {}         # structs that must be chained, by parent
        self.avoid = set()      # structs that must not be chained
        self.minimal = False    # nothing optional, empty arrays, no chains
        self.budget = self.MAX_STRUCTS

    # ---- leaves ----

    def number(self, type_):
        if type_.name == 'VkBool32':
            return self.rng.randrange(2)
        bits = 8 * type_.size
        if self.minimal:
            return 0
        kind = self.rng.randrange(4)
        if kind == 0:
            return self.rng.randrange(1 << min(bits, 4))
        if kind == 1:
            return (1 << bits) - 1
        return self.rng.getrandbits(bits)

    def handle(self, type_, optional):
        if optional and (self.minimal or self.rng.random() < 0.3):
            return 0
        ids = self.handles.get(type_.name)
        if not ids:
            if optional:
                return 0
            raise LookupError('no %s to name' % type_.name)
        return self.rng.choice(ids)

    def text(self, n):
        return bytes(self.rng.randrange(1, 128) for _ in range(n))

    def maybe(self):
        return not self.minimal and self.rng.random() < 0.6

    # ---- structs ----

    def value(self, type_, depth, optional=False, selected=None):
        if type_.kind == 'scalar':
            return self.number(type_)
        if type_.kind == 'handle':
            return self.handle(type_, optional)
        if type_.kind == 'struct':
            return self.struct(type_, depth)
        if type_.kind == 'union':
            tag = selected if selected is not None else self.rng.randrange(len(type_.fields))
            f = type_.fields[tag]
            return tag, self.field(f, {}, depth + 1, {})
        raise ValueError('cannot make a ' + type_.name)

    def struct(self, type_, depth=0):
        out = {}
        if type_.chained:
            out['pNext'] = self.chain(type_, depth)
        self.body(type_.name, type_.fields, out, depth, type_.chained)
        return out

    def chain(self, parent, depth):
        options = sorted((t for t in self.codec.chain_of(parent.name).values()
                          if t.name not in self.avoid), key=lambda t: t.stype)
        if parent.name in self.force:
            options = self.force.pop(parent.name)
        elif self.small(depth) or not options or self.rng.random() < 0.25:
            return []
        else:
            # prefer what has been used least, so that everything gets its turn
            self.rng.shuffle(options)
            options.sort(key=lambda t: self.used.get((parent.name, t.name), 0))
            options = options[:self.rng.randrange(1, 4 + len(options) // 6)]
        nodes = []
        for t in options:
            body = {}
            try:
                self.body(t.name, t.fields, body, depth + 1, True)
            except LookupError:
                continue
            self.used[parent.name, t.name] = self.used.get((parent.name, t.name), 0) + 1
            nodes.append((t.name, body))
        return nodes

    def small(self, depth):
        return self.minimal or self.budget <= 0 or depth > self.MAX_DEPTH

    def body(self, owner, fields, out, depth, chained):
        self.budget -= 1
        fixed = {f.name: self.fixed[owner, f.name] for f in fields
                 if (owner, f.name) in self.fixed}
        self.lengths(fields, out, depth, fixed)
        selected = self.selections(fields, out)
        for f in fields:
            if chained and f.name in ('sType', 'pNext') or f.name in out:
                continue
            if f.name in fixed:
                out[f.name] = fixed[f.name]
            else:
                out[f.name] = self.field(f, out, depth, selected)

    def lengths(self, fields, out, depth, fixed):
        """Choose the values of all members that are lengths."""
        for f in fields:
            if not (f.is_length or f.is_outer_length) or f.ptr and f.type not in ('uint32_t', 'size_t'):
                continue
            size = 0 if self.small(depth) else self.rng.randrange(4)
            for g in fields:
                if not g.ptr or not g.length:
                    continue
                scaled = re.fullmatch(re.escape(f.name) + r' */ *(\d+)', g.length[0])
                if scaled:
                    size *= int(scaled[1])
                elif g.length[0].startswith('(%s +' % f.name):
                    size = 1 << self.rng.randrange(7)
                elif g.length[0] == f.name and (g.type == 'void' or
                                                self.registry.type(g.type).size == 1):
                    size = 0 if self.small(depth) else self.rng.randrange(14)
            out[f.name] = fixed.get(f.name, size)

    def selections(self, fields, out):
        """For unions with a selector: choose the member, and set the selector to match."""
        chosen = {}
        for f in fields:
            if f.selector:
                union = self.registry.type(f.type)
                tags = [i for i, m in enumerate(union.fields) if m.selection and
                        self.registry.value(m.selection[0]) is not None and
                        self.possible(m)]
                tag = self.rng.choice(tags)
                chosen[f.name] = tag
                values = [self.registry.value(s) for s in union.fields[tag].selection]
                out[f.selector] = self.rng.choice([v for v in values if v is not None])
        return chosen

    def possible(self, f):
        t = self.registry.type(f.type)
        return self.codec.encodable(t) and (t.kind != 'struct' or not t.chained or
                                            self.codec.offered(t.name))

    def field(self, f, out, depth, selected):
        type_ = self.registry.type(f.type)
        if not f.ptr and not f.dims:
            return self.value(type_, depth + 1, f.optional, selected.get(f.name))
        if f.dims and not f.ptr:
            return self.array(type_, f.count, depth, f.element_optional)
        if f.length:
            n = self.evaluate(f.length[0], out)
            if not n or f.optional and not f.needed and not self.maybe():
                return None
            if f.string:
                return [self.text(self.rng.randrange(9)) for _ in range(n)]
            if f.ptr == 2:
                return [self.inner(f, type_, i, out, depth) for i in range(n)]
            if not f.const and type_.kind == 'handle':
                return [0] * n      # the caller chooses ids
            return self.array(type_, n, depth, f.element_optional)
        if f.ptr and not f.const and type_.kind == 'handle':
            return 0
        if type_.kind in ('void', 'function') or type_.name == 'VkAllocationCallbacks':
            return None
        if f.optional and (self.small(depth) or not self.maybe()):
            return None
        if f.string:
            return self.text(self.rng.randrange(9))
        return self.value(type_, depth + 1)

    def inner(self, f, type_, i, out, depth):
        if len(f.length) > 1:
            n = self.evaluate(f.length[1], out)
        else:
            n = out['pInfos'][i]['geometryCount']
        return self.array(type_, n, depth, False) if n else None

    def array(self, type_, n, depth, optional):
        if type_.kind == 'void' or type_.kind == 'scalar' and type_.size == 1:
            return self.rng.randbytes(n)
        return [self.value(type_, depth + 1, optional) for _ in range(n)]

    @staticmethod
    def evaluate(expression, out):
        from wire import Scope
        return Scope(out).evaluate(expression)

    # ---- commands ----

    def command(self, command):
        out = {}
        self.budget = self.MAX_STRUCTS
        self.body(command.name, command.params, out, 0, False)
        first = command.params[0] if command.params else None
        if first and not first.ptr and self.registry.type(first.type).kind == 'handle':
            out[first.name] = self.handle(self.registry.type(first.type), False)
        for p in command.params:
            if p.is_length and p.ptr and out.get(p.name) is None:
                out[p.name] = 0
        return out


class View:
    """What the null driver writes down about a command (see null_driver.py), line by line."""

    def __init__(self, codec):
        self.codec = codec
        self.registry = codec.registry
        self.lines = []

    def put(self, name, text):
        self.lines.append(name + ' ' + text if name else text)

    def bytes_of(self, type_, value):
        """A union without selector is seen as its bytes."""
        if type_.kind == 'scalar':
            return value.to_bytes(type_.size, 'little')
        if type_.kind == 'struct':
            return b''.join(self.bytes_of(self.registry.type(f.type), value[f.name])
                            for f in type_.fields)
        tag, inner = value
        f = type_.fields[tag]
        t = self.registry.type(f.type)
        if f.ptr:
            data = bytes(8)
        elif f.dims:
            data = b''.join(self.bytes_of(t, v) for v in inner)
        else:
            data = self.bytes_of(t, inner)
        return data + bytes(self.size_of(type_) - len(data))

    def size_of(self, type_):
        if type_.kind == 'scalar':
            return type_.size
        sizes = [8 if f.ptr else self.size_of(self.registry.type(f.type)) * f.count
                 for f in type_.fields]
        return max(sizes) if type_.kind == 'union' else sum(sizes)

    def value(self, type_, name, value, selected=False):
        if type_.kind == 'scalar':
            self.put(name, '%x' % value)
        elif type_.kind == 'handle':
            self.put(name, '@%x' % value)
        elif type_.kind == 'union' and selected:
            self.put(name, '{')
            self.field(type_.fields[value[0]], {type_.fields[value[0]].name: value[1]})
            self.put('', '}')
        elif type_.kind == 'union':
            self.put(name, 'x:' + self.bytes_of(type_, value).hex())
        else:
            self.put(name, '{')
            self.struct(type_, value)
            self.put('', '}')

    def struct(self, type_, value):
        for name, body in value.get('pNext') or []:
            self.put('pNext ' + name, '{')
            self.body(self.registry.type(name), body)
            self.put('', '}')
        self.body(type_, value)

    def body(self, type_, value):
        for f in type_.fields:
            if not (type_.chained and f.name in ('sType', 'pNext')):
                self.field(f, value)

    def field(self, f, values):
        type_ = self.registry.type(f.type)
        value = values.get(f.name)
        if f.ptr and value is None:
            self.put(f.name, '-')
        elif not f.ptr and not f.dims:
            self.value(type_, f.name, value, bool(f.selector))
        elif f.string and not f.length:
            self.put(f.name, 'x:' + value.hex())
        elif isinstance(value, bytes):
            self.put(f.name, 'x:' + value.hex())
        elif f.length or f.dims:
            self.array(f, type_, value)
        else:
            self.value(type_, f.name, value)

    def array(self, f, type_, values):
        self.put(f.name, '[%d' % len(values))
        for v in values:
            if f.string:
                self.put('*', 'x:' + v.hex())
            elif f.ptr == 2:
                if v is None:
                    self.put('*', '-')
                    continue
                self.put('*', '[%d' % len(v))
                for w in v:
                    self.value(type_, '*', w)
                self.put('', ']')
            else:
                self.value(type_, '*', v)
        self.put('', ']')

    # outputs

    def interesting(self, type_):
        arrays = any(f.ptr and f.length for f in type_.fields)
        return type_.kind == 'struct' and (
            type_.chained or any(f.is_length and arrays or
                                 not f.ptr and self.interesting(self.registry.type(f.type))
                                 for f in type_.fields))

    def look(self, type_, name, value):
        self.put(name, '{')
        for node, body in value.get('pNext') or []:
            self.put('pNext ' + node, '{')
            self.look_body(self.registry.type(node), body)
            self.put('', '}')
        self.look_body(type_, value)
        self.put('', '}')

    def look_body(self, type_, value):
        arrays = any(f.ptr and f.length for f in type_.fields)
        for f in type_.fields:
            t = self.registry.type(f.type)
            v = value.get(f.name)
            if f.name in ('sType', 'pNext') and type_.chained:
                continue
            if f.is_length and arrays and not f.ptr:
                self.put(f.name, '%x' % v)
            elif f.ptr and f.length:
                self.put(f.name, 'out %d' % len(v) if v is not None else '-')
            elif not f.ptr and t.kind == 'struct' and self.interesting(t):
                if f.dims:
                    for w in v:
                        self.look(t, '*', w)
                else:
                    self.look(t, f.name, v)

    def output(self, p, value):
        type_ = self.registry.type(p.type)
        if value is None:
            self.put(p.name, '-')
        elif p.is_length:
            self.put(p.name, '%x' % value)
        elif p.length:
            self.put(p.name, 'out %d' % len(value))
            if self.interesting(type_):
                for v in value:
                    self.look(type_, '*', v)
        elif type_.kind == 'struct':
            self.look(type_, p.name, value)
        else:
            self.put(p.name, 'out')

    def command(self, command, args):
        self.put('call', command.name)
        for p in command.params:
            if self.codec.is_output(p):
                self.output(p, args[p.name])
            else:
                self.field(p, args)
        self.put('end', 'call')
        return self.lines


class Fill:
    """The pattern with which the null driver fills outputs."""

    def __init__(self, codec):
        self.codec = codec
        self.registry = codec.registry
        self.count = 0

    def leaf(self, size):
        self.count += 1
        return (self.count * 0x9e3779b97f4a7c15 & MASK64) >> (64 - 8 * size)

    def value(self, type_, value):
        if type_.kind == 'scalar':
            return self.leaf(type_.size)
        if type_.kind == 'struct':
            out = {}
            self.body(type_, value, out)
            if type_.chained:
                out['pNext'] = []
                for name, body in value.get('pNext') or []:
                    node = {}
                    self.body(self.registry.type(name), body, node)
                    out['pNext'].append((name, node))
            return out
        return value

    def array(self, type_, values, n):
        if type_.kind == 'void' or type_.kind == 'scalar' and type_.size == 1:
            return bytes(self.leaf(1) for _ in range(n))
        return [self.value(type_, values[i]) for i in range(n)]

    def body(self, type_, value, out):
        arrays = any(f.ptr and f.length for f in type_.fields)
        for f in type_.fields:
            t = self.registry.type(f.type)
            v = value.get(f.name)
            if f.name in ('sType', 'pNext') and type_.chained:
                continue
            if f.is_length and arrays:
                out[f.name] = v
            elif f.ptr and f.length:
                out[f.name] = self.array(t, v, len(v)) if v is not None else None
            elif f.ptr:
                out[f.name] = self.value(t, v) if v is not None else None
            elif f.dims:
                out[f.name] = self.array(t, v, f.count)
            else:
                out[f.name] = self.value(t, v)

    def command(self, command, args):
        """(return value, outputs by name)."""
        out, values = {}, dict(args)
        for p in command.params:
            if not self.codec.is_output(p):
                continue
            t = self.registry.type(p.type)
            v = args[p.name]
            if p.is_length:
                arrays = [q.name for q in command.params if q.length and q.length[0] == p.name]
                if any(args[a] is not None for a in arrays):
                    v = v - 1 if v > 1 else v
                else:
                    v = 2
            elif p.length and v is not None:
                n = Synth.evaluate(p.length[0], values)
                if t.kind == 'handle':
                    v = v[:n]
                else:
                    v = self.array(t, v, n)
            elif v is not None and t.kind != 'handle':
                v = self.value(t, v)
            out[p.name] = values[p.name] = v
        ret = 0
        if command.ret not in ('VkResult', 'void'):
            ret = self.leaf(self.registry.type(command.ret).size)
        return ret, out
