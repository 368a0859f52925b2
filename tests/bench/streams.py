# SPDX-License-Identifier: MIT
"""Commands as applications send them, for tests/bench/instructions.py.

The choice follows how applications like vkmark, ggml's tests and ffmpeg's Vulkan filters work once
they are set up: mostly recording, then updates of descriptor sets, submissions and queries.  It was
not counted in recordings of them.
"""


def draws(buffer, handle):
    yield "vkCmdDraw", dict(buffer, vertexCount=3, instanceCount=1, firstVertex=0, firstInstance=0)
    yield "vkCmdDrawIndexed", dict(buffer, indexCount=36, instanceCount=1, firstIndex=0,
                                   vertexOffset=0, firstInstance=0)
    indirect = dict(buffer, buffer=handle("VkBuffer"), offset=0, drawCount=1, stride=20)
    yield "vkCmdDrawIndirect", indirect
    yield "vkCmdDrawIndexedIndirect", indirect
    yield "vkCmdDispatch", dict(buffer, groupCountX=8, groupCountY=8, groupCountZ=1)
    yield "vkCmdBeginRenderPass", dict(buffer, contents=0, pRenderPassBegin={
        "renderPass": handle("VkRenderPass"), "framebuffer": handle("VkFramebuffer"),
        "renderArea": {"offset": {"x": 0, "y": 0}, "extent": {"width": 800, "height": 600}},
        "clearValueCount": 2, "pClearValues": [(0, (2, [0, 0, 0, 0]))] * 2})
    yield "vkCmdEndRenderPass", buffer
    yield "vkCmdBeginRendering", dict(buffer, pRenderingInfo={
        "flags": 0, "layerCount": 1, "viewMask": 0,
        "renderArea": {"offset": {"x": 0, "y": 0}, "extent": {"width": 800, "height": 600}},
        "colorAttachmentCount": 1, "pColorAttachments": [{
            "imageView": handle("VkImageView"), "imageLayout": 2, "resolveMode": 0,
            "resolveImageView": 0, "resolveImageLayout": 0, "loadOp": 1, "storeOp": 0,
            "clearValue": (0, (2, [0, 0, 0, 0]))}]})
    yield "vkCmdEndRendering", buffer
    yield "vkCmdExecuteCommands", dict(buffer, commandBufferCount=1,
                                       pCommandBuffers=[handle("VkCommandBuffer")])


def states(buffer, handle):
    """What is set between two draws."""
    yield "vkCmdBindPipeline", dict(buffer, pipelineBindPoint=0, pipeline=handle("VkPipeline"))
    yield "vkCmdBindDescriptorSets", dict(
        buffer, pipelineBindPoint=0, layout=handle("VkPipelineLayout"), firstSet=0,
        descriptorSetCount=1, pDescriptorSets=[handle("VkDescriptorSet")],
        dynamicOffsetCount=0)
    yield "vkCmdPushConstants", dict(buffer, layout=handle("VkPipelineLayout"), stageFlags=1,
                                     offset=0, size=64, pValues=bytes(64))
    yield "vkCmdBindVertexBuffers", dict(buffer, firstBinding=0, bindingCount=2,
                                         pBuffers=[handle("VkBuffer")] * 2, pOffsets=[0, 64])
    yield "vkCmdBindIndexBuffer", dict(buffer, buffer=handle("VkBuffer"), offset=0, indexType=0)
    yield "vkCmdSetViewport", dict(buffer, firstViewport=0, viewportCount=1, pViewports=[
        {"x": 0, "y": 0, "width": 0, "height": 0, "minDepth": 0, "maxDepth": 0}])
    yield "vkCmdSetScissor", dict(buffer, firstScissor=0, scissorCount=1, pScissors=[
        {"offset": {"x": 0, "y": 0}, "extent": {"width": 1, "height": 1}}])
    yield "vkCmdSetDepthBias", dict(buffer, depthBiasConstantFactor=0, depthBiasClamp=0,
                                    depthBiasSlopeFactor=0)
    yield "vkCmdSetStencilReference", dict(buffer, faceMask=3, reference=1)
    yield "vkCmdSetCullMode", dict(buffer, cullMode=2)


def barriers(buffer, handle):
    layers = {"aspectMask": 1, "baseMipLevel": 0, "levelCount": 1, "baseArrayLayer": 0,
              "layerCount": 1}
    image = {"srcAccessMask": 0, "dstAccessMask": 1, "oldLayout": 0, "newLayout": 2,
             "srcQueueFamilyIndex": 0, "dstQueueFamilyIndex": 0, "image": handle("VkImage"),
             "subresourceRange": layers}
    stages = {"srcStageMask": 1, "dstStageMask": 1}
    none = {"dependencyFlags": 0, "memoryBarrierCount": 0, "bufferMemoryBarrierCount": 0,
            "imageMemoryBarrierCount": 0}
    one_image = {"imageMemoryBarrierCount": 1}
    yield "vkCmdPipelineBarrier, 1 image", buffer | stages | none | one_image | {
        "pImageMemoryBarriers": [image]}
    yield "vkCmdPipelineBarrier, 1 memory", buffer | stages | none | {
        "memoryBarrierCount": 1, "pMemoryBarriers": [{"srcAccessMask": 0, "dstAccessMask": 1}]}
    yield "vkCmdPipelineBarrier2, 1 image", dict(buffer, pDependencyInfo=none | one_image | {
        "pImageMemoryBarriers": [image | stages]})


def copies(buffer, handle):
    layers = {"aspectMask": 1, "mipLevel": 0, "baseArrayLayer": 0, "layerCount": 1}
    region = {"bufferOffset": 0, "bufferRowLength": 0, "bufferImageHeight": 0,
              "imageSubresource": layers, "imageOffset": {"x": 0, "y": 0, "z": 0},
              "imageExtent": {"width": 8, "height": 8, "depth": 1}}
    yield "vkCmdCopyBuffer", dict(buffer, srcBuffer=handle("VkBuffer"),
                                  dstBuffer=handle("VkBuffer"), regionCount=1,
                                  pRegions=[{"srcOffset": 0, "dstOffset": 256, "size": 256}])
    yield "vkCmdCopyBufferToImage", dict(buffer, srcBuffer=handle("VkBuffer"),
                                         dstImage=handle("VkImage"), dstImageLayout=1,
                                         regionCount=1, pRegions=[region])
    yield "vkCmdCopyImageToBuffer", dict(buffer, srcImage=handle("VkImage"), srcImageLayout=1,
                                         dstBuffer=handle("VkBuffer"), regionCount=1,
                                         pRegions=[region])
    yield "vkCmdFillBuffer", dict(buffer, dstBuffer=handle("VkBuffer"), dstOffset=0, size=256,
                                  data=0)


def queries(buffer, handle):
    query = dict(buffer, queryPool=handle("VkQueryPool"), query=0)
    range_ = dict(buffer, queryPool=handle("VkQueryPool"), firstQuery=0, queryCount=1)
    yield "vkCmdResetQueryPool", range_
    yield "vkCmdBeginQuery", dict(query, flags=0)
    yield "vkCmdEndQuery", query
    yield "vkCmdWriteTimestamp", dict(query, pipelineStage=1)
    yield "vkCmdCopyQueryPoolResults", dict(range_, dstBuffer=handle("VkBuffer"), dstOffset=0,
                                            stride=8, flags=1)


def outside(buffer, handle):
    """What is not recorded."""
    device = {"device": handle("VkDevice")}
    yield "vkBeginCommandBuffer", dict(buffer, pBeginInfo={"flags": 1, "pInheritanceInfo": None})
    yield "vkEndCommandBuffer", buffer
    yield "vkUpdateDescriptorSets, 2 writes", dict(
        device, descriptorWriteCount=2, descriptorCopyCount=0, pDescriptorWrites=[{
            "dstSet": handle("VkDescriptorSet"), "dstBinding": binding, "dstArrayElement": 0,
            "descriptorCount": 1, "descriptorType": kind, "pImageInfo": image,
            "pBufferInfo": buffers, "pTexelBufferView": None,
        } for binding, kind, image, buffers in (
            (0, 6, None, [{"buffer": handle("VkBuffer"), "offset": 0, "range": 256}]),
            (1, 1, [{"sampler": handle("VkSampler"), "imageView": handle("VkImageView"),
                     "imageLayout": 5}], None))])
    semaphore = [handle("VkSemaphore")]
    yield "vkQueueSubmit", {
        "queue": handle("VkQueue"), "submitCount": 1, "fence": handle("VkFence"), "pSubmits": [{
            "waitSemaphoreCount": 1, "pWaitSemaphores": semaphore, "pWaitDstStageMask": [1],
            "commandBufferCount": 1, "pCommandBuffers": [handle("VkCommandBuffer")],
            "signalSemaphoreCount": 1, "pSignalSemaphores": semaphore}]}
    signal = {"semaphore": semaphore[0], "value": 1, "stageMask": 1, "deviceIndex": 0}
    yield "vkQueueSubmit2", {
        "queue": handle("VkQueue"), "submitCount": 1, "fence": handle("VkFence"), "pSubmits": [{
            "flags": 0, "waitSemaphoreInfoCount": 1, "pWaitSemaphoreInfos": [signal],
            "commandBufferInfoCount": 1, "pCommandBufferInfos": [
                {"commandBuffer": handle("VkCommandBuffer"), "deviceMask": 0}],
            "signalSemaphoreInfoCount": 1, "pSignalSemaphoreInfos": [signal]}]}
    yield "vkResetFences", dict(device, fenceCount=1, pFences=[handle("VkFence")])
    yield "vkGetFenceStatus, with reply", dict(device, fence=handle("VkFence"))
    yield "vkGetBufferMemoryRequirements, reply", dict(device, buffer=handle("VkBuffer"),
                                                       pMemoryRequirements={})


def commonest(handle):
    """The parameters of 40 commands, by a label: the command's name and what is special.

    `handle` gives the id of an object of a type.  "reply" in a label: the client wants one.
    """
    buffer = {"commandBuffer": handle("VkCommandBuffer")}
    return {label: args for part in (draws, states, barriers, copies, queries, outside)
            for label, args in part(buffer, handle)}


def frame(commands):
    """(label, parameters) of the 100 commands of a frame of 15 draws."""
    dynamic = {"dynamicOffsetCount": 1, "pDynamicOffsets": [256]}

    def one(label, **more):
        return label, commands[label] | more

    barrier = one("vkCmdPipelineBarrier, 1 image")
    draw = [one("vkCmdBindPipeline"), one("vkCmdBindDescriptorSets", **dynamic),
            one("vkCmdPushConstants"), one("vkCmdBindVertexBuffers"), one("vkCmdBindIndexBuffer"),
            one("vkCmdDrawIndexed")]
    return [one("vkBeginCommandBuffer"), one("vkUpdateDescriptorSets, 2 writes"), barrier,
            one("vkCmdBeginRenderPass"), one("vkCmdSetViewport"), one("vkCmdSetScissor"),
            *draw * 15,
            one("vkCmdEndRenderPass"), barrier, one("vkEndCommandBuffer"), one("vkQueueSubmit")]
