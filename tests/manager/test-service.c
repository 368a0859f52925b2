/* SPDX-License-Identifier: MIT */
/* What the daemon does as a service: one at a time, readiness for systemd, and the whole of it. */
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit_codes.h"
#include "null.h"
#include "vulkan_loader.h"
#include "world.h"
#include "xen_service.h"

static int setup(void **state)
{
    return world_setup(state);
}

static void test_lock(void **state)
{
    (void)state;
    char text[100];
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t first = fork();
    if (!first) {
        if (xen_service_lock(file_path("lock")))
            (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], text, 1), 1);
    assert_false(xen_service_lock(file_path("lock")));
    snprintf(text, sizeof(text), "another xen-venusd is running (process %d, ", first);
    assert_logged(text);
    /* It ends with the process, however that ends. */
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    assert_true(xen_service_lock(file_path("lock")));
    assert_false(xen_service_lock(file_path("missing/lock")));
    assert_logged("missing/lock: No such file or directory");
    close(ready[0]);
    close(ready[1]);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const socklen_t size = sizeof(sa_family_t) + strlen(path);
    strcpy(address.sun_path, path);
    if (*path == '@')
        address.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void test_notify(void **state)
{
    (void)state;
    char abstract[64], text[32];
    snprintf(abstract, sizeof(abstract), "@xen-venus-test-%d", (int)getpid());
    const char *const paths[] = {file_path("notify"), abstract};
    for (int i = 0; i < 2; i++) {
        const int fd = listen_at(paths[i]);
        setenv("NOTIFY_SOCKET", paths[i], 1);
        xen_service_notify("READY=1");
        const ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
        assert_true(n > 0);
        text[n] = '\0';
        assert_string_equal(text, "READY=1");
        close(fd);
    }
    /* Nobody there is no reason not to serve. */
    xen_service_notify("READY=1");
    assert_logged("cannot tell systemd \"READY=1\"");
    log_capture();
    unsetenv("NOTIFY_SOCKET");
    xen_service_notify("READY=1");
    assert_not_logged("systemd");
}

/* ---- the user; these two stand for the C library's ---- */

static uid_t our_user;
static const char *known_user; /* or NULL */

uid_t geteuid(void)
{
    return our_user;
}

struct passwd *getpwnam(const char *name)
{
    static struct passwd entry;
    if (!known_user || strcmp(name, known_user))
        return NULL;
    entry = (struct passwd){.pw_uid = strcmp(name, "root") ? 123 : 0};
    return &entry;
}

/* So does this for the system's Vulkan: a driver that may not be there, or share no memory. */
static bool no_driver, no_extensions;

static VKAPI_ATTR VkResult VKAPI_CALL enumerate_nothing(VkPhysicalDevice gpu, const char *layer,
                                                        uint32_t *count,
                                                        VkExtensionProperties *properties)
{
    (void)gpu;
    (void)layer;
    (void)properties;
    *count = 0;
    return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_nothing(const VkInstanceCreateInfo *info,
                                                     const VkAllocationCallbacks *allocator,
                                                     VkInstance *instance)
{
    (void)info;
    (void)allocator;
    (void)instance;
    return VK_ERROR_INCOMPATIBLE_DRIVER;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL get_function(VkInstance instance, const char *name)
{
    if (no_extensions && !strcmp(name, "vkEnumerateDeviceExtensionProperties"))
        return (PFN_vkVoidFunction)enumerate_nothing;
    if (no_driver && !strcmp(name, "vkCreateInstance"))
        return (PFN_vkVoidFunction)create_nothing;
    return null_vkGetInstanceProcAddr(instance, name);
}

PFN_vkGetInstanceProcAddr backend_vulkan_load(void)
{
    return get_function;
}

static void test_user(void **state)
{
    (void)state;
    static const struct {
        uid_t our;
        const char *known, *wanted, *user, *logged; /* NULL: nothing is */
        bool ok;
    } cases[] = {
        {0, "xen-venus", NULL, "xen-venus", NULL, true},
        {0, "games", "games", "games", NULL, true},
        {0, "games", "xen-venus", NULL, "--user=xen-venus: there is no such user", false},
        /* Nobody stays root unasked. */
        {0, NULL, NULL, NULL, "there is no user xen-venus", false},
        {0, "root", NULL, NULL, "there is no user xen-venus", false},
        {0, "root", "root", "root", "--user=root: guests' processes stay root", true},
        {1000, NULL, NULL, NULL, NULL, true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *user = "unset";
        log_capture();
        our_user = cases[i].our;
        known_user = cases[i].known;
        assert_int_equal(xen_service_choose_user(cases[i].wanted, &user), cases[i].ok);
        if (cases[i].user)
            assert_string_equal(user, cases[i].user);
        else
            assert_null(user);
        if (cases[i].logged)
            assert_logged(cases[i].logged);
        else
            assert_not_logged("user");
    }
}

/* ---- the whole service ---- */

static struct xen_service_params service;

static int setup_service(void **state)
{
    static char lock_folder[96], control[96];
    setup(state);
    snprintf(lock_folder, sizeof(lock_folder), "%s/run", folder);
    snprintf(control, sizeof(control), "%s/control", folder);
    our_user = 1000;
    known_user = NULL;
    no_driver = no_extensions = false;
    service = (struct xen_service_params){
        .folder = lock_folder,
        .config_dirs = manager_params.config_dirs,
        .config_dir_count = 1,
        .control_path = control,
    };
    return 0;
}

/* It leaves signals blocked and files open: in a process of its own. */
static pid_t start_service(void)
{
    const pid_t pid = fork();
    if (!pid)
        _exit(xen_service_run(&service));
    assert_true(pid > 0);
    return pid;
}

static int service_status(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_service(int status, const char *text)
{
    log_capture();
    assert_int_equal(service_status(start_service()), status);
    assert_logged(text);
}

static void next_state(int fd, const char *state)
{
    char text[32];
    const ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, state);
}

static void test_service(void **state)
{
    (void)state;
    const struct timeval limit = {.tv_sec = 20};
    const int fd = listen_at(file_path("notify"));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    setenv("NOTIFY_SOCKET", file_path("notify"), 1);
    const pid_t pid = start_service();
    next_state(fd, "READY=1");
    assert_logged("GPU 0: ");
    assert_logged("serving Xen guests; control socket ");
    assert_int_equal(access(service.control_path, F_OK), 0);
    /* One at a time. */
    check_service(BACKEND_EXIT_XEN, "another xen-venusd is running");
    kill(pid, SIGTERM);
    next_state(fd, "STOPPING=1");
    assert_int_equal(service_status(pid), BACKEND_EXIT_OK);
    assert_int_equal(access(service.control_path, F_OK), -1);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

static void test_no_service(void **state)
{
    char text[128];
    (void)state;
    service.gpu = "no such GPU";
    check_service(BACKEND_EXIT_GPU, "--gpu=no such GPU: no GPU matches");
    service.gpu = NULL;
    service.user = "nobody like this";
    check_service(BACKEND_EXIT_USAGE, "--user=nobody like this: there is no such user");
    service.user = NULL;
    no_extensions = true;
    check_service(BACKEND_EXIT_GPU, "no GPU can be offered to guests");
    assert_logged("unusable: its memory can be neither imported");
    no_driver = true;
    check_service(BACKEND_EXIT_VULKAN, "no Vulkan driver is installed");
    no_driver = no_extensions = false;
    service.validate = true; /* the null driver has no layers */
    check_service(BACKEND_EXIT_VULKAN, "--validate: the layer VK_LAYER_KHRONOS_validation is not");
    service.validate = false;
    fake_store_broken = true;
    check_service(BACKEND_EXIT_XEN, "cannot connect to xenstore: No such file or directory");
    fake_store_broken = false;
    service.folder = "/proc/self/no-such-folder/run";
    snprintf(text, sizeof(text), "%s: No such file or directory", service.folder);
    check_service(BACKEND_EXIT_XEN, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_lock, setup),
        cmocka_unit_test_setup(test_notify, setup),
        cmocka_unit_test_setup(test_user, setup),
        cmocka_unit_test_setup(test_service, setup_service),
        cmocka_unit_test_setup(test_no_service, setup_service),
    };
    return cmocka_run_group_tests_name("service", tests, folder_setup, folder_teardown);
}
