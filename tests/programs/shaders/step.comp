#version 450
// SPDX-License-Identifier: MIT
// data[i] = data[i] * 3 + step: the order of steps shows in the result.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; };
layout(push_constant) uniform Push { uint step; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    if (i < data.length())
        data[i] = data[i] * 3u + step + i;
}
