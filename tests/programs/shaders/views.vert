#version 450
#extension GL_EXT_multiview : require
// SPDX-License-Identifier: MIT
// One triangle, at another place and in another colour in every view.
layout(location = 0) out vec4 color;

void main()
{
    vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(corner * 0.8 - 0.2 * float(gl_ViewIndex), 0.5, 1.0);
    color = vec4(float(gl_ViewIndex) * 0.4, 1.0 - float(gl_ViewIndex) * 0.3, 0.5, 1.0);
}
