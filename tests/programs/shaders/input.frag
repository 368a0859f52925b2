#version 450
// SPDX-License-Identifier: MIT
// Reads what the first subpass wrote to the same pixel.
layout(input_attachment_index = 0, set = 0, binding = 0) uniform subpassInput first;
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;

void main()
{
    result = subpassLoad(first).bgra * 0.5 + color * 0.25;
}
