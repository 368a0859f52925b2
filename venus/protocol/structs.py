# SPDX-License-Identifier: MIT
"""Emits decode, partial decode and encode functions of structs and unions."""

from members import Fixed, MemberCode

STRUCT_FILES = 4


class StructEmitter(MemberCode):
    def __init__(self, model):
        super().__init__(model)
        self.names = sorted(model.modes)

    def has_chain(self, t):
        return bool(t.stype)

    def body_members(self, t):
        return t.members[2:] if self.has_chain(t) else t.members

    # ---- one function each ----

    def _function(self, signature, lines):
        return [signature, '{'] + self.indent(lines) + ['}', '']

    def decode_body(self, t):
        members = self.body_members(t)
        items = []
        for m in members:
            objects = None
            if (t.name, m.name) in POOL_MEMBERS:
                objects = 'd->pool'
            fixed = self.decode_fixed(m, 'v->', objects)
            items.append(fixed or self.decode(m, members, 'v->'))
        return self.runs(items, 'venus_take') or ['(void)d;', '(void)v;']

    def partial_body(self, t):
        members = self.body_members(t)
        items = [self.partial(m, members, 'v->') for m in members]
        return self.runs([i for i in items if i], 'venus_take') or ['(void)d;', '(void)v;']

    def encode_body(self, t):
        members = self.body_members(t)
        items = [self.encode(m, members, 'v->') for m in members]
        return self.runs(items, 'venus_reply_take') or ['(void)d;', '(void)v;']

    def emit_type(self, t):
        if t.kind == 'union':
            return self._union(t)
        out = []
        modes = self.model.modes[t.name]
        for mode, name, body, const in (('in', 'decode', self.decode_body, ''),
                                        ('out', 'partial', self.partial_body, ''),
                                        ('out', 'encode', self.encode_body, 'const ')):
            if mode not in modes:
                continue
            if not self.has_chain(t):
                out += self._function('void venus_%s_%s(struct venus_decoder *d, %s%s *v)' %
                                      (name, t.name, const, t.name), body(t))
                continue
            out += self._function(
                'static void venus_%s_body_%s(struct venus_decoder *d, %svoid *body)' %
                (name, t.name, const),
                ['%s%s *v = body;' % (const, t.name)] + body(t))
            out += self._chained(t, name, const)
        if self.has_chain(t):
            out += self._chain_struct(t, modes)
        return out

    def _chained(self, t, name, const):
        parent = '&venus_parent_' + t.name
        stype = self.model.stype_value(t)
        if name == 'encode':
            lines = ['venus_encode_u32(d, %du);' % stype,
                     'venus_encode_chain(d, %s, v->pNext);' % parent]
        else:
            suffix = '' if name == 'decode' else '_partial'
            lines = ['const uint8_t *p = venus_take(d, 12);',
                     'if (!p)', '    return;',
                     'const uint32_t stype = venus_load32(p);',
                     'if (stype != %du) {' % stype,
                     '    venus_decoder_fail(d, "sType %%u where a %s is expected", stype);' %
                     t.name,
                     '    return;', '}',
                     'v->sType = (VkStructureType)stype;',
                     'v->pNext = (void *)venus_decode_chain%s(d, venus_load64(p + 4), %s);' %
                     (suffix, parent)]
        lines += ['venus_%s_body_%s(d, v);' % (name, t.name)]
        return self._function('void venus_%s_%s(struct venus_decoder *d, %s%s *v)' %
                              (name, t.name, const, t.name), lines)

    def _chain_struct(self, t, modes):
        children = [c for c in self.model.children.get(t.name, []) if c.name in self.model.modes]
        functions = ['venus_%s_body_%s' % (n, t.name) if mode in modes else 'NULL'
                     for mode, n in (('in', 'decode'), ('out', 'partial'), ('out', 'encode'))]
        out = ['const struct venus_chain_struct venus_chain_%s = {' % t.name,
               '    %du, sizeof(%s), %s,' % (self.model.stype_value(t), t.name,
                                             ', '.join(functions)), '};', '']
        if children:
            out += ['static const struct venus_chain_struct *const venus_children_%s[] = {' %
                    t.name]
            out += ['    &venus_chain_%s,' % c.name for c in children] + ['};', '']
        out += ['const struct venus_chain_parent venus_parent_%s = { %s, %d };' %
                (t.name, 'venus_children_' + t.name if children else 'NULL', len(children)), '']
        return out

    def _union(self, t):
        """A tag, the member's index in vk.xml, then that member."""
        if t.name.startswith('VkDeviceOrHostAddress'):
            lines = ['const uint32_t tag = venus_decode_u32(d);',
                     'const uint64_t address = venus_decode_u64(d);',
                     'if (tag > 1 || (tag == 1 && address)) {',
                     '    venus_decoder_fail(d, "host address in a %s");' % t.name,
                     '    return;', '}', 'v->deviceAddress = address;']
        else:
            lines = ['const uint32_t tag = venus_decode_u32(d);', 'switch (tag) {']
            for n, m in enumerate(t.members):
                item = self.decode_fixed(m, 'v->') or self.decode(m, t.members, 'v->')
                body = self.runs([item], 'venus_take')
                lines += ['case %d:' % n] + self.indent(body + ['break;'])
            lines += ['default:',
                      '    venus_decoder_fail(d, "tag %%u in a %s", tag);' % t.name, '}']
        return self._function('void venus_decode_%s(struct venus_decoder *d, %s *v)' %
                              (t.name, t.name), lines)

    # ---- files ----

    def flat_asserts(self):
        out = []
        for name in self.names:
            flat = self.model.flat_layout(self.model.types[name])
            if flat:
                out.append('_Static_assert(sizeof(%s) == %d, "wire layout of %s");' %
                           (name, flat[0], name))
        return out

    def header(self):
        out = []
        for name in self.names:
            t = self.model.types[name]
            modes = self.model.modes[name]
            if 'in' in modes:
                out.append('void venus_decode_%s(struct venus_decoder *d, %s *v);' % (name, name))
            if 'out' in modes:
                out.append('void venus_partial_%s(struct venus_decoder *d, %s *v);' % (name, name))
                out.append('void venus_encode_%s(struct venus_decoder *d, const %s *v);' %
                           (name, name))
            if self.has_chain(t):
                out.append('extern const struct venus_chain_struct venus_chain_%s;' % name)
                out.append('extern const struct venus_chain_parent venus_parent_%s;' % name)
        return out

    def file(self, index):
        out = self.flat_asserts() + [''] if index == 0 else []
        for name in self.names[index::STRUCT_FILES]:
            out += self.emit_type(self.model.types[name])
        return out


# struct members whose object the handler of the allocation needs
POOL_MEMBERS = {('VkCommandBufferAllocateInfo', 'commandPool'),
                ('VkDescriptorSetAllocateInfo', 'descriptorPool')}
