#version 450
// SPDX-License-Identifier: MIT
// Atomics whose final values do not depend on the order of the invocations.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Out {
    uint total;
    uint smallest;
    uint largest;
    uint mixed;
    uint bits;
    uint mask;
    uint histogram[256];
};

void main()
{
    uint x = gl_GlobalInvocationID.x * 2654435761u;
    x ^= x >> 15;
    atomicAdd(total, x);
    atomicMin(smallest, x);
    atomicMax(largest, x);
    atomicXor(mixed, x);
    atomicOr(bits, 1u << (x & 31u));
    atomicAnd(mask, ~(1u << (gl_WorkGroupID.x & 15u)));
    atomicAdd(histogram[x >> 24], 1u);
}
