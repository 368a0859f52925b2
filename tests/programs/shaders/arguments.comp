#version 450
// SPDX-License-Identifier: MIT
// Writes the arguments of an indirect dispatch.
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) writeonly buffer Out { uint arguments[]; };
layout(push_constant) uniform Push { uint x; uint y; uint z; };

void main()
{
    arguments[0] = x;
    arguments[1] = y;
    arguments[2] = z;
}
