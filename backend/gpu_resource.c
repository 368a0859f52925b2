/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "gpu_internal.h"

#define BLOB_FLAGS                                                                                 \
    (VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE | VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |                      \
     VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE)

/* ---- the hash by id ---- */

static struct gpu_resource **bucket_of(struct gpu_device *device, uint32_t id)
{
    /* Linux hands out small consecutive ids. */
    return &device->resources[id % GPU_RESOURCE_BUCKETS];
}

static struct gpu_resource *find_any(struct gpu_device *device, uint32_t id)
{
    struct gpu_resource *resource = *bucket_of(device, id);
    while (resource && resource->id != id)
        resource = resource->next;
    return resource;
}

/* The resource that a request names, or NULL after having failed it. */
static struct gpu_resource *find_for(struct gpu_request *request, uint32_t id)
{
    struct gpu_resource *resource = find_any(request->device, id);
    if (resource && !resource->dying)
        return resource;
    gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, "there is no resource %u",
                     id);
    return NULL;
}

static void resource_insert(struct gpu_resource *resource)
{
    struct gpu_resource **head = bucket_of(resource->device, resource->id);
    resource->next = *head;
    *head = resource;
    resource->device->resource_count++;
}

/* ---- attachments ---- */

static struct gpu_attachment *find_attachment(const struct gpu_resource *resource,
                                              const struct gpu_context *context)
{
    struct gpu_attachment *attachment = resource->attachments;
    while (attachment && attachment->context != context)
        attachment = attachment->resource_next;
    return attachment;
}

struct gpu_attachment *gpu_attachment_find(struct gpu_context *context, uint32_t resource_id)
{
    const struct gpu_resource *resource = find_any(context->device, resource_id);
    return resource ? find_attachment(resource, context) : NULL;
}

/* NULL without memory, or when there are too many. */
static struct gpu_attachment *attachment_create(struct gpu_resource *resource,
                                                struct gpu_context *context)
{
    struct gpu_device *device = resource->device;
    struct gpu_attachment *attachment = NULL;
    if (device->attachment_count < GPU_MAX_ATTACHMENTS)
        attachment = calloc(1, sizeof(*attachment));
    if (!attachment)
        return NULL;
    attachment->resource = resource;
    attachment->context = context;
    attachment->resource_link = &resource->attachments;
    attachment->resource_next = resource->attachments;
    if (attachment->resource_next)
        attachment->resource_next->resource_link = &attachment->resource_next;
    resource->attachments = attachment;
    attachment->context_link = &context->attachments;
    attachment->context_next = context->attachments;
    if (attachment->context_next)
        attachment->context_next->context_link = &attachment->context_next;
    context->attachments = attachment;
    device->attachment_count++;
    return attachment;
}

/* No operation of it is waiting. */
static void attachment_destroy(struct gpu_attachment *attachment)
{
    struct gpu_resource *resource = attachment->resource;
    *attachment->resource_link = attachment->resource_next;
    if (attachment->resource_next)
        attachment->resource_next->resource_link = attachment->resource_link;
    *attachment->context_link = attachment->context_next;
    if (attachment->context_next)
        attachment->context_next->context_link = attachment->context_link;
    if (attachment->releasing)
        gpu_context_count_releasing(attachment->context, -1);
    if (resource->creator == attachment)
        resource->creator = NULL;
    resource->device->attachment_count--;
    free(attachment);
}

void gpu_attachment_make(struct gpu_attachment *attachment)
{
    const bool slice = attachment->resource->has_slice;
    attachment->told = true;
    attachment->make = (struct gpu_operation){
        .kind = slice ? GPU_OPERATION_ATTACH : GPU_OPERATION_CREATE, .attachment = attachment};
    gpu_context_operate(attachment->context, &attachment->make);
}

void gpu_attachment_ready(struct gpu_attachment *attachment, int error,
                          const struct render_blob *blob)
{
    struct gpu_resource *resource = attachment->resource;
    attachment->waiting = false;
    if (attachment == resource->creator) {
        if (resource->create_request)
            gpu_blob_ready(resource, error, blob);
        else
            gpu_window_ready(attachment, error);
    }
    /* What was asked to be dropped is answered for, even if it was never made. */
    if (error && !attachment->releasing)
        attachment_destroy(attachment);
    gpu_resource_progress(resource);
}

void gpu_attachment_gone(struct gpu_attachment *attachment)
{
    struct gpu_resource *resource = attachment->resource;
    attachment_destroy(attachment);
    gpu_resource_progress(resource);
}

/* Ask every process that has the resource to drop it. */
static void release_attachments(struct gpu_resource *resource)
{
    struct gpu_attachment *next;
    for (struct gpu_attachment *attachment = resource->attachments; attachment; attachment = next) {
        next = attachment->resource_next;
        if (!attachment->told) {
            attachment_destroy(attachment);
        } else if (!attachment->releasing) {
            attachment->releasing = true;
            gpu_context_count_releasing(attachment->context, 1);
            attachment->drop =
                (struct gpu_operation){.kind = GPU_OPERATION_UNREF, .attachment = attachment};
            gpu_context_operate(attachment->context, &attachment->drop);
        }
    }
}

/* ---- slices of the window ---- */

const char *gpu_resource_take_slice(struct gpu_resource *resource, uint64_t offset)
{
    struct gpu_device *device = resource->device;
    const uint64_t page = offset / VGPU_PAGE_SIZE, all = device->taken.pages;
    if (offset % VGPU_PAGE_SIZE)
        return "its offset is not that of a page";
    if (page > all || resource->pages > all - page)
        return "it goes beyond the window";
    if (page_set_any(&device->taken, page, resource->pages))
        return "it overlaps memory that is in use";
    page_set_add(&device->taken, page, resource->pages);
    resource->has_slice = true;
    resource->offset = offset;
    device->stats.window_used += resource->pages * VGPU_PAGE_SIZE;
    if (device->stats.window_peak < device->stats.window_used)
        device->stats.window_peak = device->stats.window_used;
    return NULL;
}

static void give_slice_back(struct gpu_resource *resource)
{
    struct gpu_device *device = resource->device;
    if (!resource->has_slice)
        return;
    page_set_remove(&device->taken, resource->offset / VGPU_PAGE_SIZE, resource->pages);
    resource->has_slice = false;
    device->stats.window_used -= resource->pages * VGPU_PAGE_SIZE;
}

/* ---- the end of a resource ---- */

static void resource_free(struct gpu_resource *resource)
{
    struct gpu_device *device = resource->device;
    struct gpu_resource **link = bucket_of(device, resource->id);
    while (*link != resource)
        link = &(*link)->next;
    *link = resource->next;
    device->resource_count--;
    if (resource->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D)
        device->host_pages -= resource->pages - resource->lost;
    give_slice_back(resource);
    free(resource->refs);
    free(resource);
}

/* Answer and forget a request, if there is one. */
static void fail_pending(struct gpu_request **request, const char *why)
{
    struct gpu_request *pending = *request;
    *request = NULL;
    if (pending)
        gpu_request_fail(pending, VIRTIO_GPU_RESP_ERR_UNSPEC, "%s", why);
}

/* Nothing uses the resource any more: the guest may use its id and its place again. */
static void resource_finish(struct gpu_resource *resource)
{
    struct gpu_request *unref = resource->unref_request;
    fail_pending(&resource->map_request, "the resource was dropped");
    fail_pending(&resource->unmap_request, "the resource was dropped");
    resource_free(resource);
    if (unref)
        gpu_request_answer(unref, VIRTIO_GPU_RESP_OK_NODATA);
}

void gpu_resource_progress(struct gpu_resource *resource)
{
    const bool per_blob = resource->device->params.per_blob;
    if (resource->create_request && !resource->creator) {
        fail_pending(&resource->create_request, "its context is gone");
        resource->dying = true;
    }
    if (!per_blob && resource->map_state == GPU_MAPPING && !resource->creator)
        gpu_resource_map_failed(resource, "its context is gone");
    if (!resource->dying || resource->releasing)
        return;
    if (per_blob && resource->map_state == GPU_MAPPED)
        gpu_blob_unmap(resource);
    /* The frontend must not map what has gone. */
    if (resource->queued)
        return;
    /* Attachments may go at once, and come here again. */
    resource->releasing = true;
    release_attachments(resource);
    resource->releasing = false;
    if (!resource->attachments)
        resource_finish(resource);
}

void gpu_resources_drop(struct gpu_device *device)
{
    for (uint32_t i = 0; i < GPU_RESOURCE_BUCKETS; i++) {
        while (device->resources[i]) {
            struct gpu_resource *resource = device->resources[i];
            while (resource->attachments)
                attachment_destroy(resource->attachments);
            resource_free(resource);
        }
    }
}

/* ---- create and drop ---- */

/* Whether `size` bytes hold `count` entries, all with addresses as they must be, of enough memory.
 */
static bool entries_valid(const void *entries, size_t size, uint32_t count, uint64_t wanted)
{
    uint64_t sum = 0;
    struct virtio_gpu_mem_entry entry;
    if (!count || count > size / sizeof(entry))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&entry, (const char *)entries + i * sizeof(entry), sizeof(entry));
        if (!entry.length || !guest_address_valid(entry.addr, entry.length))
            return false;
        sum += entry.length;
    }
    return sum >= wanted;
}

static uint64_t pages_of(uint64_t size)
{
    return size / VGPU_PAGE_SIZE + (size % VGPU_PAGE_SIZE != 0);
}

/* Why a blob of the host cannot be made, or NULL. */
static const char *host_blob_refused(const struct gpu_device *device,
                                     const struct virtio_gpu_resource_create_blob *command)
{
    const uint64_t pages = pages_of(command->size);
    if (command->nr_entries)
        return "memory of the host with memory of the guest";
    /* In the window its pages are the limit. */
    if (device->params.per_blob && pages > device->taken.pages - device->host_pages)
        return "all blobs together are larger than the window";
    return NULL;
}

static bool may_create(struct gpu_request *request)
{
    struct gpu_device *device = request->device;
    const struct virtio_gpu_resource_create_blob *command = gpu_request_command(request);
    const uint32_t invalid = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    size_t size;
    const void *entries = gpu_request_rest(request, sizeof(*command), &size);
    const char *why;
    if (!command->resource_id || find_any(device, command->resource_id))
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                         "the id %u is 0 or in use", command->resource_id);
    else if (device->resource_count >= GPU_MAX_RESOURCES)
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, "there are %u resources",
                         GPU_MAX_RESOURCES);
    else if (!command->size || command->blob_flags & ~BLOB_FLAGS)
        gpu_request_fail(request, invalid, "a size of %llu bytes with flags 0x%x",
                         (unsigned long long)command->size, command->blob_flags);
    else if (command->blob_mem == VIRTIO_GPU_BLOB_MEM_GUEST &&
             !entries_valid(entries, size, command->nr_entries, command->size))
        gpu_request_fail(request, invalid, "its memory entries are wrong");
    else if (command->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D &&
             (why = host_blob_refused(device, command)))
        gpu_request_fail(request, command->nr_entries ? invalid : VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY,
                         "%s", why);
    else if (command->blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST &&
             command->blob_mem != VIRTIO_GPU_BLOB_MEM_HOST3D)
        gpu_request_fail(request, invalid, "memory of kind %u", command->blob_mem);
    else
        return true;
    return false;
}

static struct gpu_resource *resource_create(struct gpu_request *request)
{
    const struct virtio_gpu_resource_create_blob *command = gpu_request_command(request);
    struct gpu_resource *resource = calloc(1, sizeof(*resource));
    if (!resource) {
        gpu_request_fail_errno(request, -ENOMEM, "no resource");
        return NULL;
    }
    resource->device = request->device;
    resource->id = command->resource_id;
    resource->blob_mem = command->blob_mem;
    resource->blob_flags = command->blob_flags;
    resource->blob_id = command->blob_id;
    resource->size = command->size;
    resource->pages = pages_of(command->size);
    resource->cache = VIRTIO_GPU_MAP_CACHE_CACHED;
    return resource;
}

/* In the window a mappable blob is no more than a note until the guest says where it is; all others
 * are the render process's to make. */
static void create_host_blob(struct gpu_request *request)
{
    struct gpu_context *context = gpu_request_context(request);
    struct gpu_resource *resource = context ? resource_create(request) : NULL;
    if (!resource)
        return;
    resource->creator = attachment_create(resource, context);
    if (!resource->creator) {
        gpu_request_fail_errno(request, -ENOMEM, "not attached");
        free(resource);
        return;
    }
    resource->device->host_pages += resource->pages;
    resource_insert(resource);
    if (!request->device->params.per_blob &&
        resource->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE) {
        gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
        return;
    }
    resource->create_request = request;
    gpu_request_hold(request, context);
    gpu_attachment_make(resource->creator);
}

void gpu_resource_create_blob(struct gpu_request *request)
{
    const struct virtio_gpu_resource_create_blob *command = gpu_request_command(request);
    if (!may_create(request))
        return;
    if (command->blob_mem == VIRTIO_GPU_BLOB_MEM_HOST3D) {
        create_host_blob(request);
        return;
    }
    struct gpu_resource *resource = resource_create(request);
    if (!resource)
        return;
    resource->has_backing = true;
    resource_insert(resource);
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

void gpu_resource_unref(struct gpu_request *request)
{
    const struct virtio_gpu_resource_unref *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    resource->dying = true;
    resource->unref_request = request;
    gpu_resource_progress(resource);
}

/* ---- backing of the guest, UUIDs ---- */

void gpu_resource_attach_backing(struct gpu_request *request)
{
    const struct virtio_gpu_resource_attach_backing *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    size_t size;
    const void *entries = gpu_request_rest(request, sizeof(*command), &size);
    if (resource->blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST || resource->has_backing) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u has its memory already",
                         resource->id);
    } else if (!entries_valid(entries, size, command->nr_entries, resource->size)) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "its memory entries are wrong");
    } else {
        resource->has_backing = true;
        gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
    }
}

void gpu_resource_detach_backing(struct gpu_request *request)
{
    const struct virtio_gpu_resource_detach_backing *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    if (!resource->has_backing) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u has no memory entries",
                         resource->id);
        return;
    }
    resource->has_backing = false;
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

/* A random one (RFC 9562, version 4): nobody else knows our resources. */
static bool make_uuid(struct gpu_resource *resource)
{
    if (getrandom(resource->uuid, sizeof(resource->uuid), 0) != sizeof(resource->uuid))
        return false;
    resource->uuid[6] = (resource->uuid[6] & 0x0f) | 0x40;
    resource->uuid[8] = (resource->uuid[8] & 0x3f) | 0x80;
    return true;
}

void gpu_resource_assign_uuid(struct gpu_request *request)
{
    const struct virtio_gpu_resource_assign_uuid *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    if (!resource->has_uuid && !make_uuid(resource)) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "no random numbers");
        return;
    }
    resource->has_uuid = true;
    struct virtio_gpu_resp_resource_uuid *response = &request->response.uuid;
    memset(response, 0, sizeof(*response));
    memcpy(response->uuid, resource->uuid, sizeof(response->uuid));
    gpu_request_answer_data(request, VIRTIO_GPU_RESP_OK_RESOURCE_UUID, sizeof(*response));
}

/* ---- resources in contexts ---- */

void gpu_resource_attach(struct gpu_request *request)
{
    const struct virtio_gpu_ctx_resource *command = gpu_request_command(request);
    struct gpu_context *context = gpu_request_context(request);
    struct gpu_resource *resource = context ? find_for(request, command->resource_id) : NULL;
    if (!resource)
        return;
    if (!find_attachment(resource, context)) {
        struct gpu_attachment *attachment = attachment_create(resource, context);
        if (!attachment) {
            gpu_request_fail_errno(request, -ENOMEM, "not attached");
            return;
        }
        /* A blob of another process stays there; a slice can be anybody's, once it is clean. */
        if (resource->clean)
            gpu_attachment_make(attachment);
    }
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

/* The render process keeps what it has until the resource is dropped: a context may use memory that
 * it imported from a resource which is no longer attached to it. */
void gpu_resource_detach(struct gpu_request *request)
{
    const struct virtio_gpu_ctx_resource *command = gpu_request_command(request);
    struct gpu_context *context = gpu_request_context(request);
    struct gpu_resource *resource = context ? find_for(request, command->resource_id) : NULL;
    if (!resource)
        return;
    struct gpu_attachment *attachment = find_attachment(resource, context);
    if (!attachment) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID,
                         "resource %u is not attached to context %u", resource->id, context->id);
        return;
    }
    if (!attachment->told && attachment != resource->creator)
        attachment_destroy(attachment);
    gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

/* ---- the place in the window ---- */

static void start_unmap(struct gpu_resource *resource)
{
    if (resource->device->params.per_blob)
        gpu_blob_unmap(resource);
    else
        gpu_resource_unmapped(resource);
}

void gpu_resource_mapped(struct gpu_resource *resource)
{
    struct gpu_request *request = resource->map_request;
    resource->map_state = GPU_MAPPED;
    resource->map_request = NULL;
    request->response.map_info = (struct virtio_gpu_resp_map_info){.map_info = resource->cache};
    gpu_request_answer_data(request, VIRTIO_GPU_RESP_OK_MAP_INFO,
                            sizeof(request->response.map_info));
    if (resource->unmap_request)
        start_unmap(resource);
}

void gpu_resource_map_failed(struct gpu_resource *resource, const char *why)
{
    resource->map_state = GPU_MAP_FAILED;
    /* The processes that were told have the slice; the frontend has nothing. */
    if (resource->device->params.per_blob)
        give_slice_back(resource);
    fail_pending(&resource->map_request, why);
    fail_pending(&resource->unmap_request, "it was not mapped");
}

void gpu_resource_unmapped(struct gpu_resource *resource)
{
    struct gpu_request *request = resource->unmap_request;
    resource->map_state = GPU_UNMAPPED;
    resource->unmap_request = NULL;
    if (resource->device->params.per_blob)
        give_slice_back(resource);
    if (request)
        gpu_request_answer(request, VIRTIO_GPU_RESP_OK_NODATA);
}

/* Why a resource cannot be mapped at `offset`, or NULL; then it has that slice. */
static const char *map_refused(struct gpu_resource *resource, uint64_t offset)
{
    if (resource->blob_mem != VIRTIO_GPU_BLOB_MEM_HOST3D ||
        !(resource->blob_flags & VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE))
        return "it was not created mappable";
    if (resource->map_state != GPU_UNMAPPED)
        return "it is mapped already, or could not be mapped";
    if (!resource->has_slice)
        return gpu_resource_take_slice(resource, offset);
    return offset == resource->offset ? NULL : "its memory lies elsewhere in the window";
}

void gpu_resource_map(struct gpu_request *request)
{
    const struct virtio_gpu_resource_map_blob *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    const bool first = !resource->has_slice;
    const char *why = map_refused(resource, command->offset);
    if (why) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "resource %u at 0x%llx: %s", resource->id,
                         (unsigned long long)command->offset, why);
        return;
    }
    resource->map_request = request;
    resource->map_state = GPU_MAPPING;
    if (resource->creator)
        gpu_request_hold(request, resource->creator->context);
    if (request->device->params.per_blob)
        gpu_blob_map(resource);
    else if (first)
        gpu_window_map(resource);
    else
        gpu_resource_mapped(resource);
}

void gpu_resource_unmap(struct gpu_request *request)
{
    const struct virtio_gpu_resource_unmap_blob *command = gpu_request_command(request);
    struct gpu_resource *resource = find_for(request, command->resource_id);
    if (!resource)
        return;
    const bool mapped = resource->map_state == GPU_MAPPED || resource->map_state == GPU_MAPPING;
    if (!mapped || resource->unmap_request) {
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER,
                         "resource %u is not mapped", resource->id);
        return;
    }
    /* Linux does not wait for the answer to a map before it unmaps. */
    resource->unmap_request = request;
    if (resource->map_state == GPU_MAPPED)
        start_unmap(resource);
}

void gpu_resource_refuse(struct gpu_request *request)
{
    uint32_t id;
    switch (request->hdr.type) {
    case VIRTIO_GPU_CMD_RESOURCE_FLUSH:
        id = ((const struct virtio_gpu_resource_flush *)gpu_request_command(request))->resource_id;
        break;
    case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        id = ((const struct virtio_gpu_transfer_to_host_2d *)gpu_request_command(request))
                 ->resource_id;
        break;
    default:
        id =
            ((const struct virtio_gpu_transfer_host_3d *)gpu_request_command(request))->resource_id;
        break;
    }
    if (find_for(request, id))
        gpu_request_fail(request, VIRTIO_GPU_RESP_ERR_UNSPEC, "resource %u is a blob", id);
}
