/* SPDX-License-Identifier: MIT */
/*
 * Looking at the host's GPUs, with drivers that fail in every way that they can: what is found,
 * what is said about the rest, and that nothing is left behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "failing.h"
#include "instance.h"
#include "pnext.h"

#define HOST_ALLOCATION VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT
#define DMA_BUF         VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT

#define MOST_GPUS 3

/* The types of the driver's memory. */
enum { TYPE_LOCAL, TYPE_VISIBLE, TYPE_CACHED, TYPES };

/* ---- the driver ---- */

static struct {
    uint32_t loader_version; /* 0: vkEnumerateInstanceVersion does not exist */
    VkResult version, instance, gpus, extensions, device, buffer, memory, pointer, fd;
    int growing; /* this many more lists are longer than they were when their length was asked */
    uint32_t gpu_count;
    uint32_t api_version, queue_families;
    const char *names[8]; /* of device extensions */
    VkExternalMemoryFeatureFlags features;
    uint32_t buffer_types, pointer_types, fd_types, refused_types;
    bool uncached;
    VkDeviceSize alignment;
    bool unmappable;
    const void *imported;                      /* the last pointer */
    int instances, devices, buffers, memories; /* alive */
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_version(uint32_t *version)
{
    *version = driver.loader_version;
    return driver.version;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkInstance *instance)
{
    (void)allocator;
    assert_int_equal(info->enabledLayerCount, 0);
    if (driver.instance)
        return driver.instance;
    driver.instances++;
    *instance = (VkInstance)(uintptr_t)0x10;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_instance(VkInstance instance,
                                                   const VkAllocationCallbacks *allocator)
{
    (void)allocator;
    assert_int_equal((uintptr_t)instance, 0x10);
    assert_int_equal(driver.devices, 0);
    driver.instances--;
}

/* How many of `available` entries there is room for; VK_INCOMPLETE as Vulkan has it. */
static VkResult fit(uint32_t *count, uint32_t available, bool only_count)
{
    if (only_count) {
        *count = driver.growing ? available - 1 : available;
        return VK_SUCCESS;
    }
    driver.growing -= driver.growing != 0;
    if (*count >= available)
        *count = available;
    return *count < available ? VK_INCOMPLETE : VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_gpus(VkInstance instance, uint32_t *count,
                                                     VkPhysicalDevice *gpus)
{
    assert_int_equal((uintptr_t)instance, 0x10);
    if (driver.gpus)
        return driver.gpus;
    const VkResult result = fit(count, driver.gpu_count, !gpus);
    for (uint32_t i = 0; gpus && i < *count; i++)
        gpus[i] = (VkPhysicalDevice)(uintptr_t)(0x100 + i);
    return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_extensions(VkPhysicalDevice gpu, const char *layer,
                                                           uint32_t *count,
                                                           VkExtensionProperties *extensions)
{
    (void)gpu;
    assert_null(layer);
    if (driver.extensions)
        return driver.extensions;
    uint32_t available = 0;
    while (driver.names[available])
        available++;
    const VkResult result = fit(count, available, !extensions);
    for (uint32_t i = 0; extensions && i < *count; i++)
        extensions[i] = (VkExtensionProperties){.specVersion = 1};
    for (uint32_t i = 0; extensions && i < *count; i++)
        strcpy(extensions[i].extensionName, driver.names[i]);
    return result;
}

static VKAPI_ATTR void VKAPI_CALL get_properties(VkPhysicalDevice gpu,
                                                 VkPhysicalDeviceProperties *properties)
{
    *properties = (VkPhysicalDeviceProperties){
        .apiVersion = driver.api_version,
        .driverVersion = 9,
        .deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
    };
    strcpy(properties->deviceName, "Fake 0");
    properties->deviceName[5] += (char)((uintptr_t)gpu - 0x100);
}

static VKAPI_ATTR void VKAPI_CALL get_properties2(VkPhysicalDevice gpu,
                                                  VkPhysicalDeviceProperties2 *properties)
{
    (void)gpu;
    assert_true(driver.api_version >= VK_API_VERSION_1_1);
    VkPhysicalDeviceIDProperties *id =
        venus_pnext_find(properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES);
    VkPhysicalDevicePCIBusInfoPropertiesEXT *pci = venus_pnext_find(
        properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT);
    VkPhysicalDeviceDriverProperties *names =
        venus_pnext_find(properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES);
    VkPhysicalDeviceExternalMemoryHostPropertiesEXT *host = venus_pnext_find(
        properties->pNext, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT);
    if (id)
        memcpy(id->deviceUUID, "0123456789abcdef", VK_UUID_SIZE);
    if (pci) {
        pci->pciDomain = 1;
        pci->pciBus = 0x2a;
        pci->pciDevice = 3;
        pci->pciFunction = 7;
    }
    if (names) {
        strcpy(names->driverName, "fakedrv");
        strcpy(names->driverInfo, "1.2");
    }
    if (host)
        host->minImportedHostPointerAlignment = driver.alignment;
}

static VKAPI_ATTR void VKAPI_CALL get_queue_families(VkPhysicalDevice gpu, uint32_t *count,
                                                     VkQueueFamilyProperties *families)
{
    (void)gpu;
    for (uint32_t i = 0; families && i < *count; i++)
        families[i] = (VkQueueFamilyProperties){.queueCount = 1};
    *count = driver.queue_families;
}

static VKAPI_ATTR void VKAPI_CALL get_memory(VkPhysicalDevice gpu,
                                             VkPhysicalDeviceMemoryProperties *memory)
{
    (void)gpu;
    *memory = (VkPhysicalDeviceMemoryProperties){.memoryTypeCount = TYPES, .memoryHeapCount = 1};
    memory->memoryTypes[TYPE_LOCAL].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    memory->memoryTypes[TYPE_VISIBLE].propertyFlags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    memory->memoryTypes[TYPE_CACHED].propertyFlags =
        memory->memoryTypes[TYPE_VISIBLE].propertyFlags |
        (driver.uncached ? 0 : VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
}

static VKAPI_ATTR void VKAPI_CALL
get_external_buffer(VkPhysicalDevice gpu, const VkPhysicalDeviceExternalBufferInfo *info,
                    VkExternalBufferProperties *properties)
{
    (void)gpu;
    assert_true(info->handleType == HOST_ALLOCATION || info->handleType == DMA_BUF);
    properties->externalMemoryProperties.externalMemoryFeatures = driver.features;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice gpu,
                                                    const VkDeviceCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkDevice *device)
{
    (void)gpu;
    (void)allocator;
    assert_in_range(info->enabledExtensionCount, 1, 2);
    if (driver.device)
        return driver.device;
    driver.devices++;
    *device = (VkDevice)(uintptr_t)0x200;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_device(VkDevice device,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)allocator;
    assert_int_equal(driver.buffers, 0);
    assert_int_equal(driver.memories, 0);
    driver.devices--;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_buffer(VkDevice device, const VkBufferCreateInfo *info,
                                                    const VkAllocationCallbacks *allocator,
                                                    VkBuffer *buffer)
{
    (void)device;
    (void)allocator;
    assert_non_null(
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO));
    if (driver.buffer)
        return driver.buffer;
    driver.buffers++;
    *buffer = (VkBuffer)(uintptr_t)0x300;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL destroy_buffer(VkDevice device, VkBuffer buffer,
                                                 const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)buffer;
    (void)allocator;
    driver.buffers--;
}

static VKAPI_ATTR void VKAPI_CALL buffer_requirements(VkDevice device, VkBuffer buffer,
                                                      VkMemoryRequirements *requirements)
{
    (void)device;
    (void)buffer;
    requirements->memoryTypeBits = driver.buffer_types;
}

static VKAPI_ATTR VkResult VKAPI_CALL
pointer_properties(VkDevice device, VkExternalMemoryHandleTypeFlagBits type, const void *pointer,
                   VkMemoryHostPointerPropertiesEXT *properties)
{
    (void)device;
    assert_int_equal(type, HOST_ALLOCATION);
    assert_int_equal((uintptr_t)pointer % driver.alignment, 0);
    properties->memoryTypeBits = driver.pointer_types;
    return driver.pointer;
}

static VKAPI_ATTR VkResult VKAPI_CALL allocate_memory(VkDevice device,
                                                      const VkMemoryAllocateInfo *info,
                                                      const VkAllocationCallbacks *allocator,
                                                      VkDeviceMemory *memory)
{
    (void)device;
    (void)allocator;
    const VkImportMemoryHostPointerInfoEXT *import =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT);
    assert_in_range(info->memoryTypeIndex, TYPE_VISIBLE, TYPES - 1); /* what clients can map */
    if (import)
        driver.imported = import->pHostPointer;
    const VkImportMemoryFdInfoKHR *file =
        venus_pnext_find(info->pNext, VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR);
    if (driver.memory || driver.refused_types & 1u << info->memoryTypeIndex)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    if (file) {
        assert_int_equal(file->handleType, DMA_BUF);
        close(file->fd); /* the driver's */
    }
    driver.memories++;
    *memory = (VkDeviceMemory)(uintptr_t)0x400;
    return VK_SUCCESS;
}

static VKAPI_ATTR void VKAPI_CALL free_memory(VkDevice device, VkDeviceMemory memory,
                                              const VkAllocationCallbacks *allocator)
{
    (void)device;
    (void)memory;
    (void)allocator;
    driver.memories--;
}

static VKAPI_ATTR VkResult VKAPI_CALL fd_properties(VkDevice device,
                                                    VkExternalMemoryHandleTypeFlagBits type, int fd,
                                                    VkMemoryFdPropertiesKHR *properties)
{
    (void)device;
    assert_int_equal(type, DMA_BUF);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    properties->memoryTypeBits = driver.fd_types;
    return driver.fd;
}

/* A file that can be mapped, or one that can only be read. */
static VKAPI_ATTR VkResult VKAPI_CALL get_fd(VkDevice device, const VkMemoryGetFdInfoKHR *info,
                                             int *fd)
{
    (void)device;
    assert_int_equal(info->handleType, DMA_BUF);
    if (driver.fd)
        return driver.fd;
    *fd = driver.unmappable ? open("/dev/null", O_RDONLY | O_CLOEXEC)
                            : memfd_create("dma-buf", MFD_CLOEXEC);
    assert_true(*fd >= 0);
    return VK_SUCCESS;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc(VkDevice device, const char *name);

#define FUNCTION(name, function)                                                                   \
    {                                                                                              \
        "vk" name, (PFN_vkVoidFunction)(function)                                                  \
    }

static const struct function {
    const char *name;
    PFN_vkVoidFunction function;
} functions[] = {
    FUNCTION("EnumerateInstanceVersion", enumerate_version),
    FUNCTION("CreateInstance", create_instance),
    FUNCTION("DestroyInstance", destroy_instance),
    FUNCTION("EnumeratePhysicalDevices", enumerate_gpus),
    FUNCTION("EnumerateDeviceExtensionProperties", enumerate_extensions),
    FUNCTION("GetPhysicalDeviceProperties", get_properties),
    FUNCTION("GetPhysicalDeviceProperties2", get_properties2),
    FUNCTION("GetPhysicalDeviceQueueFamilyProperties", get_queue_families),
    FUNCTION("GetPhysicalDeviceMemoryProperties", get_memory),
    FUNCTION("GetPhysicalDeviceExternalBufferProperties", get_external_buffer),
    FUNCTION("CreateDevice", create_device),
    FUNCTION("GetDeviceProcAddr", get_device_proc),
    FUNCTION("DestroyDevice", destroy_device),
    FUNCTION("CreateBuffer", create_buffer),
    FUNCTION("DestroyBuffer", destroy_buffer),
    FUNCTION("GetBufferMemoryRequirements", buffer_requirements),
    FUNCTION("GetMemoryHostPointerPropertiesEXT", pointer_properties),
    FUNCTION("AllocateMemory", allocate_memory),
    FUNCTION("FreeMemory", free_memory),
    FUNCTION("GetMemoryFdKHR", get_fd),
    FUNCTION("GetMemoryFdPropertiesKHR", fd_properties),
};

static PFN_vkVoidFunction find_function(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (!strcmp(functions[i].name, name))
            return functions[i].function;
    }
    return NULL;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_device_proc(VkDevice device, const char *name)
{
    assert_int_equal((uintptr_t)device, 0x200);
    return find_function(name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_proc(VkInstance instance, const char *name)
{
    (void)instance;
    if (!driver.loader_version && !strcmp(name, "vkEnumerateInstanceVersion"))
        return NULL;
    return find_function(name);
}

/* ---- what the tests share ---- */

static char message[1024]; /* the last one */

static void on_log(enum venus_log_level level, const char *text)
{
    (void)level;
    strncpy(message, text, sizeof(message) - 1);
}

/* One good GPU that imports host memory. */
static int setup(void **state)
{
    (void)state;
    memset(&driver, 0, sizeof(driver));
    driver.loader_version = VK_API_VERSION_1_3;
    driver.gpu_count = 1;
    driver.api_version = VK_API_VERSION_1_3;
    driver.queue_families = 2;
    driver.names[0] = "VK_KHR_external_memory_fd";
    driver.names[1] = "VK_EXT_external_memory_dma_buf";
    driver.names[2] = "VK_EXT_external_memory_host";
    driver.features =
        VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
    driver.buffer_types = driver.pointer_types = driver.fd_types = ~0u;
    driver.alignment = 4096;
    message[0] = '\0';
    venus_log_set(on_log, VENUS_LOG_INFO);
    return 0;
}

static struct venus_gpu gpus[MOST_GPUS];

/* What venus_renderer_list_gpus() returns; afterwards nothing of the driver's is left. */
static int list_with(const struct venus_renderer_params *params, int max)
{
    memset(gpus, 0, sizeof(gpus));
    struct venus_renderer *renderer = venus_renderer_create(params);
    if (!renderer)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const int first = dup(STDERR_FILENO);
    close(first);
    const int result = venus_renderer_list_gpus(renderer, gpus, max);
    const int last = dup(STDERR_FILENO);
    close(last);
    venus_renderer_destroy(renderer);
    assert_int_equal(first, last); /* no file left open */
    assert_int_equal(driver.instances, 0);
    assert_int_equal(driver.devices, 0);
    return result;
}

static int list(void)
{
    const struct venus_renderer_params params = {.get_instance_proc_addr = get_proc};
    return list_with(&params, MOST_GPUS);
}

/* ---- tests ---- */

static void test_host_import(void **state)
{
    (void)state;
    driver.alignment = 64;
    driver.refused_types = 1u << TYPE_CACHED;
    driver.names[3] = "VK_EXT_pci_bus_info";
    assert_int_equal(list(), 1);
    assert_int_equal(gpus[0].index, 0);
    assert_string_equal(gpus[0].name, "Fake 0");
    assert_string_equal(gpus[0].driver, "fakedrv 1.2");
    assert_string_equal(gpus[0].pci, "0001:2a:03.7");
    assert_memory_equal(gpus[0].uuid, "0123456789abcdef", VK_UUID_SIZE);
    assert_int_equal(gpus[0].type, VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU);
    assert_int_equal(gpus[0].api_version, VK_API_VERSION_1_3);
    assert_null(gpus[0].unusable);
    assert_string_equal(gpus[0].memory_path, "host-import");
    assert_int_equal(gpus[0].memory.path, VENUS_MEMORY_HOST_IMPORT);
    assert_int_equal(gpus[0].memory.types, 1u << TYPE_VISIBLE);
    assert_int_equal(gpus[0].memory.alignment, sysconf(_SC_PAGESIZE));
    assert_int_equal(gpus[0].memory.driver_version, 9);
}

/* Without the extensions, what they tell is left empty. */
static void test_little_known(void **state)
{
    (void)state;
    driver.api_version = VK_API_VERSION_1_1;
    assert_int_equal(list(), 1);
    assert_string_equal(gpus[0].driver, "");
    assert_string_equal(gpus[0].pci, "");
    driver.names[3] = "VK_KHR_driver_properties";
    assert_int_equal(list(), 1);
    assert_string_equal(gpus[0].driver, "fakedrv 1.2");
}

static void test_sample(void **state)
{
    (void)state;
    static _Alignas(4096) uint8_t window[8192];
    const struct venus_pages sample = {.ptr = window, .size = sizeof(window), .fd = -1};
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = get_proc,
        .sample = &sample,
    };
    assert_int_equal(list_with(&params, 1), 1);
    assert_ptr_equal(driver.imported, window);
    assert_string_equal(gpus[0].memory_path, "host-import");
    assert_int_equal(gpus[0].memory.types, 1u << TYPE_VISIBLE | 1u << TYPE_CACHED);
    /* There is no other way then. */
    driver.memory = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    assert_int_equal(list_with(&params, 1), 1);
    assert_null(gpus[0].memory_path);
    assert_non_null(strstr(message, "no coherent memory type takes imported host memory; "
                                    "clients bring their memory"));
}

/* ---- dma-bufs of the provider ---- */

static struct {
    int error; /* of the next export or try */
    int exports, tries;
    uint64_t size;
    const void *ptr;
} provider;

static int no_pages(void *user, uint64_t size, struct venus_pages *pages)
{
    (void)user, (void)size, (void)pages;
    return -ENOTSUP;
}

static void no_free(void *user, struct venus_pages *pages)
{
    (void)user, (void)pages;
}

static int export_pages(void *user, const struct venus_pages *pages, uint64_t size)
{
    (void)user;
    provider.exports++;
    provider.ptr = pages->ptr;
    provider.size = size;
    return provider.error ? provider.error : memfd_create("dma-buf", MFD_CLOEXEC);
}

static int try_file(void *user, int fd)
{
    (void)user;
    assert_true(fcntl(fd, F_GETFD) >= 0);
    provider.tries++;
    return provider.error;
}

static const struct venus_memory_provider dma_bufs = {
    .alloc = no_pages,
    .free = no_free,
    .export_dma_buf = export_pages,
    .try_dma_buf = try_file,
};

static _Alignas(4096) uint8_t slice[8192];

static int list_with_provider(bool with_sample)
{
    const struct venus_pages sample = {.ptr = slice, .size = sizeof(slice), .fd = -1};
    const struct venus_renderer_params params = {
        .get_instance_proc_addr = get_proc,
        .memory = &dma_bufs,
        .sample = with_sample ? &sample : NULL,
    };
    return list_with(&params, 1);
}

/* Pages that clients bring go to the driver as a dma-buf, if that is the only way. */
static void test_dma_buf_of_a_sample(void **state)
{
    (void)state;
    memset(&provider, 0, sizeof(provider));
    assert_int_equal(list_with_provider(true), 1);
    assert_int_equal(provider.exports, 0);
    driver.names[2] = NULL;
    assert_int_equal(list_with_provider(true), 1);
    assert_null(gpus[0].unusable);
    assert_string_equal(gpus[0].memory_path, "dma-buf-import");
    assert_int_equal(gpus[0].memory.path, VENUS_MEMORY_DMA_BUF_IMPORT);
    assert_int_equal(gpus[0].memory.types, 1u << TYPE_CACHED);
    assert_int_equal(gpus[0].memory.alignment, sysconf(_SC_PAGESIZE));
    assert_int_equal(provider.exports, 1);
    assert_ptr_equal(provider.ptr, slice);
    assert_int_equal(provider.size, sysconf(_SC_PAGESIZE));
    assert_int_equal(provider.tries, 0);
}

static void check_sample_refused(const char *why)
{
    driver.names[2] = NULL;
    assert_int_equal(list_with_provider(true), 1);
    assert_null(gpus[0].memory_path);
    if (!strstr(message, why))
        fail_msg("\"%s\" is not in \"%s\"", why, message);
    setup(NULL);
    provider.error = 0;
}

#define NOT_TAKEN "; no memory type takes a dma-buf of the memory that clients bring"

static void test_no_dma_buf_of_a_sample(void **state)
{
    (void)state;
    memset(&provider, 0, sizeof(provider));
    driver.names[1] = NULL;
    check_sample_refused("; no VK_EXT_external_memory_dma_buf");
    driver.features = VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT;
    check_sample_refused("; buffers cannot use imported dma-bufs");
    driver.uncached = true;
    check_sample_refused("; no memory type is coherent and cached, as the memory that clients "
                         "bring is");
    provider.error = -ENOTTY;
    check_sample_refused("; there is no dma-buf of the memory that clients bring");
    driver.device = VK_ERROR_DEVICE_LOST;
    check_sample_refused("; vkCreateDevice failed");
    driver.fd = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    check_sample_refused(NOT_TAKEN);
    driver.fd_types = 1u << TYPE_VISIBLE; /* it must be cached */
    check_sample_refused(NOT_TAKEN);
    driver.buffer_types = 1u << TYPE_VISIBLE;
    check_sample_refused(NOT_TAKEN);
    driver.memory = VK_ERROR_OUT_OF_DEVICE_MEMORY; /* although it says that it takes it */
    check_sample_refused(NOT_TAKEN);
}

/* A provider that does not map a driver's dma-bufs says which ones it can give away. */
static void test_dma_buf_that_is_tried(void **state)
{
    (void)state;
    memset(&provider, 0, sizeof(provider));
    driver.names[2] = NULL;
    driver.unmappable = true;
    assert_int_equal(list_with_provider(false), 1);
    assert_string_equal(gpus[0].memory_path, "dma-buf");
    assert_int_equal(gpus[0].memory.types, 1u << TYPE_VISIBLE | 1u << TYPE_CACHED);
    assert_int_equal(provider.tries, 2);
    provider.error = -EINVAL;
    driver.unmappable = false;
    assert_int_equal(list_with_provider(false), 1);
    assert_null(gpus[0].memory_path);
}

static void test_dma_buf(void **state)
{
    (void)state;
    driver.names[2] = NULL;
    driver.buffer_types = 1u << TYPE_LOCAL | 1u << TYPE_CACHED;
    assert_int_equal(list(), 1);
    assert_null(gpus[0].unusable);
    assert_string_equal(gpus[0].memory_path, "dma-buf");
    assert_int_equal(gpus[0].memory.path, VENUS_MEMORY_DMA_BUF);
    assert_int_equal(gpus[0].memory.types, 1u << TYPE_CACHED);
    assert_int_equal(gpus[0].memory.alignment, 0);
}

/* The GPU is listed, but as one whose memory cannot be given to clients, and the log says why. */
static void check_unusable(const char *why)
{
    assert_int_equal(list(), 1);
    assert_null(gpus[0].memory_path);
    assert_int_equal(gpus[0].memory.path, VENUS_MEMORY_NONE);
    assert_non_null(strstr(gpus[0].unusable, "can be neither imported"));
    if (!strstr(message, why))
        fail_msg("\"%s\" is not in \"%s\"", why, message);
    setup(NULL);
}

#define IMPORT_FAILED "no coherent memory type takes imported host memory; "
#define EXPORT_FAILED "no coherent memory type can be exported and mapped"

static void test_unusable(void **state)
{
    (void)state;
    driver.names[0] = NULL;
    check_unusable("no VK_EXT_external_memory_host; no VK_EXT_external_memory_dma_buf");
    driver.names[1] = NULL;
    check_unusable("no VK_EXT_external_memory_host; no VK_EXT_external_memory_dma_buf");
    driver.features = 0;
    check_unusable("buffers cannot use imported host memory; "
                   "memory of buffers cannot be exported as a dma-buf");
    driver.features |= VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT; /* one per buffer */
    check_unusable("buffers cannot use imported host memory; "
                   "memory of buffers cannot be exported as a dma-buf");
    driver.alignment = 65536;
    driver.unmappable = true;
    check_unusable("imported host memory must be aligned to more than a page; " EXPORT_FAILED);
    driver.device = VK_ERROR_DEVICE_LOST;
    check_unusable("vkCreateDevice failed; vkCreateDevice failed");
    driver.buffer = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    check_unusable(IMPORT_FAILED EXPORT_FAILED);
    driver.buffer_types = 1u << TYPE_LOCAL;
    check_unusable(IMPORT_FAILED EXPORT_FAILED);
    driver.memory = VK_ERROR_OUT_OF_HOST_MEMORY;
    check_unusable(IMPORT_FAILED EXPORT_FAILED);
    driver.pointer = VK_ERROR_INVALID_EXTERNAL_HANDLE;
    driver.fd = VK_ERROR_TOO_MANY_OBJECTS;
    check_unusable(IMPORT_FAILED EXPORT_FAILED);
    driver.pointer_types = 1u << TYPE_LOCAL;
    driver.unmappable = true;
    check_unusable(IMPORT_FAILED EXPORT_FAILED);
}

/* Known before any memory is tried. */
static void test_unfit(void **state)
{
    (void)state;
    driver.api_version = VK_API_VERSION_1_0;
    assert_int_equal(list(), 1);
    assert_string_equal(gpus[0].unusable, "it supports only Vulkan 1.0");
    assert_null(gpus[0].memory_path);
    assert_string_equal(gpus[0].name, "Fake 0");
    setup(NULL);
    driver.queue_families = 0;
    assert_int_equal(list(), 1);
    assert_string_equal(gpus[0].unusable, "it has no queues");
}

/* A UUID says nothing about a GPU that cannot be asked for it. */
static void test_uuid(void **state)
{
    (void)state;
    static struct venus_instance instance;
    struct venus_physical_device gpu = {.instance = &instance, .api_version = VK_API_VERSION_1_1};
    instance.vk.GetPhysicalDeviceProperties2 = get_properties2;
    assert_true(venus_gpu_has_uuid(&gpu, (const uint8_t *)"0123456789abcdef"));
    assert_false(venus_gpu_has_uuid(&gpu, (const uint8_t *)"0123456789abcdeF"));
    gpu.api_version = VK_API_VERSION_1_0;
    assert_false(venus_gpu_has_uuid(&gpu, (const uint8_t *)"0123456789abcdef"));
}

static void test_lists(void **state)
{
    (void)state;
    driver.gpu_count = MOST_GPUS;
    driver.growing = 2;
    assert_int_equal(list(), MOST_GPUS);
    assert_int_equal(driver.growing, 0);
    assert_string_equal(gpus[MOST_GPUS - 1].name, "Fake 2");
    /* No more entries than there is room for. */
    const struct venus_renderer_params params = {.get_instance_proc_addr = get_proc};
    assert_int_equal(list_with(&params, 2), MOST_GPUS);
    assert_string_equal(gpus[1].name, "Fake 1");
    assert_string_equal(gpus[2].name, "");
    driver.gpu_count = 0;
    assert_int_equal(list(), 0);
}

static void test_failures(void **state)
{
    (void)state;
    driver.gpus = VK_ERROR_INITIALIZATION_FAILED;
    assert_int_equal(list(), VK_ERROR_INITIALIZATION_FAILED);
    setup(NULL);
    driver.extensions = VK_ERROR_LAYER_NOT_PRESENT;
    assert_int_equal(list(), VK_ERROR_LAYER_NOT_PRESENT);
    setup(NULL);
    driver.instance = VK_ERROR_INCOMPATIBLE_DRIVER;
    assert_int_equal(list(), VK_ERROR_INCOMPATIBLE_DRIVER);
    setup(NULL);
    driver.version = VK_ERROR_OUT_OF_HOST_MEMORY;
    assert_int_equal(list(), VK_ERROR_OUT_OF_HOST_MEMORY);
}

/* Loaders of Vulkan 1.0 cannot even say so. */
static void test_old_loader(void **state)
{
    (void)state;
    driver.loader_version = 0;
    assert_int_equal(list(), VK_ERROR_INCOMPATIBLE_DRIVER);
    assert_string_equal(message, "this host's Vulkan loader is older than 1.1");
    driver.loader_version = VK_API_VERSION_1_0;
    message[0] = '\0';
    assert_int_equal(list(), VK_ERROR_INCOMPATIBLE_DRIVER);
    assert_string_equal(message, "this host's Vulkan loader is older than 1.1");
}

/* Without memory to look at how a GPU's memory can be given to clients, it is not usable. */
static bool list_all(void)
{
    driver.gpu_count = 2;
    const int result = list();
    assert_true(result == 2 || result == VK_ERROR_OUT_OF_HOST_MEMORY);
    return result == 2 && gpus[0].memory.path == VENUS_MEMORY_HOST_IMPORT &&
           gpus[1].memory.path == VENUS_MEMORY_HOST_IMPORT;
}

static void test_no_memory(void **state)
{
    (void)state;
    driver.names[0] = "VK_EXT_external_memory_host";
    driver.names[1] = NULL;
    run_with_failures(list_all, false);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_host_import),
        TEST(test_little_known),
        TEST(test_sample),
        TEST(test_dma_buf),
        TEST(test_dma_buf_of_a_sample),
        TEST(test_no_dma_buf_of_a_sample),
        TEST(test_dma_buf_that_is_tried),
        TEST(test_unusable),
        TEST(test_unfit),
        TEST(test_uuid),
        TEST(test_lists),
        TEST(test_failures),
        TEST(test_old_loader),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
