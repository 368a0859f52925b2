#version 450
// SPDX-License-Identifier: MIT
layout(location = 0) in vec3 position;
layout(location = 1) in vec4 color;
layout(location = 0) out vec4 out_color;
layout(push_constant) uniform Push { vec4 move; };

void main()
{
    gl_Position = vec4(position.xy * move.w + move.xy, position.z + move.z, 1.0);
    out_color = color;
}
