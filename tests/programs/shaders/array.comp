#version 450
// SPDX-License-Identifier: MIT
// Samples an array, a cube and a volume at the same places.
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0) uniform sampler2DArray layers;
layout(set = 0, binding = 1) uniform samplerCube cube;
layout(set = 0, binding = 2) uniform sampler3D volume;
layout(set = 0, binding = 3) writeonly buffer Out { vec4 result[]; };

void main()
{
    uvec3 at = gl_GlobalInvocationID;
    uint i = ((at.z * 16 + at.y) * 16 + at.x) * 3;
    vec2 uv = (vec2(at.xy) + 0.5) / 16.0;
    vec3 direction = vec3(uv * 2.0 - 1.0, 0.7);
    if (at.z % 3 == 1)
        direction = direction.zxy;
    if (at.z % 3 == 2)
        direction = direction.yzx;
    if (at.z >= 3)
        direction = -direction;
    result[i] = textureLod(layers, vec3(uv * 1.5, float(at.z)), 0.25);
    result[i + 1] = textureLod(cube, direction, 0.0);
    result[i + 2] = textureLod(volume, vec3(uv, float(at.z) / 5.0), 0.0);
}
