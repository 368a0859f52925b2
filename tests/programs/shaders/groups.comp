#version 450
// SPDX-License-Identifier: MIT
// Notes which workgroups ran, in three dimensions.
layout(local_size_x = 2, local_size_y = 2, local_size_z = 2) in;
layout(set = 0, binding = 0) buffer Out { uint hits[16 * 16 * 16]; };

void main()
{
    uvec3 g = gl_WorkGroupID;
    if (all(lessThan(g, uvec3(16))))
        atomicAdd(hits[(g.z * 16 + g.y) * 16 + g.x], 1u + gl_LocalInvocationIndex);
}
