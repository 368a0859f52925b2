#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
// SPDX-License-Identifier: MIT
// Every invocation walks some way around a ring of buffer addresses and mixes what it finds.
layout(local_size_x = 32) in;

layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Node {
    uvec2 next;
    uint value;
    uint pad;
};
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Result { uint data[]; };

layout(push_constant) uniform Push { uvec2 head; uvec2 result; uint count; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i >= count)
        return;
    uvec2 at = head;
    uint x = i;
    for (uint steps = 0; steps <= i; steps++) {
        Node node = Node(at);
        x = x * 31u + node.value;
        at = node.next;
    }
    Result(result).data[i] = x;
}
