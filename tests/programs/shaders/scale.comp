#version 450
// SPDX-License-Identifier: MIT
// to[i] = from[i] * factor + add, with the numbers in a uniform buffer.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer From { uint from[]; };
layout(set = 0, binding = 1) writeonly buffer To { uint to[]; };
layout(set = 0, binding = 2) uniform Numbers { uint factor; uint add; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i < from.length() && i < to.length())
        to[i] = from[i] * factor + add;
}
