#version 450
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require
// SPDX-License-Identifier: MIT
// Subgroup operations; their results depend on the subgroup size, which is the driver's.
layout(local_size_x = 64) in;
layout(set = 0, binding = 0) writeonly buffer Out { uint result[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint at = i * 8;
    result[at] = subgroupAdd(i);
    result[at + 1] = subgroupInclusiveAdd(i * 3);
    result[at + 2] = subgroupBallotBitCount(subgroupBallot(i % 3 == 0));
    result[at + 3] = subgroupBroadcastFirst(i);
    result[at + 4] = subgroupShuffle(i, gl_SubgroupInvocationID ^ 1u);
    result[at + 5] = subgroupMax(i ^ 21u);
    result[at + 6] = uint(subgroupAny(i == 5)) + 2u * uint(subgroupAll(i < 1000));
    result[at + 7] = gl_SubgroupSize;
}
