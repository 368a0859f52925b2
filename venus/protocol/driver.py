# SPDX-License-Identifier: MIT
"""Emits the tables of the host driver's entry points and their loaders."""


class DriverEmitter:
    def __init__(self, model):
        self.model = model
        self.reg = model.registry
        self.instance, self.device = [], []
        for name in sorted(self.reg.core_command_names()):
            cmd = self.reg.commands.get(name)
            if not cmd or not cmd.params or cmd.mesa:
                continue
            first = self.reg.base_type(cmd.params[0].type)
            if cmd.params[0].ptr or self.reg.type(first).kind != 'handle':
                continue
            if first in ('VkInstance', 'VkPhysicalDevice') or name == 'vkGetDeviceProcAddr':
                self.instance.append(cmd)
            else:
                self.device.append(cmd)

    def header(self):
        out = []
        for which, commands in (('instance', self.instance), ('device', self.device)):
            out += ['/* Functions of the host driver called through a Vk%s; NULL where it lacks'
                    ' them. */' % which.capitalize(),
                    'struct venus_%s_vk {' % which]
            out += ['    PFN_%s %s;' % (c.name, c.canonical[2:]) for c in commands]
            out += ['};', '']
        return out + [
            '/* `version`: the version of Vulkan in use. Names of newer ones are not asked for: a driver',
            ' * may know them, but a layer need not. */',
            'void venus_instance_vk_load(struct venus_instance_vk *vk, VkInstance instance,',
            '                            PFN_vkGetInstanceProcAddr get, uint32_t version);',
            'void venus_device_vk_load(struct venus_device_vk *vk, VkDevice device,',
            '                          PFN_vkGetDeviceProcAddr get, uint32_t version);']

    def name(self, name):
        """A struct function_name: the version since which the name is a core one, 0 for always."""
        number = self.reg.core_commands.get(name, '1.0')
        version = '0' if number == '1.0' else 'VK_API_VERSION_' + number.replace('.', '_')
        return '{ "%s", %s }' % (name, version)

    def source(self):
        out = ['struct function_name {', '    const char *name;',
               '    uint32_t version; /* of Vulkan, that it needs */', '};', '',
               '/* The first of the names that the driver knows. */']
        for which, handle, commands in (('instance', 'VkInstance', self.instance),
                                        ('device', 'VkDevice', self.device)):
            out += ['static PFN_vkVoidFunction %s_function(%s %s, PFN_vkGet%sProcAddr get,' %
                    (which, handle, which, which.capitalize()),
                    '                                        uint32_t version,',
                    '                                        const struct function_name *names)', '{',
                    '    PFN_vkVoidFunction f = NULL;',
                    '    for (; names->name && !f; names++) {',
                    '        if (names->version <= version)',
                    '            f = get(%s, names->name);' % which,
                    '    }',
                    '    return f;', '}', '',
                    'void venus_%s_vk_load(struct venus_%s_vk *vk, %s %s,' %
                    (which, which, handle, which),
                    '                      PFN_vkGet%sProcAddr get, uint32_t version)' %
                    which.capitalize(), '{']
            for c in commands:
                names = [c.name] + sorted(c.aliases)
                out += ['    vk->%s = (PFN_%s)%s_function(%s, get, version,' %
                        (c.canonical[2:], c.name, which, which),
                        '        (const struct function_name[]){ %s, { 0 } });' %
                        ', '.join(map(self.name, names))]
            out += ['}', '']
        return out
