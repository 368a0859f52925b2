#version 450
// SPDX-License-Identifier: MIT
// A spiral of points; also what the geometry and tessellation stages start from.
layout(location = 0) out vec4 color;
layout(push_constant) uniform Push { float count; float turn; };

void main()
{
    float t = float(gl_VertexIndex) / count;
    float angle = t * turn;
    gl_Position = vec4(vec2(cos(angle), sin(angle)) * (0.2 + 0.7 * t), 0.5, 1.0);
    gl_PointSize = 3.0;
    color = vec4(t, 1.0 - t, fract(t * 3.0), 0.75);
}
