#version 450
// SPDX-License-Identifier: MIT
// Makes a triangle of every point, in two invocations.
layout(points, invocations = 2) in;
layout(triangle_strip, max_vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 out_color;

void main()
{
    float side = gl_InvocationID == 0 ? 0.1 : -0.06;
    for (int i = 0; i < 3; i++) {
        gl_Position = gl_in[0].gl_Position + vec4(i == 1 ? side : 0.0, i == 2 ? side : 0.0, 0, 0);
        out_color = color[0] * (gl_InvocationID == 0 ? 1.0 : 0.5);
        EmitVertex();
    }
    EndPrimitive();
}
