#version 450
#extension GL_EXT_shader_explicit_arithmetic_types : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require
// SPDX-License-Identifier: MIT
// Numbers of 8, 16 and 64 bits, in memory and in registers.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { uint source[]; };
layout(set = 0, binding = 1) writeonly buffer Bytes { uint8_t bytes[]; };
layout(set = 0, binding = 2) writeonly buffer Shorts { int16_t shorts[]; };
layout(set = 0, binding = 3) writeonly buffer Longs { uint64_t longs[]; };
layout(set = 0, binding = 4) writeonly buffer Doubles { double doubles[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint x = source[i];
    uint8_t b = uint8_t(x) + uint8_t(i) * uint8_t(3);
    int16_t s = int16_t(x) - int16_t(b);
    uint64_t l = uint64_t(x) * uint64_t(0x9e3779b97f4a7c15ul) + uint64_t(i);
    l ^= l >> 29;
    bytes[i] = b;
    shorts[i] = s;
    longs[i] = l;
    doubles[i] = double(x) / 7.0 + double(s);
}
