#version 450
// SPDX-License-Identifier: MIT
// Reads an inline uniform block of 64 bytes.
layout(local_size_x = 16) in;
layout(set = 0, binding = 0) uniform Block { uvec4 block[4]; };
layout(set = 0, binding = 1) writeonly buffer Out { uint result[]; };

void main()
{
    uint i = gl_LocalInvocationIndex;
    result[i] = block[i / 4][i % 4] * (i + 1u);
}
