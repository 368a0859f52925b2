#version 450
// SPDX-License-Identifier: MIT
// Compares depth values and gathers.
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0) uniform sampler2DShadow depth;
layout(set = 0, binding = 1) writeonly buffer Out { vec4 result[]; };

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    vec2 uv = (vec2(at) + 0.3) / 32.0;
    float compare = textureLod(depth, vec3(uv, float(at.x) / 32.0), 0.0);
    vec4 gathered = textureGather(depth, uv, float(at.y) / 32.0);
    result[at.y * 32 + at.x] = gathered + vec4(compare, 0.0, compare * 2.0, 0.0);
}
