#version 450
#extension GL_EXT_nonuniform_qualifier : require
// SPDX-License-Identifier: MIT
// A runtime array of storage buffers, bound in part; the push constant names the one to use.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; } buffers[];
layout(push_constant) uniform Push { uint which; uint add; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    buffers[which].data[i] += add + i;
}
