#version 450
// SPDX-License-Identifier: MIT
layout(quads, fractional_odd_spacing, ccw) in;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
    vec2 uv = gl_TessCoord.xy;
    vec4 a = mix(gl_in[0].gl_Position, gl_in[1].gl_Position, uv.x);
    vec4 b = mix(gl_in[3].gl_Position, gl_in[2].gl_Position, uv.x);
    gl_Position = mix(a, b, uv.y) + vec4(sin(uv.x * 6.0) * 0.05, 0.0, 0.0, 0.0);
    out_color = mix(mix(color[0], color[1], uv.x), mix(color[3], color[2], uv.x), uv.y);
}
