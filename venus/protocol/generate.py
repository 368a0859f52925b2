#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generate the Venus decoder from Khronos' registry and our own tables.

See README.md in this folder for what goes in and comes out.
"""

import argparse
import os
import sys

from commands import GROUPS, CommandEmitter
from driver import DriverEmitter
from model import VENUS_EXTENSIONS, Model, snake_upper
from structs import STRUCT_FILES, StructEmitter

BANNER = '/* Generated from vk.xml %s by venus/protocol/generate.py; do not edit. */'


class Output:
    def __init__(self, model, folder):
        self.folder = folder
        self.version = '%d.%d.%d' % (model.registry.version + (model.registry.header_version,))
        self.check = ['#include <vulkan/vulkan_core.h>',
                      '#if VK_HEADER_VERSION != %d' % model.registry.header_version,
                      '#error "vulkan_core.h and the registry (vk.xml %s) differ in version"' %
                      self.version,
                      '#endif', '']

    def write(self, name, lines):
        path = os.path.join(self.folder, name)
        text = '\n'.join([BANNER % self.version] + lines) + '\n'
        with open(path + '.tmp', 'w') as f:
            f.write(text)
        os.replace(path + '.tmp', path)

    def header(self, name, includes, lines, check=False):
        guard = name.upper().replace('.', '_')
        self.write(name, ['#ifndef ' + guard, '#define ' + guard, ''] +
                   (self.check if check else []) +
                   ['#include ' + i for i in includes] + [''] + lines + ['', '#endif'])

    def source(self, name, includes, lines):
        self.write(name, ['#include ' + i for i in includes] + [''] + lines)


def mesa_structs(model):
    out = []
    for t in model.mesa_structs:
        if t.stype:
            out.append('#define %s ((VkStructureType)%d)' % (t.stype, model.stype_value(t)))
    for t in model.mesa_structs:
        out += ['', 'typedef struct %s {' % t.name]
        out += ['    %s;' % m.declare() for m in t.members]
        out += ['} %s;' % t.name]
    return out + ['']


def extension_table(model):
    # what the host must enable is the handlers' business; this is what clients may know of
    rows = [(e.name, e.number, max(e.spec_version, 1)) for e in model.extensions]
    rows += VENUS_EXTENSIONS
    out = ['const struct venus_extension venus_extensions[] = {']
    out += ['    { "%s", %d, %d },' % row for row in sorted(rows)]
    out += ['};', '', 'const uint32_t venus_extension_count = %d;' % len(rows), '',
            'const uint32_t venus_registry_version = VK_MAKE_API_VERSION(0, %d, %d, %d);' %
            (model.registry.version + (model.registry.header_version,))]
    return out


def generate(model, folder):
    os.makedirs(folder, exist_ok=True)
    out = Output(model, folder)
    structs, commands, driver = StructEmitter(model), CommandEmitter(model), DriverEmitter(model)
    out.header('venus_driver.h', ['<vulkan/vulkan_core.h>'], driver.header(), check=True)
    out.source('venus_driver.c', ['<stddef.h>', '"venus_driver.h"'], driver.source())
    out.header('venus_protocol.h', ['<stddef.h>', '<stdint.h>', '<vulkan/vulkan_core.h>'],
               ['struct venus_decoder;', 'struct venus_object;', ''] + mesa_structs(model) +
               commands.protocol_header(), check=True)
    common = ['"internal.h"', '"venus_structs.h"']
    out.header('venus_structs.h', ['"decoder.h"', '"venus_protocol.h"'], structs.header())
    for n in range(STRUCT_FILES):
        out.source('venus_structs_%d.c' % n, common, structs.file(n))
    for group in GROUPS:
        out.source('venus_commands_%s.c' % group, common, commands.file(group))
    out.source('venus_table.c', ['"internal.h"'], commands.table_file())
    out.source('venus_extensions.c', ['"internal.h"'], extension_table(model))
    return structs, commands


def report(model, structs, commands):
    handled = sum(1 for c in commands.emitted if commands.handled(c))
    print('vk.xml %d.%d.%d:' % (model.registry.version + (model.registry.header_version,)),
          '%d commands (%d with handlers), %d refused by design, %d numbers unknown to this'
          ' registry;' % (len(commands.emitted), handled,
                          len(model.by_number) - len(commands.emitted),
                          len(model.unknown_numbers)),
          '%d structs; %d extensions' % (len(structs.names), len(model.extensions) +
                                         len(VENUS_EXTENSIONS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--registry', required=True, help='vk.xml')
    parser.add_argument('--tables', default=os.path.dirname(os.path.abspath(__file__)),
                        help='folder of commands.txt, mesa.txt and rules.txt')
    parser.add_argument('--out', help='folder for the generated files')
    parser.add_argument('--list-extensions', action='store_true',
                        help='say for each extension whether it is offered, and why not')
    args = parser.parse_args()
    model = Model(args.registry, args.tables)
    if args.list_extensions:
        for e in model.extensions:
            print('offered ', e.name)
        for name, reason in sorted(model.rejected.items()):
            print('withheld', name + ':', reason)
    elif args.out:
        report(model, *generate(model, args.out))
    else:
        parser.error('--out or --list-extensions is needed')


if __name__ == '__main__':
    sys.exit(main())
