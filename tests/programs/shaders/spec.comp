#version 450
// SPDX-License-Identifier: MIT
// Everything here comes from specialization constants, the workgroup size too.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const int offset = 1;
layout(constant_id = 2) const float scale = 1.0;
layout(constant_id = 3) const bool invert = false;
layout(constant_id = 4) const uint length = 4;
layout(set = 0, binding = 0) writeonly buffer Out { int result[]; };

void main()
{
    int table[length];
    for (uint i = 0; i < length; i++)
        table[i] = int(i * i) + offset;
    int x = table[gl_LocalInvocationID.x % length];
    x += int(floor(scale * float(gl_GlobalInvocationID.x)));
    result[gl_GlobalInvocationID.x] = invert ? ~x : x;
}
