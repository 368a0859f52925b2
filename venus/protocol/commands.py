# SPDX-License-Identifier: MIT
"""Emits one function per command: decode, run, reply."""

import re

from members import Fixed, MemberCode

GROUPS = ['instance', 'device', 'memory', 'resource', 'pipeline', 'descriptor', 'sync', 'query',
          'renderpass', 'cmd_state', 'cmd_draw', 'cmd_copy', 'raytracing', 'transport']

# first match wins; the pattern is searched in the command's name
GROUP_PATTERNS = [
    ('transport', r'(Ring|Stream|Streams|Seqno|RingExtra)MESA$'),
    ('raytracing', r'AccelerationStructure|RayTracing|TraceRays|DeferredOperation'),
    ('cmd_draw', r'vkCmd(Draw|Dispatch|Begin(Rendering|RenderPass|Cond|Trans)|End|NextSubpass|Execute)'),
    ('cmd_copy', r'vkCmd(Copy|Blit|Clear|Fill|Update|Resolve)'),
    ('query', r'Query|Timestamp'),
    ('cmd_state', r'vkCmd'),
    ('instance', r'Instance|PhysicalDevice|EnumerateDevice'),
    ('sync', r'Fence|Semaphore|Event|QueueSubmit|QueueBind|WaitIdle'),
    ('descriptor', r'Descriptor'),
    ('pipeline', r'Pipeline|Shader'),
    ('renderpass', r'RenderPass|Framebuffer|RenderArea|RenderingArea'),
    ('memory', r'Memory'),
    ('resource', r'Buffer|Image|Sampler'),
    ('device', r''),
]

# return types and how they travel
RETURNS = {'VkResult': 4, 'VkBool32': 4, 'uint32_t': 4, 'uint64_t': 8, 'VkDeviceAddress': 8,
           'VkDeviceSize': 8}


def group_of(cmd):
    return next(g for g, pattern in GROUP_PATTERNS if re.search(pattern, cmd.canonical))


class CommandEmitter(MemberCode):
    def __init__(self, model):
        super().__init__(model)
        self.emitted = []
        for number in sorted(model.by_number):
            cmd = model.by_number[number]
            if cmd.canonical not in model.refused:
                self.emitted.append(cmd)

    # ---- what kind of command ----

    def is_output(self, p):
        return p.ptr and not p.const

    def is_handle(self, p):
        return self.reg.type(p.type).kind == 'handle'

    def handled(self, cmd):
        return cmd.canonical in self.model.handlers

    def output_handles(self, cmd):
        return [p for p in cmd.params if self.is_output(p) and self.is_handle(p)]

    def creates(self, cmd):
        outs = self.output_handles(cmd)
        return outs[0] if len(outs) == 1 and not outs[0].len else None

    def destroys(self, cmd):
        """The parameter that a plain vkDestroyX destroys."""
        if not cmd.canonical.startswith('vkDestroy') or len(cmd.params) < 3:
            return None
        return cmd.params[1]

    def first_object(self, cmd):
        return cmd.params and self.is_handle(cmd.params[0]) and not cmd.params[0].ptr

    # ---- args structs ----

    def args_struct(self, cmd):
        lines = []
        for p in cmd.params:
            decl = p.declare()
            if p.fixed:     # a pointer in C, an array of ours
                decl = decl.replace('const ', '')
            if p.const and p.ptr == 1 and self.is_handle(p):
                decl = 'const %s *%s' % (p.type, p.name)
            lines.append(decl + ';')
        if cmd.ret != 'void':
            lines.append('%s ret;' % cmd.ret)
        if self.first_object(cmd):
            lines.append('struct venus_object *first;')
        for p in cmd.params:
            if not self.is_handle(p) or p is cmd.params[0]:
                continue
            if self.is_output(p):
                lines.append('uint64_t *%s_ids;' % p.name)
            elif self.handled(cmd) or p is self.destroys(cmd):
                lines.append('const uint64_t *%s_ids;' % p.name if p.ptr else
                             'struct venus_object *%s_object;' % p.name)
        return ['struct venus_%s {' % cmd.canonical] + self.indent(lines) + ['};', '']

    # ---- decoding ----

    def decode_lines(self, cmd):
        items = []
        for p in cmd.params:
            if p is cmd.params[0] and self.first_object(cmd):
                kind = 'VENUS_OBJECT_' + self.model.object_type(p.type)
                items.append(self._first(p, kind))
            elif self.is_output(p):
                items.append(self.partial_parameter(p, cmd.params, 'args.'))
            else:
                items.append(self._input(cmd, p))
        return self.runs(items, 'venus_take')

    def _first(self, p, kind):
        handle = self.handle_cast(p, 'args.first->handle')
        return Fixed(8, lambda run, offset: [
            'args.first = venus_lookup_first(d, %s, venus_load64(%s + %d));' % (kind, run, offset),
            'if (!args.first)', '    return;', 'args.%s = %s;' % (p.name, handle)])

    def _input(self, cmd, p):
        keep = self.handled(cmd) or p is self.destroys(cmd)
        objects = 'args.%s_object' % p.name if keep and self.is_handle(p) and not p.ptr else None
        fixed = self.decode_fixed(p, 'args.', objects)
        if fixed:
            return fixed
        if keep and self.is_handle(p) and p.ptr:
            return self.decode(p, cmd.params, 'args.', ids=True)
        return self.decode(p, cmd.params, 'args.', required=True)

    # ---- running ----

    def table(self, cmd):
        first = self.reg.base_type(cmd.params[0].type)
        if first in ('VkInstance', 'VkPhysicalDevice'):
            return 'd->context->instance->vk'
        return 'args.first->device->vk'

    def call_lines(self, cmd):
        name = cmd.canonical[2:]
        args = ', '.join('args.' + p.name for p in cmd.params)
        lines = ['if (!%s.%s) {' % (self.table(cmd), name),
                  '    venus_decoder_fail(d, "the host driver has no %s");' % cmd.canonical,
                  '    return;', '}']
        call = '%s.%s(%s);' % (self.table(cmd), name, args)
        if any(p.name == 'deferredOperation' for p in cmd.params):
            # the driver would keep pointers into our temporary memory: do it at once
            return lines + ['const bool deferred = args.deferredOperation != VK_NULL_HANDLE;',
                            'args.deferredOperation = VK_NULL_HANDLE;',
                            'args.ret = ' + call,
                            'if (deferred && args.ret == VK_SUCCESS)',
                            '    args.ret = VK_OPERATION_NOT_DEFERRED_KHR;']
        return lines + [('args.ret = ' if cmd.ret != 'void' else '') + call]

    def create_lines(self, cmd):
        p = self.creates(cmd)
        destroy = self.reg.commands.get('vkDestroy' + p.type[2:])
        kind = self.model.object_type(p.type)
        lines = self.call_lines(cmd)
        lines += ['if (args.ret >= 0 && *args.%s &&' % p.name,
                  '    !venus_decoder_add_object(d, VENUS_OBJECT_%s, *args.%s_ids,' % (kind, p.name),
                  '                              (uint64_t)(uintptr_t)*args.%s, NULL, NULL)) {' %
                  p.name]
        lines += ['    %s.%s(args.%s, *args.%s, NULL);' % (self.table(cmd), destroy.canonical[2:],
                                                     cmd.params[0].name, p.name)]
        return lines + ['    return;', '}']

    def destroy_lines(self, cmd):
        p = self.destroys(cmd)
        kind = self.model.object_type(p.type)
        call = [l.replace('args.%s' % p.name, self.handle_cast(p, 'handle'))
                for l in self.call_lines(cmd)]
        return ['uint64_t handle;',
                'if (args.%s_object &&' % p.name,
                '    venus_object_remove(d->objects, VENUS_OBJECT_%s, args.%s_object->id,' %
                (kind, p.name),
                '                        &handle, NULL)) {'] + self.indent(call) + ['}']

    def run_lines(self, cmd):
        if self.handled(cmd):
            return ['venus_handle_%s(d, &args);' % cmd.canonical, 'if (d->fatal)', '    return;']
        if self.creates(cmd):
            return self.create_lines(cmd)
        if self.destroys(cmd):
            return self.destroy_lines(cmd)
        return self.call_lines(cmd)

    # ---- replying ----

    def reply_lines(self, cmd):
        items = []
        if cmd.ret != 'void':
            size = RETURNS[cmd.ret]
            items.append(['venus_encode_u%d(d, (uint%d_t)args.ret);' % (size * 8, size * 8)])
        for p in cmd.params:
            if self.is_output(p):
                items.append(self._reply_parameter(cmd, p))
        return ['venus_reply_begin(d);'] + self.runs(items, 'venus_reply_take') + \
            ['venus_reply_finish(d);']

    def _reply_parameter(self, cmd, p):
        t = self.reg.type(p.type)
        src = 'args.' + p.name
        if t.kind == 'handle':
            return self._reply_handles(cmd, p, src)
        if p.len:
            return self.encode_array(p, t, cmd.params, 'args.', src, src)
        lines = ['venus_encode_u64(d, %s ? 1 : 0);' % src, 'if (%s) {' % src]
        return lines + self.indent(self._encode_element(t, src, '*' + src)) + ['}']

    def _reply_handles(self, cmd, p, src):
        count = self.length(p.len[0], cmd.params, 'args.') if p.len else '1'
        return self.block(['const uint64_t n = %s_ids ? %s : 0;' % (src, count),
                           'venus_encode_u64(d, n);',
                           'venus_encode_bytes(d, %s_ids, n * 8);' % src])

    # ---- files ----

    def function(self, cmd):
        lines = []
        if cmd.params or cmd.ret != 'void':
            lines += ['struct venus_%s args;' % cmd.canonical]
        lines += self.decode_lines(cmd)
        lines += ['if (d->fatal)', '    return;']
        lines += self.run_lines(cmd)
        if cmd.loses_device and self.table(cmd) == 'args.first->device->vk':
            lines += ['if (__builtin_expect(args.ret == VK_ERROR_DEVICE_LOST, 0))',
                      '    venus_device_lost(d->device, "%s");' % cmd.canonical]
        lines += ['if (d->command_flags & VENUS_COMMAND_GENERATE_REPLY) {'] + \
            self.indent(self.reply_lines(cmd)) + ['}']
        return ['void venus_run_%s(struct venus_decoder *d)' % cmd.canonical, '{'] + \
            self.indent(lines) + ['}', '']

    def file(self, group):
        out = []
        for cmd in self.emitted:
            if group_of(cmd) == group:
                out += self.function(cmd)
        return out

    def protocol_header(self):
        out = []
        for cmd in self.emitted:
            if cmd.params:
                out += self.args_struct(cmd)
        for cmd in self.emitted:
            out.append('#define VENUS_HAS_%s 1' % cmd.canonical)
        out.append('')
        for cmd in self.emitted:
            if self.handled(cmd):
                out += ['void venus_handle_%s(struct venus_decoder *d,' % cmd.canonical,
                        '                     struct venus_%s *args);' % cmd.canonical]
        return out

    def table_file(self):
        out = []
        last = max(list(self.model.by_number) + list(self.model.unknown_numbers))
        known = {c.number for c in self.emitted}
        for cmd in self.emitted:
            out.append('void venus_run_%s(struct venus_decoder *d);' % cmd.canonical)
        out.append('')
        for number, cmd in sorted(self.model.by_number.items()):
            if number not in known:
                out += self._refusal(cmd.canonical, '%s is not for clients: %s' %
                                     (cmd.canonical, self.model.refused[cmd.canonical]))
        for number, name in sorted(self.model.unknown_numbers.items()):
            out += self._refusal(name, "%s is not in this build's registry (vk.xml %d.%d.%d)" %
                                 ((name,) + self.reg.version + (self.reg.header_version,)))
        out += ['const struct venus_command venus_commands[] = {']
        for number in range(last + 1):
            cmd = self.model.by_number.get(number)
            name = cmd.canonical if cmd else self.model.unknown_numbers.get(number)
            if name:
                out.append('    [%d] = { venus_run_%s, "%s" },' % (number, name, name))
        return out + ['};', '', 'const uint32_t venus_command_count = %d;' % (last + 1)]

    @staticmethod
    def _refusal(name, text):
        return ['static void venus_run_%s(struct venus_decoder *d)' % name, '{',
                '    venus_decoder_fail(d, "%%s", "%s");' % text, '}', '']
