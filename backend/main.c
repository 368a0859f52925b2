/* SPDX-License-Identifier: MIT */
/* xen-venusd: options, the choice of the GPU, and then the server. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_codes.h"
#include "gpus.h"
#include "log.h"
#include "options.h"
#include "vtest_server.h"
#include "xen_service.h"

static int list_gpus(const struct options *options)
{
    struct backend_gpu *gpus;
    int count;
    const int result = backend_gpus_probe(options->validate, &gpus, &count);
    if (result != BACKEND_EXIT_OK)
        return result;
    if (!count)
        backend_log(VENUS_LOG_ERROR, "Vulkan works but finds no GPU");
    backend_gpus_print(stdout, gpus, count);
    free(gpus);
    return count ? BACKEND_EXIT_OK : BACKEND_EXIT_GPU;
}

/* Find the usable GPUs, or the one that --gpu names if it is: *offered is the caller's to free. It
 * is an error when there is none. */
static int choose_gpus(const struct options *options, struct venus_gpu **offered, uint32_t *usable)
{
    struct backend_gpu *gpus;
    int count;
    int result = backend_gpus_probe(options->validate, &gpus, &count);
    if (result != BACKEND_EXIT_OK)
        return result;
    *usable = 0;
    *offered = calloc(count + 1, sizeof(**offered));
    if (!*offered) {
        backend_log(VENUS_LOG_ERROR, "out of memory");
        free(gpus);
        return BACKEND_EXIT_ERROR;
    }
    const struct backend_gpu *gpu =
        options->gpu ? backend_gpu_select(gpus, count, options->gpu) : NULL;
    for (int i = 0; i < count; i++) {
        if (options->gpu && &gpus[i] != gpu)
            continue;
        if (*gpus[i].memory_path) {
            backend_log(VENUS_LOG_INFO, "GPU %d: %s", i, gpus[i].gpu.name);
            (*offered)[(*usable)++] = gpus[i].gpu;
        } else {
            backend_log(VENUS_LOG_WARNING, "GPU %d: %s: unusable: %s", i, gpus[i].gpu.name,
                        gpus[i].unusable);
        }
    }
    if (!*usable) {
        free(*offered);
        result = BACKEND_EXIT_GPU;
        if (!count)
            backend_log(VENUS_LOG_ERROR, "Vulkan works but finds no GPU");
        else if (!options->gpu || gpu)
            backend_log(VENUS_LOG_ERROR, "no GPU can be offered to clients");
    }
    free(gpus);
    return result;
}

static int serve_vtest(const struct options *options)
{
    struct venus_gpu *gpus;
    uint32_t count;
    int result = choose_gpus(options, &gpus, &count);
    if (result != BACKEND_EXIT_OK)
        return result;
    const struct vtest_server_params params = {
        .path = options->vtest_path,
        .max_clients = options->max_clients,
        .gpu_uuid = options->gpu ? gpus->uuid : NULL,
        .gpus = gpus,
        .gpu_count = count,
        .validate = options->validate,
    };
    result = vtest_server_run(&params);
    free(gpus);
    return result;
}

static int serve_xen(const struct options *options)
{
#ifdef HAVE_XEN
    const struct xen_service_params params = {
        .folder = XEN_SERVICE_FOLDER,
        .config_dirs = options->config_dirs,
        .config_dir_count = options->config_dir_count,
        .control_path = options->control_path,
        .user = options->user,
        .gpu = options->gpu,
        .validate = options->validate,
    };
    return xen_service_run(&params);
#else
    (void)options;
    return BACKEND_EXIT_USAGE; /* which options_parse() has said */
#endif
}

int main(int argc, char **argv)
{
    struct options options;
    if (!options_parse(&options, argc, argv))
        return BACKEND_EXIT_USAGE;
    backend_log_init(options.log_level);
    /* A client may close its end of anything at any time: an error of the write, not our end. */
    signal(SIGPIPE, SIG_IGN);
    switch (options.mode) {
    case OPTIONS_HELP:
        options_print_help();
        break;
    case OPTIONS_VERSION:
        puts("xen-venusd " PACKAGE_VERSION);
        break;
    case OPTIONS_LIST_GPUS:
        return list_gpus(&options);
    case OPTIONS_VTEST:
        return serve_vtest(&options);
    case OPTIONS_XEN:
        return serve_xen(&options);
    }
    /* Whoever reads the text should not take half of it for all. */
    return fflush(stdout) ? BACKEND_EXIT_ERROR : BACKEND_EXIT_OK;
}
