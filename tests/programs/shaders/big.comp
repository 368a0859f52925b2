#version 450
// SPDX-License-Identifier: MIT
// A thousand steps in a row: a large module that a driver must really compile.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) buffer Data { uint data[]; };

#define S1(n) x = x * ((n) * 8u + 5u) + (y ^ (n)); y += x >> 7;
#define S4(n) S1((n) * 4u) S1((n) * 4u + 1u) S1((n) * 4u + 2u) S1((n) * 4u + 3u)
#define S16(n) S4((n) * 4u) S4((n) * 4u + 1u) S4((n) * 4u + 2u) S4((n) * 4u + 3u)
#define S64(n) S16((n) * 4u) S16((n) * 4u + 1u) S16((n) * 4u + 2u) S16((n) * 4u + 3u)
#define S256(n) S64((n) * 4u) S64((n) * 4u + 1u) S64((n) * 4u + 2u) S64((n) * 4u + 3u)

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint x = data[i], y = i;
    S256(0u)
    S256(1u)
    S256(2u)
    S256(3u)
    data[i] = x ^ y;
}
