/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <unistd.h>

#include "exit_codes.h"

struct xen_manager *manager;
struct xen_manager_params manager_params;

static const struct backend_gpu gpus[WORLD_GPUS] = {
    {.gpu = {.name = "llvmpipe (LLVM 15)", .type = VK_PHYSICAL_DEVICE_TYPE_CPU, .uuid = {1}},
     .memory_path = "host-import"},
    {.gpu = {.name = "Radeon",
             .type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
             .uuid = {2},
             .pci = "0000:03:00.0"},
     .memory_path = "dma-buf"},
    {.gpu = {.name = "Slow", .type = VK_PHYSICAL_DEVICE_TYPE_CPU, .uuid = {3}},
     .memory_path = "dma-buf"},
    {.gpu = {.name = "Broken", .type = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU},
     .unusable = "no memory to share"},
};

void start_manager(void)
{
    assert_null(manager);
    assert_int_equal(xen_manager_create(&manager_params, &manager), BACKEND_EXIT_OK);
}

void crash_manager(void)
{
    xen_manager_destroy(manager);
    manager = NULL;
}

int world_setup(void **state)
{
    static const char *folders[1];
    (void)state;
    setlinebuf(stdout); /* a process that is forked must not print it again */
    clear_folder();
    folders[0] = folder;
    fake_store_reset();
    fake_xen_reset();
    node_set("/local/domain/0/domid", "0");
    manager_params = (struct xen_manager_params){
        .config_dirs = folders,
        .config_dir_count = 1,
        .gpus = gpus,
        .gpu_count = 1, /* only software */
    };
    backend_log_init(VENUS_LOG_DEBUG);
    log_capture();
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    crash_manager();
    return 0;
}

void run_for(int ms)
{
    const int64_t end = backend_now_ms() + ms;
    while (backend_now_ms() < end)
        assert_true(xen_manager_step(manager, end));
}

void fail_after_log(const char *what)
{
    log_show();
    fail_msg("%s", what);
}

void put_config(const char *name, const char *gpu)
{
    char file[80], text[1024];
    snprintf(file, sizeof(file), "%s.cfg", name);
    snprintf(text, sizeof(text), "name = \"%s\"\nmemory = 1024\ngpu = [ %s ]\n", name, gpu);
    put_file(file, text);
}

struct fake_domain *add_guest(uint32_t domid, const char *name)
{
    struct fake_domain *domain = fake_domain_add(domid);
    node_set(xen_path("/local/domain/%u/name", domid).s, name);
    node_set(xen_path("/local/domain/%u/device", domid).s, "");
    node_set(xen_path("/libxl/%u", domid).s, "");
    node_fire("@introduceDomain");
    return domain;
}

void remove_home(uint32_t domid)
{
    node_remove(xen_path("/local/domain/%u", domid).s);
}

void destroy_guest(uint32_t domid)
{
    remove_home(domid);
    fake_domain_find(domid)->domid = 0;
    node_fire("@releaseDomain");
}

static const char *keep(struct xen_path path)
{
    static struct xen_path paths[8];
    static unsigned next;
    paths[next % 8] = path;
    return paths[next++ % 8].s;
}

const char *fe(uint32_t devid, const char *name)
{
    return keep(xen_path("/local/domain/7/device/vgpu/%u%s%s", devid, *name ? "/" : "", name));
}

const char *be(uint32_t devid, const char *name)
{
    return keep(xen_path("/local/domain/0/backend/vgpu/7/%u%s%s", devid, *name ? "/" : "", name));
}

const char *own(uint32_t devid, const char *name)
{
    return keep(xen_path("/local/domain/0/xen-venus/7/%u%s%s", devid, *name ? "/" : "", name));
}

const char *hold(uint32_t devid, const char *name)
{
    return keep(xen_path("/local/domain/0/backend/none/7/%u%s%s", devid, *name ? "/" : "", name));
}

bool is(const char *path, const char *value)
{
    const char *now = node_get(path);
    return now && !strcmp(now, value);
}

void expect(const char *path, const char *value)
{
    const char *now = node_get(path);
    if (!now && value)
        fail_msg("%s is not there; it should be \"%s\"", path, value);
    if (now && (!value || strcmp(now, value)))
        fail_msg("%s is \"%s\", not \"%s\"", path, now, value ? value : "(none)");
}

void frontend_prepares(uint32_t devid)
{
    static const char *const nodes[][2] = {
        {"version", "1"},
        {"control-ref", "8"},
        {"event-channel", "21"},
        {"pool-ref", "100"},
        {"pool-pages", "64"},
        {"window-base", "1099226415104"},
        {"window-refs", "1000+500 4294967284+12"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(nodes); i++)
        node_set(fe(devid, nodes[i][0]), nodes[i][1]);
}

void frontend_connects(uint32_t devid)
{
    frontend_prepares(devid);
    node_set(fe(devid, "state"), "3");
}

void offered_guest(const char *gpu)
{
    put_config("guest", gpu);
    add_guest(7, "guest");
    start_manager();
    RUN_UNTIL(is(be(0, "state"), "2"));
}

void connected_guest(const char *gpu)
{
    offered_guest(gpu);
    frontend_connects(0);
    RUN_UNTIL(is(be(0, "state"), "4"));
}
