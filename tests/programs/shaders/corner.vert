#version 450
// SPDX-License-Identifier: MIT
// Rectangles without vertex buffers: the instance chooses place and depth, the push constants
// size and colour.
layout(push_constant) uniform Push { vec4 color; vec2 size; float depth; };
layout(location = 0) out vec4 out_color;

void main()
{
    vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1 & 1);
    vec2 origin = vec2(gl_InstanceIndex % 4, gl_InstanceIndex / 4) * 0.5 - 1.0;
    gl_Position = vec4(origin + corner * size, depth, 1.0);
    out_color = color;
}
