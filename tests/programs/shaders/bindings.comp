#version 450
// SPDX-License-Identifier: MIT
// One descriptor of each buffer and texel kind, an array of buffers and a storage image.
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0) uniform Uniform { uvec4 uniform_value; };
layout(set = 0, binding = 1) readonly buffer Storage { uint storage_value[]; };
layout(set = 0, binding = 2) uniform usamplerBuffer texels;
layout(set = 0, binding = 3, r32ui) uniform uimageBuffer texel_image;
layout(set = 0, binding = 4, r32ui) uniform uimage2D image;
layout(set = 0, binding = 5) readonly buffer Many { uint value[]; } many[4];
layout(set = 1, binding = 0) uniform Dynamic { uint dynamic_value; };
layout(set = 1, binding = 1) buffer DynamicStorage { uint result[]; };

void main()
{
    uint i = gl_GlobalInvocationID.y * 8 + gl_GlobalInvocationID.x;
    uint x = uniform_value[i % 4] * 3u + storage_value[i];
    x = x * 5u + texelFetch(texels, int(i)).x;
    x = x * 7u + imageLoad(texel_image, int(i)).x;
    x = x * 11u + imageLoad(image, ivec2(gl_GlobalInvocationID.xy)).x;
    x = x * 13u + many[0].value[i] + many[1].value[i] * 2u + many[2].value[i] * 3u +
        many[3].value[i] * 4u;
    x = x * 17u + dynamic_value;
    result[i] = x;
    imageStore(image, ivec2(gl_GlobalInvocationID.xy), uvec4(x));
    imageStore(texel_image, int(i), uvec4(~x));
}
