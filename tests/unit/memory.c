/* SPDX-License-Identifier: MIT */
/*
 * Device memory, with a driver that notes what it is asked for and fails on demand, and a provider
 * that counts its pages.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"
#include "memory.h"
#include "pnext.h"

#define DL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define HV                                                                                         \
    (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |                  \
     VK_MEMORY_PROPERTY_HOST_CACHED_BIT)

/* Client types of the driver below. */
enum { TYPE_LOCAL, TYPE_VISIBLE, TYPE_COUNT };

/* ---- the driver ---- */

static struct {
    VkResult fail;      /* of the next allocations */
    int allocations;    /* alive */
    bool dma_buf_works; /* export */
    uint32_t fd_types_lacking; /* that a file cannot be imported as */
    /* Of the last allocation. */
    VkDeviceSize size;
    uint32_t type;
    void *host_pointer; /* imported, or NULL */
    int fd;             /* imported, or -1 */
    VkExternalMemoryHandleTypeFlags export;
    bool dedicated, device_address;
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device,
                                                      const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    (void)device;
    assert_null(allocator);
    const VkImportMemoryHostPointerInfoEXT *pointer =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
    const VkImportMemoryFdInfoKHR *file =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR);
    const VkExportMemoryAllocateInfo *export =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
    driver.size = info->allocationSize;
    driver.type = info->memoryTypeIndex;
    driver.host_pointer = pointer ? pointer->pHostPointer : NULL;
    driver.fd = file ? file->fd : -1;
    driver.export = export ? export->handleTypes : 0;
    driver.dedicated =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
    driver.device_address =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    assert_null(venus_pnext_find(
        info->pNext, (uint32_t)VENUS_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA));
    if (driver.fail)
        return driver.fail;
    if (file)
        close(file->fd); /* ours now */
    driver.allocations++;
    *memory = (VkDeviceMemory)(uintptr_t)(0x1000 + driver.allocations);
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory,
                                              const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)memory;
    (void)allocator;
    driver.allocations--;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_memory_fd(VkDevice device,
                                                    const VkMemoryGetFdInfoKHR *info, int *fd)
{
    (void)device;
    assert_int_equal(info->handleType, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    if (driver.fail)
        return driver.fail;
    *fd = memfd_create("dma-buf", MFD_CLOEXEC);
    return ftruncate(*fd, 8192) ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_memory_fd_properties(
    VkDevice device, VkExternalMemoryHandleTypeFlagBits type, int fd,
    VkMemoryFdPropertiesKHR *properties)
{
    (void)device;
    (void)type;
    assert_true(fd >= 0);
    properties->memoryTypeBits = 1 & ~driver.fd_types_lacking;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL get_external_buffer_properties(
    VkPhysicalDevice gpu, const VkPhysicalDeviceExternalBufferInfo *info,
    VkExternalBufferProperties *properties)
{
    (void)gpu;
    assert_int_equal(info->handleType, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    properties->externalMemoryProperties.externalMemoryFeatures =
        driver.dma_buf_works ? VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT : 0;
}

/* ---- the provider ---- */

static int provided, provider_error;

static int provider_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user;
    if (provider_error)
        return provider_error;
    const int error = venus_memfd_provider.alloc(NULL, size, pages);
    provided += !error;
    return error;
}

static void provider_free(void *user, struct venus_pages *pages)
{
    (void)user;
    provided -= pages->ptr != NULL;
    venus_memfd_provider.free(NULL, pages);
}

static struct venus_memory_provider provider = {
    .alloc = provider_alloc,
    .free = provider_free,
};

/* ---- a context with one device ---- */

struct fixture {
    struct venus_renderer *renderer;
    struct venus_context *context;
    struct venus_decoder *d;
    struct venus_instance instance;
    struct venus_physical_device gpu;
    struct venus_device device;
    struct venus_object *object;
};

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
    return count;
}

static int fds_before;

static int setup_with(void **state, enum venus_memory_path path)
{
    static const struct venus_renderer_params params = { .memory = &provider };
    static const struct venus_context_events events;
    VkPhysicalDeviceMemoryProperties host = { .memoryTypeCount = 1, .memoryHeapCount = 1 };
    host.memoryTypes[0].propertyFlags = DL | HV;
    host.memoryHeaps[0].size = 1 << 20;

    memset(&driver, 0, sizeof(driver));
    provided = provider_error = 0;
    provider.reuse = false;
    fds_before = open_fds();
    struct fixture *f = calloc(1, sizeof(*f));
    f->renderer = venus_renderer_create(&params);
    f->context = venus_context_create(f->renderer, "test", &events, NULL);
    f->instance.vk.GetPhysicalDeviceExternalBufferProperties = get_external_buffer_properties;
    f->gpu.instance = &f->instance;
    const bool offered = venus_memory_types_init(&f->gpu.memory, &host, path, 1,
                                                 venus_memory_imports_pages(path) ? 4096 : 0);
    f->device.context = f->context;
    f->device.physical_device = &f->gpu;
    f->device.vk.AllocateMemory = allocate_memory;
    f->device.vk.FreeMemory = free_memory;
    f->device.vk.GetMemoryFdKHR = get_memory_fd;
    f->device.vk.GetMemoryFdPropertiesKHR = get_memory_fd_properties;
    f->d = &f->context->virtqueue;
    f->d->device = &f->device;
    *state = f;
    return offered && f->gpu.memory.client.memoryTypeCount == TYPE_COUNT &&
                   venus_object_add(&f->context->objects, VENUS_OBJECT_Device, 1, 1, &f->device,
                                    NULL, &f->device, &f->object) == VENUS_OBJECT_OK
               ? 0
               : -1;
}

static int setup(void **state)
{
    return setup_with(state, VENUS_MEMORY_HOST_IMPORT);
}

static int setup_dma_buf(void **state)
{
    const int error = setup_with(state, VENUS_MEMORY_DMA_BUF);
    driver.dma_buf_works = true;
    return error;
}

static int setup_dma_buf_import(void **state)
{
    return setup_with(state, VENUS_MEMORY_DMA_BUF_IMPORT);
}

/* Everything that a test leaves is freed by what ends a device and a context, and nothing leaks. */
static int teardown(void **state)
{
    struct fixture *f = *state;
    venus_memory_destroy_all(&f->device);
    venus_object_remove(&f->context->objects, VENUS_OBJECT_Device, 1, NULL, NULL);
    venus_context_destroy(f->context);
    venus_renderer_destroy(f->renderer);
    free(f);
    return driver.allocations || provided || open_fds() != fds_before ? -1 : 0;
}

static VkResult allocate(struct fixture *f, uint64_t id, VkDeviceSize size, uint32_t type,
                         const void *chain)
{
    VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .pNext = chain,
        .allocationSize = size,
        .memoryTypeIndex = type,
    };
    VkDeviceMemory memory = VK_NULL_HANDLE;
    struct venus_vkAllocateMemory args = {
        .pAllocateInfo = &info,
        .pMemory = &memory,
        .ret = VK_ERROR_UNKNOWN,
        .first = f->object,
        .pMemory_ids = &id,
    };
    venus_handle_vkAllocateMemory(f->d, &args);
    return args.ret;
}

static void release(struct fixture *f, uint64_t id)
{
    struct venus_vkFreeMemory args = {
        .first = f->object,
        .memory_object = venus_object_find(&f->context->objects, id),
    };
    venus_handle_vkFreeMemory(f->d, &args);
}

static int blob(struct fixture *f, uint32_t res_id, uint64_t memory_id, uint64_t size,
                uint32_t flags, struct venus_blob *out)
{
    return venus_context_create_blob(f->context, res_id, memory_id, size, flags, out);
}

/* ---- host import ---- */

static void test_visible_memory_is_imported_pages(void **state)
{
    struct fixture *f = *state;
    VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
    };
    VkMemoryAllocateFlagsInfo flags = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .pNext = &dedicated,
        .flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT,
    };
    assert_int_equal(allocate(f, 10, 5000, TYPE_VISIBLE, &flags), VK_SUCCESS);
    assert_int_equal(driver.size, 8192); /* whole pages, and so not dedicated */
    assert_int_equal(driver.type, 0);
    assert_non_null(driver.host_pointer);
    assert_false(driver.dedicated);
    assert_true(driver.device_address);
    assert_int_equal(provided, 1);

    memcpy(driver.host_pointer, "by the GPU", 11);
    struct venus_blob b;
    assert_int_equal(blob(f, 1, 10, 5000, VENUS_BLOB_MAPPABLE, &b), 0);
    assert_int_equal(b.size, 8192);
    assert_int_equal(b.cache, VENUS_MAP_CACHED);
    char *client = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0);
    assert_true(client != MAP_FAILED);
    assert_string_equal(client, "by the GPU");
    munmap(client, 8192);
    close(b.fd);

    /* The pages live until both the memory and the resource are gone. */
    release(f, 10);
    assert_int_equal(driver.allocations, 0);
    assert_int_equal(provided, 1);
    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    assert_int_equal(provided, 0);

    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, &flags), VK_SUCCESS);
    assert_int_equal(blob(f, 1, 10, 4096, VENUS_BLOB_MAPPABLE, &b), 0);
    close(b.fd);
    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    assert_int_equal(provided, 1);
    release(f, 10);
    assert_int_equal(provided, 0);
}

static void test_dedicated_memory_of_whole_pages(void **state)
{
    struct fixture *f = *state;
    VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
    };
    assert_int_equal(allocate(f, 10, 8192, TYPE_VISIBLE, &dedicated), VK_SUCCESS);
    assert_true(driver.dedicated);
    assert_int_equal(driver.size, 8192);
}

/* Pages are used again, but not if the client wants zeroes or shares. */
static void test_pages_used_again(void **state)
{
    struct fixture *f = *state;
    const VkMemoryAllocateFlagsInfo zeroes = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
        .flags = 0x40,
    };
    struct venus_blob out;

    provider.reuse = true;
    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, NULL), VK_SUCCESS);
    release(f, 10);
    assert_int_equal(provided, 1);
    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(allocate(f, 11, 4096, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(provided, 2);
    release(f, 11);
    assert_int_equal(allocate(f, 11, 4096, TYPE_VISIBLE, &zeroes), VK_SUCCESS);
    assert_int_equal(provided, 3);

    assert_int_equal(blob(f, 1, 10, 4096, VENUS_BLOB_MAPPABLE | VENUS_BLOB_SHAREABLE, &out), 0);
    close(out.fd);
    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    release(f, 10);
    assert_int_equal(provided, 2);
}

static void test_local_memory_is_the_drivers(void **state)
{
    struct fixture *f = *state;
    VkMemoryDedicatedAllocateInfo dedicated = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
    };
    assert_int_equal(allocate(f, 10, 5000, TYPE_LOCAL, &dedicated), VK_SUCCESS);
    assert_int_equal(driver.size, 5000);
    assert_null(driver.host_pointer);
    assert_true(driver.dedicated);
    assert_int_equal(provided, 0);
    struct venus_blob b;
    assert_int_equal(blob(f, 1, 10, 5000, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_int_equal(b.fd, -1);
}

static void test_blobs_are_checked(void **state)
{
    struct fixture *f = *state;
    struct venus_blob b;
    assert_int_equal(allocate(f, 10, 5000, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(blob(f, 1, 10, 8193, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 10, UINT64_MAX, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 10, 0, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 10, 4096, 0, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 10, 4096, 8, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 11, 4096, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_int_equal(blob(f, 1, 1, 4096, VENUS_BLOB_MAPPABLE, &b), -EINVAL); /* the device */
    assert_int_equal(blob(f, 1, 10, 8192, VENUS_BLOB_MAPPABLE, &b), 0);
    close(b.fd);
    assert_int_equal(blob(f, 2, 10, 8192, VENUS_BLOB_MAPPABLE, &b), -EEXIST);
    assert_false(venus_context_is_fatal(f->context));
}

static void test_failures_leave_nothing(void **state)
{
    struct fixture *f = *state;
    struct venus_blob b;
    driver.fail = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_int_equal(allocate(f, 10, 4096, TYPE_LOCAL, NULL), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, NULL), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(provided, 0);
    driver.fail = VK_SUCCESS;
    provider_error = -ENOMEM;
    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, NULL), VK_ERROR_OUT_OF_HOST_MEMORY);
    provider_error = 0;
    /* More than the heap has is not even tried. */
    driver.size = 0;
    assert_int_equal(allocate(f, 10, (1 << 20) + 1, TYPE_VISIBLE, NULL),
                     VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(allocate(f, 10, UINT64_MAX, TYPE_LOCAL, NULL), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    assert_int_equal(driver.size, 0);
    /* A replayed address cannot be had for imported memory. */
    VkMemoryOpaqueCaptureAddressAllocateInfo capture = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_OPAQUE_CAPTURE_ADDRESS_ALLOCATE_INFO,
        .opaqueCaptureAddress = 0x1234,
    };
    assert_int_equal(allocate(f, 10, 4096, TYPE_VISIBLE, &capture),
                     VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS);
    assert_int_equal(allocate(f, 11, 4096, TYPE_LOCAL, &capture), VK_SUCCESS);
    assert_null(venus_object_find(&f->context->objects, 10));
    assert_int_equal(blob(f, 1, 10, 4096, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    assert_false(venus_context_is_fatal(f->context));
}

static void test_bad_allocations_are_fatal(void **state)
{
    struct fixture *f = *state;
    allocate(f, 10, 4096, TYPE_COUNT, NULL);
    assert_true(venus_context_is_fatal(f->context));
}

static void test_ids_in_use_are_fatal(void **state)
{
    struct fixture *f = *state;
    allocate(f, 10, 4096, TYPE_VISIBLE, NULL);
    allocate(f, 10, 4096, TYPE_VISIBLE, NULL);
    assert_true(venus_context_is_fatal(f->context));
    assert_int_equal(driver.allocations, 1);
    assert_int_equal(provided, 1);
}

static VkResult import(struct fixture *f, uint64_t id, uint32_t res_id, VkDeviceSize size)
{
    VkImportMemoryResourceInfoMESA info = {
        .sType = (VkStructureType)VENUS_STRUCTURE_TYPE_IMPORT_MEMORY_RESOURCE_INFO_MESA,
        .resourceId = res_id,
    };
    return allocate(f, id, size, TYPE_VISIBLE, &info);
}

static void test_import_of_a_resource(void **state)
{
    struct fixture *f = *state;
    struct venus_blob b;
    assert_int_equal(allocate(f, 10, 8192, TYPE_VISIBLE, NULL), VK_SUCCESS);
    void *const pages = driver.host_pointer;
    assert_int_equal(blob(f, 1, 10, 8192, VENUS_BLOB_MAPPABLE, &b), 0);
    close(b.fd);

    assert_int_equal(import(f, 11, 1, 8000), VK_SUCCESS);
    assert_ptr_equal(driver.host_pointer, pages);
    assert_int_equal(driver.size, 8192);
    assert_int_equal(import(f, 12, 1, 8193), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    assert_int_equal(import(f, 12, 2, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    assert_int_equal(blob(f, 2, 11, 4096, VENUS_BLOB_MAPPABLE, &b), -EINVAL);

    /* It keeps the pages alive. */
    release(f, 10);
    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    assert_int_equal(provided, 1);
    release(f, 11);
    assert_int_equal(provided, 0);

    /* Shared memory that is no device memory yet can be imported, too. */
    assert_int_equal(blob(f, 3, 0, 4096, VENUS_BLOB_MAPPABLE, &b), 0);
    close(b.fd);
    assert_int_equal(import(f, 11, 3, 4096), VK_SUCCESS);
}

static int releases;

static void count_release(void *user, struct venus_pages *pages)
{
    (void)user;
    (void)pages;
    releases++;
}

/* Pages of the caller, as with a capset that says use_guest_vram. */
static void test_import_of_attached_pages(void **state)
{
    struct fixture *f = *state;
    static const struct venus_memory_provider owner = {.free = count_release};
    static _Alignas(4096) uint8_t slice[8192];
    const struct venus_pages pages = {.ptr = slice, .size = 8192, .fd = -1};
    const struct venus_pages odd = {.ptr = slice + 2048, .size = 4096, .fd = -1};
    releases = 0;
    assert_int_equal(venus_context_attach_pages(f->context, 1, &pages, &owner), 0);
    assert_int_equal(import(f, 10, 1, 8000), VK_SUCCESS);
    assert_ptr_equal(driver.host_pointer, slice);
    assert_int_equal(provided, 0);
    assert_int_equal(import(f, 11, 1, 8193), VK_ERROR_INVALID_EXTERNAL_HANDLE);

    /* In use by the memory. */
    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    assert_int_equal(releases, 0);
    release(f, 10);
    assert_int_equal(releases, 1);

    /* Not as the driver wants it. */
    assert_int_equal(venus_context_attach_pages(f->context, 2, &odd, &owner), 0);
    assert_int_equal(import(f, 12, 2, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

static void test_properties_of_a_resource(void **state)
{
    struct fixture *f = *state;
    struct venus_blob b;
    VkMemoryResourceAllocationSizePropertiesMESA size = {
        .sType =
            (VkStructureType)VENUS_STRUCTURE_TYPE_MEMORY_RESOURCE_ALLOCATION_SIZE_PROPERTIES_MESA,
    };
    VkMemoryResourcePropertiesMESA properties = { .pNext = &size };
    struct venus_vkGetMemoryResourcePropertiesMESA args = {
        .resourceId = 1,
        .pMemoryResourceProperties = &properties,
        .first = f->object,
    };
    venus_handle_vkGetMemoryResourcePropertiesMESA(f->d, &args);
    assert_int_equal(args.ret, VK_ERROR_INVALID_EXTERNAL_HANDLE);
    assert_int_equal(allocate(f, 10, 5000, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(blob(f, 1, 10, 5000, VENUS_BLOB_MAPPABLE, &b), 0);
    close(b.fd);
    venus_handle_vkGetMemoryResourcePropertiesMESA(f->d, &args);
    assert_int_equal(args.ret, VK_SUCCESS);
    assert_int_equal(properties.memoryTypeBits, 1u << TYPE_LOCAL | 1u << TYPE_VISIBLE);
    assert_int_equal(size.allocationSize, 8192);
}

/* ---- exports ---- */

static VkExportMemoryAllocateInfo export_as(VkExternalMemoryHandleTypeFlags types)
{
    return (VkExportMemoryAllocateInfo){
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .handleTypes = types,
    };
}

static void test_exports_that_nobody_can_make(void **state)
{
    struct fixture *f = *state;
    VkExportMemoryAllocateInfo info =
        export_as(VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_int_equal(allocate(f, 10, 4096, TYPE_LOCAL, &info), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    driver.dma_buf_works = true;
    info = export_as(VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT);
    assert_int_equal(allocate(f, 10, 4096, TYPE_LOCAL, &info), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    info = export_as(0);
    assert_int_equal(allocate(f, 10, 4096, TYPE_LOCAL, &info), VK_SUCCESS);
    assert_int_equal(driver.export, 0);
}

static void test_our_own_dma_bufs(void **state)
{
    struct fixture *f = *state;
    f->gpu.own_dma_bufs = true;
    VkExportMemoryAllocateInfo info =
        export_as(VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_int_equal(allocate(f, 10, 4096, TYPE_LOCAL, &info), VK_SUCCESS);
    assert_int_equal(driver.export, 0);
    assert_non_null(driver.host_pointer);
    struct venus_blob b;
    assert_int_equal(
        blob(f, 1, 10, 4096, VENUS_BLOB_SHAREABLE | VENUS_BLOB_CROSS_DEVICE, &b), 0);
    close(b.fd);
}

static void test_visible_memory_as_dma_bufs(void **state)
{
    struct fixture *f = *state;
    struct venus_blob b;
    assert_int_equal(allocate(f, 10, 8000, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(driver.export, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_null(driver.host_pointer);
    assert_int_equal(provided, 0);
    assert_int_equal(blob(f, 1, 10, 8000, VENUS_BLOB_MAPPABLE, &b), 0);
    assert_int_equal(b.size, 8192);
    assert_int_equal(b.cache, VENUS_MAP_CACHED);
    close(b.fd);

    /* The file has 8192 bytes, which is less than this memory should have. */
    assert_int_equal(allocate(f, 11, 12288, TYPE_VISIBLE, NULL), VK_SUCCESS);
    assert_int_equal(blob(f, 2, 11, 12288, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    driver.fail = VK_ERROR_TOO_MANY_OBJECTS;
    assert_int_equal(blob(f, 2, 11, 4096, VENUS_BLOB_MAPPABLE, &b), -ENOMEM);
    driver.fail = VK_SUCCESS;

    /* Its resource can be imported by file. */
    assert_int_equal(import(f, 12, 1, 4096), VK_SUCCESS);
    assert_true(driver.fd >= 0);
    driver.fail = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    assert_int_equal(import(f, 13, 1, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    driver.fail = VK_SUCCESS;

    /* Plain memory of the driver is nobody else's. */
    assert_int_equal(allocate(f, 14, 4096, TYPE_LOCAL, NULL), VK_SUCCESS);
    assert_int_equal(driver.export, 0);
    assert_int_equal(blob(f, 3, 14, 4096, VENUS_BLOB_MAPPABLE, &b), -EINVAL);
    VkExportMemoryAllocateInfo info =
        export_as(VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_int_equal(allocate(f, 15, 4096, TYPE_LOCAL, &info), VK_SUCCESS);
    assert_int_equal(driver.export, VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT);
    assert_int_equal(blob(f, 3, 15, 4096, VENUS_BLOB_SHAREABLE, &b), 0);
    close(b.fd);
}

/* ---- pages as dma-bufs ---- */

static struct {
    int error; /* of the next ones */
    int made;
    void *ptr;
    uint64_t size;
} exported;

static int export_pages(void *user, const struct venus_pages *pages, uint64_t size)
{
    (void)user;
    exported.ptr = pages->ptr;
    exported.size = size;
    if (exported.error)
        return exported.error;
    exported.made++;
    return memfd_create("dma-buf", MFD_CLOEXEC);
}

/* As those of attached pages, but of a driver that does not import host memory. */
static void test_attached_pages_as_dma_bufs(void **state)
{
    struct fixture *f = *state;
    static const struct venus_memory_provider owner = {
        .free = count_release,
        .export_dma_buf = export_pages,
    };
    static const struct venus_memory_provider without = {.free = count_release};
    static _Alignas(4096) uint8_t slice[8192];
    const struct venus_pages pages = {.ptr = slice, .size = 8192, .fd = -1};
    releases = 0;
    memset(&exported, 0, sizeof(exported));
    assert_int_equal(venus_context_attach_pages(f->context, 1, &pages, &owner), 0);
    assert_int_equal(import(f, 10, 1, 4000), VK_SUCCESS);
    assert_ptr_equal(exported.ptr, slice);
    assert_int_equal(exported.size, 4096);
    assert_true(driver.fd >= 0);
    assert_null(driver.host_pointer);
    assert_int_equal(driver.size, 4000);
    assert_int_equal(import(f, 11, 1, 8193), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    assert_int_equal(exported.made, 1);

    /* Whatever goes wrong leaves no file open: see teardown(). */
    exported.error = -EINVAL;
    assert_int_equal(import(f, 11, 1, 8192), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    exported.error = -EMFILE;
    assert_int_equal(import(f, 11, 1, 8192), VK_ERROR_OUT_OF_HOST_MEMORY);
    exported.error = 0;
    driver.fd_types_lacking = 1;
    assert_int_equal(import(f, 11, 1, 8192), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    driver.fd_types_lacking = 0;
    driver.fail = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    assert_int_equal(import(f, 11, 1, 8192), VK_ERROR_OUT_OF_DEVICE_MEMORY);
    driver.fail = VK_SUCCESS;
    assert_int_equal(exported.made, 3);

    assert_int_equal(venus_context_unref_resource(f->context, 1), 0);
    assert_int_equal(releases, 0);
    release(f, 10);
    assert_int_equal(releases, 1);

    /* An owner that has none, and memory that the client does not bring. */
    assert_int_equal(venus_context_attach_pages(f->context, 2, &pages, &without), 0);
    assert_int_equal(import(f, 12, 2, 4096), VK_ERROR_INVALID_EXTERNAL_HANDLE);
    assert_int_equal(allocate(f, 13, 4096, TYPE_VISIBLE, NULL), VK_ERROR_INVALID_EXTERNAL_HANDLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_visible_memory_is_imported_pages),
        TEST(test_dedicated_memory_of_whole_pages),
        TEST(test_pages_used_again),
        TEST(test_local_memory_is_the_drivers),
        TEST(test_blobs_are_checked),
        TEST(test_failures_leave_nothing),
        TEST(test_bad_allocations_are_fatal),
        TEST(test_ids_in_use_are_fatal),
        TEST(test_import_of_a_resource),
        TEST(test_import_of_attached_pages),
        TEST(test_properties_of_a_resource),
        TEST(test_exports_that_nobody_can_make),
        TEST(test_our_own_dma_bufs),
        cmocka_unit_test_setup_teardown(test_visible_memory_as_dma_bufs, setup_dma_buf, teardown),
        cmocka_unit_test_setup_teardown(test_attached_pages_as_dma_bufs, setup_dma_buf_import,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
