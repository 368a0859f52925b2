#version 450
// SPDX-License-Identifier: MIT
// Each workgroup sums 256 elements through shared memory and also writes its prefix sums.
layout(local_size_x = 256) in;
layout(set = 0, binding = 0) readonly buffer In { uint source[]; };
layout(set = 0, binding = 1) writeonly buffer Sums { uint sums[]; };
layout(set = 0, binding = 2) writeonly buffer Prefix { uint prefix[]; };
shared uint values[2][256];

void main()
{
    uint l = gl_LocalInvocationID.x;
    uint from = 0;
    values[0][l] = source[gl_GlobalInvocationID.x];
    barrier();
    for (uint step = 1; step < 256; step *= 2) {
        uint v = values[from][l];
        if (l >= step)
            v += values[from][l - step];
        values[1 - from][l] = v;
        from = 1 - from;
        barrier();
    }
    prefix[gl_GlobalInvocationID.x] = values[from][l];
    if (l == 255)
        sums[gl_WorkGroupID.x] = values[from][l];
}
