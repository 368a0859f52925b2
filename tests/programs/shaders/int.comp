#version 450
// SPDX-License-Identifier: MIT
// Integer mixing of every element with two push constants.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Push { uint count; uint factor; uint add; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i >= count)
        return;
    uint x = data[i];
    for (uint round = 0; round < 8; round++) {
        x = x * factor + add + i;
        x ^= x >> 13;
        x = (x << 7) | (x >> 25);
    }
    data[i] = x;
}
