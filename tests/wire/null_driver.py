#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the generated half of the null Vulkan driver (null.h): every command of vulkan_core.h."""

import argparse
import re

import vkxml
import wire

# Commands that null.c implements, because they must say something sensible.
BY_HAND = set('''
    vkGetInstanceProcAddr vkGetDeviceProcAddr vkEnumerateInstanceVersion
    vkEnumerateInstanceExtensionProperties vkEnumerateDeviceExtensionProperties
    vkEnumerateInstanceLayerProperties vkEnumerateDeviceLayerProperties vkCreateInstance
    vkEnumeratePhysicalDevices vkEnumeratePhysicalDeviceGroups vkGetPhysicalDeviceProperties
    vkGetPhysicalDeviceProperties2 vkGetPhysicalDeviceQueueFamilyProperties
    vkGetPhysicalDeviceQueueFamilyProperties2 vkGetPhysicalDeviceMemoryProperties
    vkGetPhysicalDeviceMemoryProperties2 vkGetPhysicalDeviceExternalBufferProperties
    vkGetPhysicalDeviceExternalSemaphoreProperties vkGetPhysicalDeviceExternalFenceProperties
    vkCreateDevice vkGetDeviceQueue vkGetDeviceQueue2 vkGetMemoryHostPointerPropertiesEXT
    vkGetMemoryFdPropertiesKHR vkGetMemoryFdKHR vkGetFenceFdKHR vkGetSemaphoreFdKHR vkMapMemory vkAllocateMemory
    vkGetBufferMemoryRequirements vkGetImageMemoryRequirements vkGetBufferMemoryRequirements2
    vkGetPhysicalDeviceImageFormatProperties2
    vkGetImageMemoryRequirements2 vkGetDeviceBufferMemoryRequirements
    vkGetDeviceImageMemoryRequirements'''.split())

# Lengths of the inner arrays that vk.xml does not give for a pointer to pointers.
INNER = {'ppBuildRangeInfos': 'pInfos[i].geometryCount',
         'ppMaxPrimitiveCounts': 'pInfos[i].geometryCount'}

POOLS = {'vkAllocateCommandBuffers': 'pAllocateInfo->commandPool',
         'vkAllocateDescriptorSets': 'pAllocateInfo->descriptorPool'}


class Emitter:
    def __init__(self, registry):
        self.registry = registry
        self.codec = wire.Codec(registry)
        self.lines = []
        self.inputs = {}        # struct types by name, in order of need
        self.outputs = {}
        self.pending = []

    def put(self, text, depth=0):
        self.lines.append('    ' * depth + text)

    def need(self, type_, out):
        seen = self.outputs if out else self.inputs
        if type_.name not in seen:
            seen[type_.name] = type_
            self.pending.append((type_, out))

    # ---- expressions ----

    @staticmethod
    def length(expression, prefix, siblings):
        """A length expression of vk.xml in C."""
        def name(match):
            f = siblings.get(match[1])
            if f is None:
                return match[0]
            if match[2]:
                return match[0] if not prefix else prefix + match[0]
            star = '*' if f.ptr and not f.length else ''
            return star + prefix + match[1]

        return '(' + re.sub(r'([A-Za-z_]\w*)(->\w+)?', name, expression) + ')'

    # ---- walking inputs ----

    def scalar(self, type_, name, at, depth):
        base = type_.name
        if base in ('float', 'double'):
            self.put('null_walk_%s(%s, %s);' % (base, name, at), depth)
        else:
            self.put('null_walk_number(%s, (uint%d_t)%s);' % (name, 8 * type_.size, at), depth)

    def value(self, type_, name, at, depth, selector=None, field=None):
        """A value at C lvalue `at`; `name` is a C string expression."""
        if type_.kind == 'scalar':
            self.scalar(type_, name, at, depth)
        elif type_.kind == 'handle':
            self.put('null_walk_handle(%s, "%s", NULL_HANDLE(%s));' % (name, type_.name, at), depth)
        elif type_.kind == 'union' and selector:
            self.put('null_walk_text(%s, "{");' % name, depth)
            self.put('switch ((int)%s) {' % selector, depth)
            for f in type_.fields:
                values = [self.registry.value(s) for s in f.selection]
                if all(v is None for v in values):
                    continue
                for v in values:
                    if v is not None:
                        self.put('case %d:' % v, depth)
                self.field(f, at + '.', {}, depth + 1)
                self.put('break;', depth + 1)
            self.put('default:', depth)
            self.put('break;', depth + 1)
            self.put('}', depth)
            self.put('null_walk_text("", "}");', depth)
        elif type_.kind == 'union':
            self.put('null_walk_bytes(%s, &%s, sizeof(%s));' % (name, at, at), depth)
        else:
            self.need(type_, False)
            self.put('null_walk_text(%s, "{");' % name, depth)
            self.put('walk_%s(&%s);' % (type_.name, at), depth)
            self.put('null_walk_text("", "}");', depth)

    def bytes(self, type_):
        return type_.kind == 'void' or type_.kind == 'scalar' and type_.size == 1

    def field(self, f, prefix, siblings, depth):
        type_ = self.registry.type(f.type)
        at, name = prefix + f.name, '"%s"' % f.name
        if not f.ptr and not f.dims:
            selector = prefix + f.selector if f.selector else None
            self.value(type_, name, at, depth, selector)
        elif f.dims and not f.ptr:
            if self.bytes(type_):
                self.put('null_walk_bytes(%s, %s, %d);' % (name, at, f.count), depth)
                return
            self.put('null_walk_count(%s, "[", %d);' % (name, f.count), depth)
            self.put('for (uint32_t i = 0; i < %d; i++) {' % f.count, depth)
            self.value(type_, '"*"', '%s[i]' % at, depth + 1)
            self.put('}', depth)
            self.put('null_walk_text("", "]");', depth)
        else:
            self.put('if (!%s) {' % at, depth)
            self.put('null_walk_text(%s, "-");' % name, depth + 1)
            self.put('} else {', depth)
            self.pointed(f, type_, at, name, prefix, siblings, depth + 1)
            self.put('}', depth)

    def pointed(self, f, type_, at, name, prefix, siblings, depth):
        if not f.length:
            if f.string:
                self.put('null_walk_string(%s, %s);' % (name, at), depth)
            elif type_.kind in ('void', 'function') or type_.name == 'VkAllocationCallbacks':
                self.put('null_walk_text(%s, "set");' % name, depth)
            else:
                self.value(type_, name, '(*%s)' % at, depth)
            return
        n = self.length(f.length[0], prefix, siblings)
        if self.bytes(type_) and f.ptr == 1:
            self.put('null_walk_bytes(%s, %s, %s);' % (name, at, n), depth)
            return
        self.put('null_walk_count(%s, "[", %s);' % (name, n), depth)
        self.put('for (uint32_t i = 0; i < %s; i++) {' % n, depth)
        if f.string:
            self.put('if (%s[i])' % at, depth + 1)
            self.put('null_walk_string("*", %s[i]);' % at, depth + 2)
            self.put('else', depth + 1)
            self.put('null_walk_text("*", "-");', depth + 2)
        elif f.ptr == 2:
            inner = f.length[1] if len(f.length) > 1 else INNER[f.name]
            self.put('if (!%s[i]) {' % at, depth + 1)
            self.put('null_walk_text("*", "-");', depth + 2)
            self.put('continue;', depth + 2)
            self.put('}', depth + 1)
            self.put('null_walk_count("*", "[", %s);' % inner, depth + 1)
            self.put('for (uint32_t j = 0; j < %s; j++) {' % inner, depth + 1)
            self.value(type_, '"*"', '%s[i][j]' % at, depth + 2)
            self.put('}', depth + 1)
            self.put('null_walk_text("", "]");', depth + 1)
        else:
            self.value(type_, '"*"', '%s[i]' % at, depth + 1)
        self.put('}', depth)
        self.put('null_walk_text("", "]");', depth)

    # ---- looking at outputs and filling them ----

    def interesting(self, type_):
        """Whether an output struct has anything that the client chooses."""
        return type_.kind == 'struct' and (
            type_.chained or any(f.is_length and any(g.ptr and g.length for g in type_.fields) or
                                 not f.ptr and self.interesting(self.registry.type(f.type))
                                 for f in type_.fields))

    def look(self, type_, name, at, depth):
        self.need(type_, True)
        self.put('null_walk_text(%s, "{");' % name, depth)
        self.put('look_%s(&%s);' % (type_.name, at), depth)
        self.put('null_walk_text("", "}");', depth)

    def look_param(self, p, params, depth):
        type_ = self.registry.type(p.type)
        name = '"%s"' % p.name
        self.put('if (!%s)' % p.name, depth)
        self.put('null_walk_text(%s, "-");' % name, depth + 1)
        self.put('else {', depth)
        if p.is_length:
            self.scalar(type_, name, '*' + p.name, depth + 1)
        elif p.length:
            n = self.length(p.length[0], '', params)
            self.put('null_walk_count(%s, "out ", %s);' % (name, n), depth + 1)
            if type_.kind == 'struct':
                self.need(type_, True)
            if self.interesting(type_):
                self.put('for (uint32_t i = 0; i < %s; i++) {' % n, depth + 1)
                self.look(type_, '"*"', '%s[i]' % p.name, depth + 2)
                self.put('}', depth + 1)
        elif type_.kind == 'struct':
            self.look(type_, name, '(*%s)' % p.name, depth + 1)
        else:
            self.put('null_walk_text(%s, "out");' % name, depth + 1)
        self.put('}', depth)

    def look_struct(self, type_):
        self.put('static void look_%s(const %s *v)' % (type_.name, type_.name))
        self.put('{')
        self.put('(void)v;', 1)
        if type_.chained:
            self.put('look_chain(v->pNext);', 1)
        self.put('lookbody_%s(v);' % type_.name, 1)
        self.put('}\n')
        self.put('static void lookbody_%s(const %s *v)' % (type_.name, type_.name))
        self.put('{')
        self.put('(void)v;', 1)
        siblings = {f.name: f for f in type_.fields}
        arrays = any(f.ptr and f.length for f in type_.fields)
        for f in type_.fields:
            t = self.registry.type(f.type)
            at, name = 'v->' + f.name, '"%s"' % f.name
            if f.is_length and arrays and not f.ptr:
                self.scalar(t, name, at, 1)
            elif f.ptr and f.length:
                n = self.length(f.length[0], 'v->', siblings)
                self.put('if (%s)' % at, 1)
                self.put('null_walk_count(%s, "out ", %s);' % (name, n), 2)
                self.put('else', 1)
                self.put('null_walk_text(%s, "-");' % name, 2)
                if t.kind == 'struct':
                    self.need(t, True)
            elif not f.ptr and t.kind == 'struct':
                self.need(t, True)
                if self.interesting(t):
                    if f.dims:
                        self.put('for (uint32_t i = 0; i < %d; i++) {' % f.count, 1)
                        self.look(t, '"*"', at + '[i]', 2)
                        self.put('}', 1)
                    else:
                        self.look(t, name, at, 1)
        self.put('}\n')

    def fill_value(self, type_, at, depth):
        if type_.kind == 'struct':
            self.put('fill_%s(&%s);' % (type_.name, at), depth)
        elif type_.kind == 'scalar' and type_.name in ('float', 'double'):
            self.put('{ const uint%d_t bits = (uint%d_t)null_leaf(%d); '
                     'memcpy(&%s, &bits, sizeof(bits)); }' %
                     (8 * type_.size, 8 * type_.size, type_.size, at), depth)
        elif type_.kind == 'scalar':
            self.put('%s = (%s)null_leaf(%d);' % (at, type_.name, type_.size), depth)
        elif type_.kind != 'handle':
            raise ValueError('output of type ' + type_.name)

    def fill_array(self, type_, at, n, depth):
        if self.bytes(type_):
            self.put('null_leaf_bytes(%s, %s);' % (at, n), depth)
            return
        self.put('for (uint32_t i = 0; i < %s; i++) {' % n, depth)
        self.fill_value(type_, at + '[i]', depth + 1)
        self.put('}', depth)

    def fill_struct(self, type_):
        self.put('static void fill_%s(%s *v)' % (type_.name, type_.name))
        self.put('{')
        self.put('fillbody_%s(v);' % type_.name, 1)
        if type_.chained:
            self.put('fill_chain((void *)v->pNext);', 1)
        self.put('}\n')
        self.put('static void fillbody_%s(%s *v)' % (type_.name, type_.name))
        self.put('{')
        self.put('(void)v;', 1)
        siblings = {f.name: f for f in type_.fields}
        arrays = any(f.ptr and f.length for f in type_.fields)
        for f in type_.fields:
            t = self.registry.type(f.type)
            at = 'v->' + f.name
            if f.name in ('sType', 'pNext') and type_.chained or f.is_length and arrays:
                continue
            if f.ptr:
                self.put('if (%s) {' % at, 1)
                n = self.length(f.length[0], 'v->', siblings) if f.length else '1'
                self.fill_array(t, '((%s *)%s)' % (f.type, at), n, 2)
                self.put('}', 1)
            elif f.dims:
                self.fill_array(t, at, f.count, 1)
            else:
                self.fill_value(t, at, 1)
        self.put('}\n')

    # ---- structs and chains ----

    def walk_struct(self, type_):
        self.put('static void walk_%s(const %s *v)' % (type_.name, type_.name))
        self.put('{')
        if type_.chained:
            self.put('walk_chain(v->pNext);', 1)
        self.put('walkbody_%s(v);' % type_.name, 1)
        self.put('}\n')
        self.put('static void walkbody_%s(const %s *v)' % (type_.name, type_.name))
        self.put('{')
        siblings = {f.name: f for f in type_.fields}
        self.put('(void)v;', 1)
        for f in type_.fields:
            if type_.chained and f.name in ('sType', 'pNext'):
                continue
            self.field(f, 'v->', siblings, 1)
        self.put('}\n')

    def chain(self, what, const, types):
        self.put('static void %s_chain(%svoid *chain)' % (what, const))
        self.put('{')
        self.put('for (%sVkBaseOutStructure *s = chain; s; s = s->pNext) {' % const, 1)
        self.put('%svoid *p = s;' % const, 2)
        self.put('switch ((int)s->sType) {', 2)
        for t in types:
            self.put('case %d:' % t.stype, 2)
            if what != 'fill':
                self.put('null_walk_text("pNext %s", "{");' % t.name, 3)
            self.put('%sbody_%s(p);' % (what, t.name), 3)
            if what != 'fill':
                self.put('null_walk_text("", "}");', 3)
            self.put('break;', 3)
        self.put('default:', 2)
        self.put('null_walk_unknown(s->sType);', 3)
        self.put('}', 2)
        self.put('}', 1)
        self.put('}\n')

    # ---- commands ----

    def declare(self, command, name):
        out = []
        for p in command.params:
            text = ('const ' if p.const else '') + p.type
            text += ' ' + '*' * p.ptr
            if p.ptr == 2 and p.const:
                text = '%s%s *const *' % ('const ', p.type)
            if p.ptr == 2 and not p.const:
                text = '%s **' % p.type
            out.append(text + p.name + ''.join('[%d]' % d for d in p.dims))
        return name + '(' + ', '.join(out) + ')'

    def walk_command(self, c):
        self.put('void ' + self.declare(c, 'null_walk_' + c.name))
        self.put('{')
        self.put('null_walk_text("call", "%s");' % c.name, 1)
        params = {p.name: p for p in c.params}
        for p in c.params:
            if self.codec.is_output(p) and self.registry.type(p.type).kind not in ('function',) \
                    and not (p.type == 'void' and not p.length):
                self.look_param(p, params, 1)
            elif p.dims:
                # an array parameter is a pointer
                self.field(p, '', params, 1)
            else:
                self.field(p, '', params, 1)
        self.put('null_walk_text("end", "call");', 1)
        self.put('}\n')

    def fill_command(self, c, params):
        """Give outputs values: (lines for fill mode, lines for the other)."""
        for p in c.params:
            if not self.codec.is_output(p) or p.type == 'void' and not p.length:
                continue
            type_ = self.registry.type(p.type)
            if p.is_length:
                arrays = [q.name for q in c.params if q.length and q.length[0] == p.name]
                self.put('if (%s && null.fill && (%s)) {' %
                         (p.name, ' || '.join(arrays)), 1)
                self.put('if (*%s > 1)' % p.name, 2)
                self.put('--*%s;' % p.name, 3)
                self.put('} else if (%s) {' % p.name, 1)
                self.put('*%s = null.fill ? 2 : 0;' % p.name, 2)
                self.put('}', 1)
            elif type_.kind in ('scalar', 'struct', 'void') and c.number is not None:
                self.put('if (%s && null.fill) {' % p.name, 1)
                if p.length:
                    n = self.length(p.length[0], '', params)
                    self.fill_array(type_, p.name, n, 2)
                else:
                    self.fill_value(type_, '(*%s)' % p.name, 2)
                self.put('}', 1)

    def objects(self, c, params):
        if c.name == 'vkFreeMemory' or c.name.startswith('vkDestroy'):
            p = [q for q in c.params if not q.ptr and self.registry.type(q.type).kind == 'handle'][-1]
            self.put('null_destroy("%s", NULL_HANDLE(%s));' %
                     (self.registry.type(p.type).name, p.name), 1)
        elif c.name in ('vkFreeCommandBuffers', 'vkFreeDescriptorSets'):
            p = c.params[-1]
            self.put('for (uint32_t i = 0; %s && i < %s; i++)' % (p.name, p.length[0]), 1)
            self.put('null_destroy("%s", NULL_HANDLE(%s[i]));' % (p.type, p.name), 2)
        elif c.name == 'vkResetDescriptorPool':
            self.put('null_destroy_children(NULL_HANDLE(descriptorPool));', 1)
        for p in c.params:
            type_ = self.registry.type(p.type)
            if not self.codec.is_output(p) or type_.kind != 'handle' or c.name.startswith('vkGet'):
                continue
            parent = POOLS.get(c.name, c.params[0].name)
            n = self.length(p.length[0], '', params) if p.length else '1'
            self.put('for (uint32_t i = 0; %s && i < %s; i++)' % (p.name, n), 1)
            self.put('%s[i] = (%s)(uintptr_t)null_create("%s", NULL_HANDLE(%s));' %
                     (p.name, p.type, type_.name, parent), 2)

    def fail(self, c, params):
        self.put('if (null_fails()) {', 1)
        for p in c.params:
            if self.codec.is_output(p) and self.registry.type(p.type).kind == 'handle':
                n = self.length(p.length[0], '', params) if p.length else '1'
                self.put('for (uint32_t i = 0; %s && i < %s; i++)' % (p.name, n), 2)
                self.put('%s[i] = VK_NULL_HANDLE;' % p.name, 3)
            elif self.codec.is_output(p) and p.is_length:
                self.put('if (%s)' % p.name, 2)
                self.put('*%s = 0;' % p.name, 3)
        self.put('null_unlock();', 2)
        self.put('return VK_ERROR_OUT_OF_DEVICE_MEMORY;', 2)
        self.put('}', 1)

    def command(self, c):
        self.put('static VKAPI_ATTR %s VKAPI_CALL %s' % (c.ret, self.declare(c, 'null_' + c.name)))
        self.put('{')
        for p in c.params:
            self.put('(void)%s;' % p.name, 1)
        self.put('null_lock();', 1)
        self.put('null.calls++;', 1)
        if c.number is not None:
            self.put('if (null.walk)', 1)
            self.put('null_walk_%s(%s);' % (c.name, ', '.join(p.name for p in c.params)), 2)
        params = {p.name: p for p in c.params}
        if c.ret == 'VkResult':
            self.fail(c, params)
        if c.number is not None:
            self.fill_command(c, params)
        self.objects(c, params)
        if c.ret in ('VkResult', 'PFN_vkVoidFunction'):
            self.put('null_unlock();', 1)
            self.put('return %s;' % ('VK_SUCCESS' if c.ret == 'VkResult' else 'NULL'), 1)
        elif c.ret != 'void':
            size = self.registry.type(c.ret).size
            self.put('const %s ret = null.fill ? (%s)null_leaf(%d) : 0;' % (c.ret, c.ret, size), 1)
            self.put('null_unlock();', 1)
            self.put('return ret;', 1)
        else:
            self.put('null_unlock();', 1)
        self.put('}\n')

    # ---- the files ----

    def reachable(self, commands):
        """Find every struct that the commands may carry; the lines emitted on the way are lost."""
        for c in commands:
            self.walk_command(c)
        chained_in, chained_out = {}, {}
        while self.pending:
            type_, out = self.pending.pop()
            if out:
                self.look_struct(type_)
            else:
                self.walk_struct(type_)
            for t in self.codec.chain_of(type_.name).values():
                if t.stype // 1000 == 1000384:
                    continue        # of the protocol, never reaches the driver
                (chained_out if out else chained_in)[t.name] = t
                self.need(t, out)
        self.lines = []
        by_name = sorted
        return ([chained_in[n] for n in by_name(chained_in)],
                [chained_out[n] for n in by_name(chained_out)])

    def driver(self):
        registry = self.registry
        commands = [c for n, c in sorted(registry.commands.items())
                    if registry.portable(n) and not c.mesa]
        walked = [c for c in commands if c.number is not None and
                  not any(p.ptr > 1 and p.type == 'void' for p in c.params)]
        for c in commands:
            if c not in walked:
                c.number = None
        chained_in, chained_out = self.reachable(walked)

        self.put('/* Generated by tests/wire/null_driver.py. */')
        # helpers exist for every struct in reach, also where only the chain needs their body
        self.put('#pragma GCC diagnostic ignored "-Wunused-function"\n')
        self.put('#include <string.h>\n')
        self.put('#include "null.h"')
        self.put('#include "null_walk.h"\n')
        for c in commands:
            if c.name in BY_HAND:
                self.put('VKAPI_ATTR %s VKAPI_CALL %s;' % (c.ret, self.declare(c, 'null_' + c.name)))
        for name in self.inputs:
            self.put('static void walk_%s(const %s *v);' % (name, name))
            self.put('static void walkbody_%s(const %s *v);' % (name, name))
        for name in self.outputs:
            self.put('static void look_%s(const %s *v);' % (name, name))
            self.put('static void lookbody_%s(const %s *v);' % (name, name))
            self.put('static void fill_%s(%s *v);' % (name, name))
            self.put('static void fillbody_%s(%s *v);' % (name, name))
        self.put('')
        self.chain('walk', 'const ', chained_in)
        self.chain('look', 'const ', chained_out)
        self.chain('fill', '', chained_out)
        for name in sorted(self.inputs):
            self.walk_struct(self.inputs[name])
        for name in sorted(self.outputs):
            self.look_struct(self.outputs[name])
            self.fill_struct(self.outputs[name])
        for c in walked:
            self.walk_command(c)
        for c in commands:
            if c.name not in BY_HAND:
                self.command(c)
        names = sorted((n, c.name) for c in commands for n in c.names)
        self.put('const struct null_command null_commands[] = {')
        for name, base in names:
            self.put('{"%s", (PFN_vkVoidFunction)null_%s},' % (name, base), 1)
        self.put('};')
        self.put('const size_t null_command_count = %d;\n' % len(names))
        self.put('const struct null_extension null_extensions[] = {')
        for name, (_, version, kind) in sorted(registry.extensions.items()):
            self.put('{"%s", %d, %s},' % (name, version, 'true' if kind == 'device' else 'false'), 1)
        self.put('};')
        self.put('const size_t null_extension_count = %d;' % len(registry.extensions))
        header = ['/* Generated by tests/wire/null_driver.py. */', '#ifndef NULL_WALK_H',
                  '#define NULL_WALK_H', '', '#include <vulkan/vulkan_core.h>', '']
        header += ['void %s;' % self.declare(c, 'null_walk_' + c.name) for c in walked]
        header += ['', '#endif', '']
        return '\n'.join(self.lines) + '\n', '\n'.join(header)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--registry', required=True, help='vk.xml')
    parser.add_argument('--commands', required=True, help='venus/protocol/commands.txt')
    parser.add_argument('--out', required=True, help='C file to write')
    parser.add_argument('--header', required=True, help='header to write')
    args = parser.parse_args()
    registry = vkxml.Registry(args.registry, args.commands)
    source, header = Emitter(registry).driver()
    with open(args.out, 'w', encoding='ascii') as file:
        file.write(source)
    with open(args.header, 'w', encoding='ascii') as file:
        file.write(header)


if __name__ == '__main__':
    main()
