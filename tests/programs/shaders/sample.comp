#version 450
// SPDX-License-Identifier: MIT
// Samples a 2D image at coordinates beyond its edges, with and without a level of detail.
layout(local_size_x = 8, local_size_y = 8) in;
layout(set = 0, binding = 0) uniform sampler2D image;
layout(set = 0, binding = 1) writeonly buffer Out { vec4 result[]; };
layout(push_constant) uniform Push { vec2 origin; vec2 scale; float lod; float pad; uvec2 size; };

void main()
{
    uvec2 at = gl_GlobalInvocationID.xy;
    if (any(greaterThanEqual(at, size)))
        return;
    result[at.y * size.x + at.x] = textureLod(image, origin + (vec2(at) + 0.5) * scale, lod);
}
