#version 450
// SPDX-License-Identifier: MIT
// Floating-point functions of every index; the result depends on the driver's code only.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) readonly buffer In { float source[]; };
layout(set = 0, binding = 1) writeonly buffer Out { vec4 result[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    float x = source[i];
    vec4 r;
    r.x = sin(x) * cos(x * 0.5) + exp2(fract(x));
    r.y = sqrt(abs(x)) + inversesqrt(abs(x) + 1.0);
    r.z = pow(abs(x) + 0.25, 1.5) - log2(abs(x) + 2.0);
    r.w = dot(vec3(x, r.x, r.y), normalize(vec3(1.0, x, 2.0)));
    result[i] = mix(r, r.wzyx, clamp(x, 0.0, 1.0));
}
