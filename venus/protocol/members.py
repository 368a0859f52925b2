# SPDX-License-Identifier: MIT
"""C code that decodes and encodes struct members and command parameters.

A member becomes either a Fixed item (its wire size is known: it is read out of a run of bytes that
was bounds-checked as a whole) or a list of C lines of its own.
"""

import re


class Fixed:
    """`lines(p, offset)` gives the C lines for this item at `p + offset`.

    `goes_on` if these lines also read what is behind the item, so that it must be a run's last.
    """

    def __init__(self, size, lines, goes_on=False):
        self.size = size
        self.lines = lines
        self.goes_on = goes_on


def pad4(n):
    return (n + 3) & ~3


class MemberCode:
    def __init__(self, model):
        self.model = model
        self.reg = model.registry
        self.loop = 0

    # ---- small pieces ----

    def index(self):
        """A fresh loop variable, so that nested loops do not shadow each other."""
        self.loop += 1
        return 'i%d' % self.loop

    @staticmethod
    def indent(lines):
        return ['    ' + l for l in lines]

    def block(self, lines):
        return ['{'] + self.indent(lines) + ['}']

    def length(self, expr, members, prefix, index=None):
        """A C expression (uint64_t) for a length expression of vk.xml."""
        names = {m.name: m for m in members}

        def member(match):
            name, arrow, field = match[1], match[2], match[3]
            if name not in names:
                return match[0]
            lvalue = prefix + name
            if arrow == '[].':
                return '(uint64_t)%s[%s].%s' % (lvalue, index, field)
            if arrow == '->':
                return '(%s ? (uint64_t)%s->%s : 0)' % (lvalue, lvalue, field)
            if names[name].ptr:
                return '(%s ? (uint64_t)*%s : 0)' % (lvalue, lvalue)
            return '(uint64_t)' + lvalue
        return re.sub(r'\b([A-Za-z_]\w*)(?:(->|\[\]\.)(\w+))?', member, expr)

    def is_length(self, m, members, of_pointers=True):
        """Whether some member's length depends on this one."""
        for other in members:
            if other.len and (other.ptr or not of_pointers):
                if any(re.search(r'\b%s\b' % m.name, e) for e in other.len):
                    return True
        return False

    def handle_cast(self, m, value):
        return '(%s)(uintptr_t)%s' % (m.type, value)

    def scalar_size(self, t):
        return 8 if t.size == 8 else 4

    def element_in_place(self, t):
        """Element size if an array of it can be used where it lies in the private copy."""
        flat = self.model.flat_layout(t)
        return flat[0] if flat and flat[1] == 4 else None

    # ---- input: fixed-size items ----

    def decode_fixed(self, m, prefix, handle_object=None):
        """A Fixed item, or None if the member has no fixed size."""
        t = self.reg.type(m.type)
        dst = prefix + m.name
        if m.ptr:
            return None
        if m.fixed:
            return self._decode_fixed_array(m, t, dst)
        if t.kind == 'scalar':
            if t.size == 8:
                return Fixed(8, lambda p, o: ['memcpy(&%s, %s + %d, 8);' % (dst, p, o)])
            if t.size == 4 and not m.bits:
                return Fixed(4, lambda p, o: ['memcpy(&%s, %s + %d, 4);' % (dst, p, o)])
            return Fixed(4, lambda p, o: ['%s = (%s)venus_load32(%s + %d);' %
                                          (dst, m.type, p, o)])
        if t.kind == 'handle':
            return Fixed(8, lambda p, o: self._load_handle(m, dst, '%s + %d' % (p, o),
                                                           handle_object))
        flat = self.model.flat_layout(t)
        if flat:
            return Fixed(flat[0], lambda p, o: ['memcpy(&%s, %s + %d, %d);' %
                                                (dst, p, o, flat[0])])
        return None

    def _load_handle(self, m, dst, where, handle_object):
        kind = 'VENUS_OBJECT_' + self.model.object_type(m.type)
        if not handle_object:
            return ['%s = %s;' % (dst, self.handle_cast(
                m, 'venus_lookup_handle(d, %s, venus_load64(%s))' % (kind, where)))]
        return ['%s = venus_lookup(d, %s, venus_load64(%s));' % (handle_object, kind, where),
                '%s = %s;' % (dst, self.handle_cast(
                    m, '(%s ? %s->handle : 0)' % (handle_object, handle_object)))]

    def _decode_fixed_array(self, m, t, dst):
        count = m.fixed[0]
        if t.kind == 'scalar' and t.size in (1, 4, 8):
            size = pad4(count * t.size)

            def lines(p, o):
                return ['if (venus_load64(%s + %d) != %d) {' % (p, o, count),
                        '    venus_decoder_fail(d, "%s has %%llu elements, expected %d",' %
                        (m.name, count),
                        '                       (unsigned long long)venus_load64(%s + %d));' %
                        (p, o),
                        '    return;', '}',
                        'memcpy(%s, %s + %d, %d);' % (dst, p, o + 8, count * t.size)]
            return Fixed(8 + size, lines)
        return None

    def runs(self, items, take, fail='return;'):
        """Lines for a list of items; consecutive Fixed ones share one bounds check."""
        out, run = [], []

        def flush():
            if not run:
                return
            body = ['const uint8_t *p = %s(d, %d);' % (take, sum(f.size for f in run)),
                    'if (!p)', '    ' + fail]
            body[0] = body[0] if take == 'venus_take' else body[0].replace('const ', '')
            offset, i = 0, 0
            while i < len(run):
                body += run[i].lines('p', offset)
                offset += run[i].size
                i += 1
            out.extend(self.block(body))
            run.clear()

        for item in items:
            if isinstance(item, Fixed):
                run.append(item)
                if item.goes_on:
                    flush()
            else:
                flush()
                out.extend(item)
        flush()
        return out

    # ---- input: everything else ----

    def decode(self, m, members, prefix, ids=False, required=False):
        """An item for an input member that is not of fixed size."""
        t = self.reg.type(m.type)
        dst = prefix + m.name
        if m.name == 'pNext':
            raise ValueError('pNext is decoded with its struct')
        if m.type == 'VkAllocationCallbacks':
            return ['venus_decode_no_allocator(d);', '%s = NULL;' % dst]
        if m.fixed:
            return self._decode_struct_array_fixed(m, t, dst)
        if not m.ptr:
            return self._check_selector(m, t, prefix) + \
                ['venus_decode_%s(d, &%s);' % (t.name, dst)]
        if m.string and len(m.len) == 1:
            lines = ['%s = venus_decode_string(d);' % dst]
            if not m.may_be_absent:
                lines += self._require(dst, m.name)
            return lines
        if m.len:
            return self._decode_array(m, t, members, prefix, dst, ids)
        if t.kind == 'void':
            return ['if (venus_decode_u64(d))',
                    '    venus_decoder_fail(d, "%s must be absent");' % m.name,
                    '%s = NULL;' % dst]
        lines = ['if (venus_decode_present(d)) {',
                 '    %s *e = venus_decode_alloc(d, 1, sizeof(*e));' % m.type,
                 '    if (!e)', '        return;']
        lines += self.indent(self._decode_element(m, t, 'e', '*e'))
        lines += ['    %s = e;' % dst, '} else {', '    %s = NULL;' % dst, '}']
        if required and not m.may_be_absent:
            lines += self._require(dst, m.name)
        return lines

    @staticmethod
    def _require(dst, name):
        return ['if (!%s) {' % dst,
                '    if (!d->fatal)',
                '        venus_decoder_fail(d, "%s is absent");' % name,
                '    return;', '}']

    def _check_selector(self, m, t, prefix):
        """The tag on the wire and the selector that the driver looks at must mean the same."""
        if not m.selector:
            return []
        lines = ['uint32_t tag = UINT32_MAX;', 'switch (%s%s) {' % (prefix, m.selector)]
        for n, member in enumerate(t.members):
            known = [v for v in member.selection if self.reg.has_enum(v)]
            if known:
                lines += ['case %s:' % v for v in known] + ['    tag = %d;' % n, '    break;']
        lines += ['default:', '    break;', '}',
                  'if ((size_t)(d->end - d->cur) >= 4 && venus_load32(d->cur) != tag) {',
                  '    venus_decoder_fail(d, "%s does not have the member that %s says");' %
                  (m.name, m.selector), '    return;', '}']
        return self.block(lines)

    def _decode_element(self, m, t, pointer, lvalue):
        """One element of an array, or what a pointer points to."""
        if t.kind in ('struct', 'union'):
            return ['venus_decode_%s(d, %s);' % (t.name, pointer)]
        if t.kind == 'handle':
            kind = 'VENUS_OBJECT_' + self.model.object_type(m.type)
            return ['%s = %s;' % (lvalue, self.handle_cast(
                m, 'venus_lookup_handle(d, %s, venus_decode_u64(d))' % kind))]
        read = 'venus_decode_u64(d)' if t.size == 8 else 'venus_decode_u32(d)'
        return ['%s = (%s)%s;' % (lvalue, m.type, read)]

    def _decode_struct_array_fixed(self, m, t, dst):
        i = self.index()
        return ['if (venus_decode_array_count(d, %d, false) != %d)' % (m.fixed[0], m.fixed[0]),
                '    return;',
                'for (uint32_t %s = 0; %s < %d && !d->fatal; %s++)' % (i, i, m.fixed[0], i)] + \
            self.indent(self._decode_element(m, t, '&%s[%s]' % (dst, i), '%s[%s]' % (dst, i)))

    def _decode_array(self, m, t, members, prefix, dst, ids):
        """The count of the array is the last of a run, the elements follow."""
        optional = 'true' if m.may_be_absent else 'false'
        expected = self.length(m.len[0], members, prefix)
        check = self._check_divisible(m, members, prefix)
        absent = ['%s = NULL;' % dst] + (['%s_ids = NULL;' % dst] if ids else [])
        body = []
        if m.string:
            body = ['%s = venus_decode_string_array(d, n);' % dst]
        elif m.ptr == 2 and t.kind != 'void':
            body = self._decode_pointer_array(m, t, members, prefix, dst)
        elif t.kind == 'void' or (t.kind == 'scalar' and t.size == 1):
            body = ['%s = venus_decode_bytes(d, n);' % dst]
        elif self.element_in_place(t):
            body = ['%s = (void *)venus_take_array(d, n, %d);' %
                    (dst, self.element_in_place(t))]
        elif self.model.flat_layout(t):
            size = self.model.flat_layout(t)[0]
            body = ['const uint8_t *e = venus_take_array(d, n, %d);' % size,
                    '%s *a = e ? venus_decode_alloc_raw(d, n, %d) : NULL;' % (m.type, size),
                    'if (!a)', '    return;',
                    'memcpy(a, e, n * %d);' % size,
                    '%s = a;' % dst]
        elif t.kind == 'handle':
            body = self._decode_handle_array(m, dst, prefix, ids)
        else:
            i = self.index()
            body = ['%s *a = venus_decode_alloc(d, n, sizeof(*a));' % m.type,
                    'if (!a)', '    return;',
                    'for (uint64_t %s = 0; %s < n && !d->fatal; %s++)' % (i, i, i)]
            body += self.indent(self._decode_element(m, t, '&a[%s]' % i, 'a[%s]' % i))
            body += ['%s = a;' % dst]

        def lines(p, offset):
            return check + ['const uint64_t n = venus_check_array_count(d, venus_load64(%s + %d), '
                            '%s, %s);' % (p, offset, expected, optional)] + absent + \
                ['if (n) {'] + self.indent(body) + ['}']
        return Fixed(8, lines, goes_on=True)

    def _check_divisible(self, m, members, prefix):
        """For a length in other units ("codeSize / 4"): the driver must not read beyond."""
        parts = re.match(r'(\w+)\s*/\s*(\d+)$', m.len[0])
        if not parts:
            return []
        return ['if (%s %% %s) {' % (self.length(parts[1], members, prefix), parts[2]),
                '    venus_decoder_fail(d, "%s is not a multiple of %s");' % parts.groups(),
                '    return;', '}']

    def _decode_handle_array(self, m, dst, prefix, ids):
        kind = 'VENUS_OBJECT_' + self.model.object_type(m.type)
        body = ['const uint8_t *e = venus_take_array(d, n, 8);',
                '%s *a = e ? venus_decode_alloc_raw(d, n, sizeof(*a)) : NULL;' % m.type]
        if ids:
            body += ['uint64_t *ids = a ? venus_decode_alloc_raw(d, n, sizeof(*ids)) : NULL;',
                     'if (!ids)', '    return;',
                     'memcpy(ids, e, n * 8);',
                     '%s_ids = ids;' % dst]
        else:
            body += ['if (!a)', '    return;']
        i = self.index()
        return body + [
            'for (uint64_t %s = 0; %s < n; %s++)' % (i, i, i),
            '    a[%s] = %s;' % (i, self.handle_cast(
                m, 'venus_lookup_handle(d, %s, venus_load64(e + %s * 8))' % (kind, i))),
            '%s = a;' % dst]

    def _decode_pointer_array(self, m, t, members, prefix, dst):
        i, j = self.index(), self.index()
        inner = m.len[1] if len(m.len) > 1 else '1'
        count = self.length(inner, members, prefix, i)
        return ['const %s **a = venus_decode_alloc(d, n, sizeof(*a));' % m.type,
                'if (!a)', '    return;',
                'for (uint64_t %s = 0; %s < n && !d->fatal; %s++) {' % (i, i, i),
                '    const uint64_t k = venus_decode_array_count(d, %s, false);' % count,
                '    %s *b = venus_decode_alloc(d, k, sizeof(*b));' % m.type,
                '    if (d->fatal)', '        break;',
                '    for (uint64_t %s = 0; %s < k && !d->fatal; %s++)' % (j, j, j)] + \
            self.indent(self.indent(self._decode_element(m, t, '&b[%s]' % j, 'b[%s]' % j))) + \
            ['    a[%s] = b;' % i, '}', '%s = (const void *)a;' % dst]

    # ---- outputs: what the client sends of them ----

    def partial(self, m, members, prefix):
        """An item for a member of an output struct, or None when nothing of it travels."""
        t = self.reg.type(m.type)
        dst = prefix + m.name
        if not m.ptr and not m.fixed:
            if t.kind == 'scalar':
                return self.decode_fixed(m, prefix) if self.is_length(m, members) else None
            if t.kind == 'handle':
                return Fixed(8, lambda p, o: ['%s = %s;' % (dst, self.handle_cast(
                    m, 'venus_load64(%s + %d)' % (p, o)))])
            return ['venus_partial_%s(d, &%s);' % (t.name, dst)]
        if not m.ptr:
            return self._partial_fixed_array(m, t, dst)
        if m.len:
            return self._partial_array(m, t, members, prefix, dst)
        raise ValueError('single pointer %s in an output struct' % m.name)

    def _partial_fixed_array(self, m, t, dst):
        if t.kind == 'scalar':
            return None
        i = self.index()
        lines = ['if (venus_decode_array_count(d, %d, false) != %d)' % (m.fixed[0], m.fixed[0]),
                 '    return;']
        loop = 'for (uint32_t %s = 0; %s < %d && !d->fatal; %s++)' % (i, i, m.fixed[0], i)
        if t.kind == 'handle':
            return lines + [loop, '    %s[%s] = %s;' %
                            (dst, i, self.handle_cast(m, 'venus_decode_u64(d)'))]
        return lines + [loop, '    venus_partial_%s(d, &%s[%s]);' % (t.name, dst, i)]

    def _partial_array(self, m, t, members, prefix, dst):
        size = 1 if t.kind == 'void' else None
        lines = ['const uint64_t n = venus_decode_array_count(d, %s, true);' %
                 self.length(m.len[0], members, prefix),
                 '%s = NULL;' % dst,
                 'if (n) {',
                 '    %s *a = venus_decode_alloc(d, n, %s);' %
                 (m.type, size or 'sizeof(*a)'),
                 '    if (!a)', '        return;']
        if t.kind in ('struct', 'union'):
            i = self.index()
            lines += ['    for (uint64_t %s = 0; %s < n && !d->fatal; %s++)' % (i, i, i),
                      '        venus_partial_%s(d, &a[%s]);' % (t.name, i)]
        return self.block(lines + ['    %s = a;' % dst, '}'])

    def partial_parameter(self, m, members, prefix):
        """Lines for an output parameter of a command."""
        t = self.reg.type(m.type)
        dst = prefix + m.name
        if t.kind == 'handle':
            return self._partial_handles(m, members, prefix, dst)
        if m.len:
            return self._partial_array(m, t, members, prefix, dst)
        lines = ['if (venus_decode_present(d)) {',
                 '    %s *e = venus_decode_alloc(d, 1, sizeof(*e));' % m.type,
                 '    if (!e)', '        return;']
        if t.kind in ('struct', 'union'):
            lines += ['    venus_partial_%s(d, e);' % t.name]
        elif self.is_length(m, members):
            lines += ['    *e = (%s)%s;' % (m.type, 'venus_decode_u64(d)' if t.size == 8
                                            else 'venus_decode_u32(d)')]
        lines += ['    %s = e;' % dst, '} else {', '    %s = NULL;' % dst, '}']
        if not m.may_be_absent or self.is_length(m, members):
            lines += self._require(dst, m.name)
        return lines

    def _partial_handles(self, m, members, prefix, dst):
        if m.len:
            lines = ['const uint64_t n = venus_decode_array_count(d, %s, %s);' % (
                self.length(m.len[0], members, prefix), 'true' if m.may_be_absent else 'false')]
        else:
            lines = ['const uint64_t n = venus_decode_present(d);']
        lines += ['%s = NULL;' % dst, '%s_ids = NULL;' % dst, 'if (n) {',
                  '    const uint8_t *p = venus_take_array(d, n, 8);',
                  '    uint64_t *ids = p ? venus_decode_alloc(d, n, sizeof(*ids)) : NULL;',
                  '    %s *a = ids ? venus_decode_alloc(d, n, sizeof(*a)) : NULL;' % m.type,
                  '    if (!a)', '        return;',
                  '    memcpy(ids, p, n * 8);',
                  '    %s_ids = ids;' % dst, '    %s = a;' % dst, '}']
        if not m.len:
            lines += self._require(dst, m.name)
        return self.block(lines)

    # ---- replies ----

    def encode(self, m, members, prefix):
        """An item that writes a member of an output struct."""
        t = self.reg.type(m.type)
        src = prefix + m.name
        if m.ptr:
            return self.encode_array(m, t, members, prefix, src, src)
        if m.fixed:
            return self._encode_fixed_array(m, t, src)
        if t.kind == 'scalar':
            if t.size in (4, 8) and not m.bits:
                return Fixed(t.size, lambda p, o: ['memcpy(%s + %d, &%s, %d);' %
                                                   (p, o, src, t.size)])
            return ['venus_encode_u32(d, (uint32_t)%s);' % src]
        if t.kind == 'handle':
            return ['venus_encode_u64(d, (uint64_t)(uintptr_t)%s);' % src]
        flat = self.model.flat_layout(t)
        if flat:
            return Fixed(flat[0], lambda p, o: ['memcpy(%s + %d, &%s, %d);' %
                                                (p, o, src, flat[0])])
        return ['venus_encode_%s(d, &%s);' % (t.name, src)]

    def _encode_fixed_array(self, m, t, src):
        count = m.fixed[0]
        lines = ['venus_encode_u64(d, %d);' % count]
        if t.kind == 'scalar' and t.size in (1, 4, 8):
            return lines + ['venus_encode_bytes(d, %s, %d);' % (src, count * t.size)]
        i = self.index()
        lines += ['for (uint32_t %s = 0; %s < %d; %s++)' % (i, i, count, i)]
        return lines + self.indent(self._encode_element(t, '&%s[%s]' % (src, i),
                                                        '%s[%s]' % (src, i)))

    def _encode_element(self, t, pointer, lvalue):
        if t.kind in ('struct', 'union'):
            return ['venus_encode_%s(d, %s);' % (t.name, pointer)]
        if t.kind == 'handle':
            return ['venus_encode_u64(d, (uint64_t)(uintptr_t)%s);' % lvalue]
        if t.size == 8:
            return ['venus_encode_u64(d, (uint64_t)%s);' % lvalue]
        return ['venus_encode_u32(d, (uint32_t)%s);' % lvalue]

    def encode_array(self, m, t, members, prefix, src, present):
        """An array with its count; absent ones have count 0."""
        lines = ['const uint64_t n = %s ? %s : 0;' % (present, self.length(m.len[0], members,
                                                                        prefix)),
                 'venus_encode_u64(d, n);']
        if t.kind == 'void' or (t.kind == 'scalar' and t.size == 1):
            lines += ['venus_encode_bytes(d, %s, n);' % src]
        elif t.kind == 'scalar' and t.size in (4, 8):
            lines += ['venus_encode_bytes(d, %s, n * %d);' % (src, t.size)]
        else:
            i = self.index()
            lines += ['for (uint64_t %s = 0; %s < n; %s++)' % (i, i, i)]
            lines += self.indent(self._encode_element(t, '&%s[%s]' % (src, i),
                                                      '%s[%s]' % (src, i)))
        return self.block(lines)
