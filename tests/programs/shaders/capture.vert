#version 450
// SPDX-License-Identifier: MIT
// Its outputs go to two transform feedback buffers.
layout(location = 0, xfb_buffer = 0, xfb_offset = 0, xfb_stride = 16) out vec4 position;
layout(location = 1, xfb_buffer = 1, xfb_offset = 0, xfb_stride = 8) out uvec2 ids;

void main()
{
    position = vec4(float(gl_VertexIndex), float(gl_InstanceIndex) * 0.5, 3.0, 4.0);
    ids = uvec2(gl_VertexIndex * 7, gl_InstanceIndex + 100);
    gl_Position = vec4(0.0, 0.0, 0.0, 1.0);
    gl_PointSize = 1.0;
}
