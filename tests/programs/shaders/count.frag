#version 450
// SPDX-License-Identifier: MIT
// Throws away every other pixel, as a checkerboard.
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;

void main()
{
    ivec2 at = ivec2(gl_FragCoord.xy);
    if (((at.x ^ at.y) & 1) != 0)
        discard;
    result = color;
}
