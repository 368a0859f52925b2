/* SPDX-License-Identifier: MIT */
#include "gpus.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit_codes.h"
#include "log.h"
#include "vulkan_loader.h"

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"
#define PROBE_SECONDS    120 /* a driver that hangs longer is not usable */

/* ---- in the child ---- */

static bool layer_exists(PFN_vkGetInstanceProcAddr get, const char *name)
{
    PFN_vkEnumerateInstanceLayerProperties enumerate =
        (PFN_vkEnumerateInstanceLayerProperties)get(NULL, "vkEnumerateInstanceLayerProperties");
    uint32_t count = 0;
    if (!enumerate || enumerate(&count, NULL) != VK_SUCCESS || !count)
        return false;
    VkLayerProperties *layers = calloc(count, sizeof(*layers));
    bool found = false;
    if (layers && enumerate(&count, layers) >= VK_SUCCESS) {
        for (uint32_t i = 0; i < count; i++)
            found |= !strcmp(layers[i].layerName, name);
    }
    free(layers);
    return found;
}

static int probe_failed(int result)
{
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        backend_log(VENUS_LOG_ERROR, "no Vulkan driver is installed, or none can start "
                                     "(a software driver for Debian: mesa-vulkan-drivers)");
    else
        backend_log(VENUS_LOG_ERROR, "Vulkan does not start: VkResult %d", result);
    return BACKEND_EXIT_VULKAN;
}

static bool write_all(int fd, const void *data, size_t size)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = (const char *)data + n;
        size -= n;
    }
    return true;
}

static int probe_in_child(bool validate, int out)
{
    struct venus_renderer_params params = {.validate = validate};
    params.get_instance_proc_addr = backend_vulkan_load();
    if (!params.get_instance_proc_addr)
        return BACKEND_EXIT_VULKAN;
    if (validate && !layer_exists(params.get_instance_proc_addr, VALIDATION_LAYER)) {
        backend_log(VENUS_LOG_ERROR, "--validate: the layer " VALIDATION_LAYER " is not installed "
                                     "(Debian: apt install vulkan-validationlayers)");
        return BACKEND_EXIT_VULKAN;
    }
    struct venus_renderer *renderer = venus_renderer_create(&params);
    struct venus_gpu *gpus = calloc(BACKEND_MAX_GPUS, sizeof(*gpus));
    if (!renderer || !gpus) {
        backend_log(VENUS_LOG_ERROR, "out of memory");
        return BACKEND_EXIT_ERROR;
    }
    int count = venus_renderer_list_gpus(renderer, gpus, BACKEND_MAX_GPUS);
    if (count < 0)
        return probe_failed(count);
    if (count > BACKEND_MAX_GPUS)
        count = BACKEND_MAX_GPUS;
    for (int i = 0; i < count; i++) {
        struct backend_gpu gpu = {.gpu = gpus[i]};
        if (gpus[i].memory_path)
            backend_copy_printable(gpu.memory_path, sizeof(gpu.memory_path), gpus[i].memory_path);
        if (gpus[i].unusable)
            backend_copy_printable(gpu.unusable, sizeof(gpu.unusable), gpus[i].unusable);
        gpu.gpu.memory_path = gpu.gpu.unusable = NULL;
        if (!write_all(out, &gpu, sizeof(gpu)))
            return BACKEND_EXIT_ERROR;
    }
    free(gpus);
    venus_renderer_destroy(renderer);
    return BACKEND_EXIT_OK;
}

/* ---- in the daemon ---- */

static ssize_t read_all(int fd, void *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t n = read(fd, (char *)data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += n;
    }
    return done;
}

static int probe_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            backend_log(VENUS_LOG_ERROR, "waitpid: %s", strerror(errno));
            return BACKEND_EXIT_ERROR;
        }
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    if (WTERMSIG(status) == SIGALRM)
        backend_log(VENUS_LOG_ERROR, "the Vulkan driver did not start within %d s", PROBE_SECONDS);
    else
        backend_log(VENUS_LOG_ERROR,
                    "the Vulkan driver crashed when it was started: signal %d "
                    "(%s)",
                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    return BACKEND_EXIT_VULKAN;
}

int backend_gpus_probe(bool validate, struct backend_gpu **gpus, int *count)
{
    int ends[2];
    *count = 0;
    *gpus = calloc(BACKEND_MAX_GPUS, sizeof(**gpus));
    if (!*gpus || pipe2(ends, O_CLOEXEC)) {
        backend_log(VENUS_LOG_ERROR, "cannot look for GPUs: %s", strerror(errno));
        free(*gpus);
        *gpus = NULL;
        return BACKEND_EXIT_ERROR;
    }
    const pid_t pid = fork();
    if (!pid) {
        close(ends[0]);
        signal(SIGALRM, SIG_DFL);
        alarm(PROBE_SECONDS);
        /* Not exit(): leave drivers' exit handlers out of it. */
        _exit(probe_in_child(validate, ends[1]));
    }
    close(ends[1]);
    int result = BACKEND_EXIT_ERROR;
    if (pid < 0) {
        backend_log(VENUS_LOG_ERROR, "fork: %s", strerror(errno));
    } else {
        const size_t size = BACKEND_MAX_GPUS * sizeof(**gpus);
        *count = read_all(ends[0], *gpus, size) / sizeof(**gpus);
        result = probe_wait(pid);
    }
    close(ends[0]);
    if (result != BACKEND_EXIT_OK) {
        free(*gpus);
        *gpus = NULL;
        *count = 0;
    }
    return result;
}

static bool is_index(const char *s, int *index)
{
    char *end;
    if (!isdigit((unsigned char)*s) || strlen(s) > 4)
        return false;
    *index = strtol(s, &end, 10);
    return !*end;
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* 32 hexadecimal digits, dashes anywhere between them. */
static bool is_uuid(const char *s, uint8_t uuid[VK_UUID_SIZE])
{
    int digits = 0;
    memset(uuid, 0, VK_UUID_SIZE);
    for (; *s; s++) {
        if (*s == '-')
            continue;
        if (!isxdigit((unsigned char)*s) || digits == 2 * (int)VK_UUID_SIZE)
            return false;
        uuid[digits / 2] |= digits % 2 ? hex_value(*s) : hex_value(*s) << 4;
        digits++;
    }
    return digits == 2 * (int)VK_UUID_SIZE;
}

/* [DDDD:]BB:DD.F */
static bool is_pci(const char *s, char address[16])
{
    unsigned domain = 0, bus, device, function;
    int end = 0;
    if (sscanf(s, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 || s[end]) {
        domain = 0;
        if (sscanf(s, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 || s[end])
            return false;
    }
    snprintf(address, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, device & 0xff,
             function & 0xf);
    return true;
}

/* The kinds of selectors that compare a GPU with something. */
struct criterion {
    const char *name; /* NULL unless by name */
    bool exact;
    bool by_uuid;
    uint8_t uuid[VK_UUID_SIZE];
    char pci[16];
};

static bool gpu_matches(const struct venus_gpu *gpu, const struct criterion *c)
{
    if (c->by_uuid)
        return !memcmp(gpu->uuid, c->uuid, VK_UUID_SIZE);
    if (*c->pci)
        return !strcasecmp(gpu->pci, c->pci);
    return c->exact ? !strcasecmp(gpu->name, c->name) : !!strcasestr(gpu->name, c->name);
}

static const struct backend_gpu *select_by(const struct backend_gpu *gpus, int count,
                                           const struct criterion *c, int *matches)
{
    const struct backend_gpu *found = NULL;
    *matches = 0;
    for (int i = 0; i < count; i++) {
        if (gpu_matches(&gpus[i].gpu, c)) {
            found = found ? found : &gpus[i];
            ++*matches;
        }
    }
    return found;
}

const struct backend_gpu *backend_gpu_find(const struct backend_gpu *gpus, int count,
                                           const char *selector, struct reason *reason)
{
    struct criterion c = {.name = selector, .exact = true};
    int index, matches;
    if (is_index(selector, &index)) {
        if (index < count)
            return &gpus[index];
        reason_set(reason, "there are only %d GPUs (see --list-gpus)", count);
        return NULL;
    }
    c.by_uuid = is_uuid(selector, c.uuid);
    if (!c.by_uuid && !is_pci(selector, c.pci))
        *c.pci = '\0';
    const struct backend_gpu *found = select_by(gpus, count, &c, &matches);
    if (!matches && !c.by_uuid && !*c.pci) {
        c.exact = false;
        found = select_by(gpus, count, &c, &matches);
    }
    if (matches == 1)
        return found;
    if (matches)
        reason_set(reason,
                   "%d GPUs match; choose one by index, UUID or PCI address (see --list-gpus)",
                   matches);
    else
        reason_set(reason, "no GPU matches (see --list-gpus)");
    return NULL;
}

const struct backend_gpu *backend_gpu_select(const struct backend_gpu *gpus, int count,
                                             const char *selector)
{
    struct reason reason;
    const struct backend_gpu *found = backend_gpu_find(gpus, count, selector, &reason);
    if (!found)
        backend_log(VENUS_LOG_ERROR, "--gpu=%s: %s", selector, reason.text);
    return found;
}

static const char *type_name(VkPhysicalDeviceType type)
{
    static const char *const names[] = {
        [VK_PHYSICAL_DEVICE_TYPE_OTHER] = "other",
        [VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU] = "integrated",
        [VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU] = "discrete",
        [VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU] = "virtual",
        [VK_PHYSICAL_DEVICE_TYPE_CPU] = "software",
    };
    return (unsigned)type < sizeof(names) / sizeof(names[0]) ? names[type] : "other";
}

void backend_gpus_print(FILE *file, const struct backend_gpu *gpus, int count)
{
    for (int i = 0; i < count; i++) {
        const struct venus_gpu *gpu = &gpus[i].gpu;
        fprintf(file, "%d: %s\n    type    %s, Vulkan %u.%u.%u\n    driver  %s\n    uuid    ", i,
                gpu->name, type_name(gpu->type), VK_API_VERSION_MAJOR(gpu->api_version),
                VK_API_VERSION_MINOR(gpu->api_version), VK_API_VERSION_PATCH(gpu->api_version),
                gpu->driver);
        for (unsigned j = 0; j < VK_UUID_SIZE; j++)
            fprintf(file, "%s%02x", j == 4 || j == 6 || j == 8 || j == 10 ? "-" : "", gpu->uuid[j]);
        fputc('\n', file);
        if (*gpu->pci)
            fprintf(file, "    pci     %s\n", gpu->pci);
        if (*gpus[i].memory_path)
            fprintf(file, "    memory  %s\n", gpus[i].memory_path);
        else
            fprintf(file, "    memory  unusable: %s\n", gpus[i].unusable);
    }
}
