/* SPDX-License-Identifier: MIT */
/* Finding a domain's configuration in folders like /etc/xen. */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "config_files.h"
#include "log.h"

static enum config_files_result find(const char *domain, struct domain_config *config,
                                     struct reason *reason)
{
    char folder_auto[80];
    snprintf(folder_auto, sizeof(folder_auto), "%s/auto", folder);
    const char *const folders[] = {folder, folder_auto};
    *reason = (struct reason){0};
    return config_files_find(folders, 2, domain, config, reason);
}

static void find_gpus(const char *domain, int count, const char *first)
{
    struct domain_config config;
    struct reason reason;
    const enum config_files_result result = find(domain, &config, &reason);
    if (result != CONFIG_FILES_FOUND)
        fail_msg("%s not found: %s", domain, reason.text);
    assert_int_equal(config.gpu_count, count);
    if (count)
        assert_string_equal(config.gpus[0], first);
    domain_config_finish(&config);
}

static void find_none(const char *domain)
{
    struct domain_config config;
    struct reason reason;
    assert_int_equal(find(domain, &config, &reason), CONFIG_FILES_NONE);
    assert_null(config.path);
    domain_config_finish(&config);
}

static void find_error(const char *domain, const char *why)
{
    struct domain_config config;
    struct reason reason;
    assert_int_equal(find(domain, &config, &reason), CONFIG_FILES_ERROR);
    if (!strstr(reason.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, reason.text);
    assert_null(config.path);
    domain_config_finish(&config);
}

static int setup(void **state)
{
    (void)state;
    clear_folder();
    backend_log_init(VENUS_LOG_DEBUG);
    log_capture();
    return mkdir(file_path("auto"), 0700);
}

static void test_found(void **state)
{
    (void)state;
    put_file("a.cfg", "name = \"guest-a\"\nmemory = 512\ngpu = [ \"hostmem=512M,venus=1\" ]\n");
    put_file("b", "# b\nname='guest-b'\ngpu=['venus=0',\n  \"hostmem=2M\", ]\n");
    put_file("c.cfg", "name = \"guest-c\"\nvif = [ 'bridge=xenbr0' ]");
    put_file("auto/d.cfg", "name=\"guest-d\"\ngpu = []\n");
    put_file("auto/e.cfg", "gpu = [ 'venus=1' ]\ngpu += [ 'venus=0' ]\nname=\"guest-e\"");
    find_gpus("guest-a", 1, "hostmem=512M,venus=1");
    find_gpus("guest-b", 2, "venus=0");
    find_gpus("guest-c", 0, NULL);
    find_gpus("guest-d", 0, NULL);
    find_gpus("guest-e", 2, "venus=1");
    find_none("guest-f");
    find_none("guest");
    find_none("");
}

static void test_same_file_twice(void **state)
{
    (void)state;
    put_file("a.cfg", "name = \"guest\"\ngpu = [ \"venus=1\" ]\n");
    assert_int_equal(symlink("../a.cfg", file_path("auto/a.cfg")), 0);
    assert_int_equal(symlink("a.cfg", file_path("z.cfg")), 0);
    find_gpus("guest", 1, "venus=1");
}

static void test_ambiguous(void **state)
{
    (void)state;
    put_file("a.cfg", "name = \"guest\"\n");
    put_file("b.cfg", "name = \"guest\"\n");
    find_gpus("guest", 0, NULL);
    put_file("b.cfg", "name = \"guest\"\ngpu = [ \"\" ]\n");
    find_error("guest", "a.cfg and ");
    find_error("guest", "b.cfg have name = \"guest\"; remove or rename one");
    unlink(file_path("a.cfg"));
    find_gpus("guest", 1, "");
    put_file("b.cfg~", "name = \"guest\"\n");
    put_file(".b.cfg.swp", "name = \"guest\"\n");
    put_file("b.cfg.dpkg-old", "name = \"guest\"\n");
    find_gpus("guest", 1, "");
    assert_logged("b.cfg~: passed over, a backup or hidden");
}

static void test_wrong_gpu(void **state)
{
    (void)state;
    put_file("a.cfg", "name = \"guest\"\ngpu = \"hostmem=512M\"\n");
    find_error("guest", "a.cfg: gpu is not a list; write gpu = [ \"hostmem=512M\" ]");
    put_file("a.cfg", "name = \"guest\"\ngpu = [ \"venus=1\", [ \"venus=1\" ] ]\n");
    find_error("guest", "a.cfg: gpu[1] is not a string");
    put_file("a.cfg", "name = \"guest\"\ngpu = [ \"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\" ]\n");
    find_error("guest", "a.cfg: gpu has 9 entries; at most 8 are allowed");
    /* Somebody else's mistake is not this domain's. */
    find_none("other");
}

/* None of these keeps the good file from being found. */
static void test_passed_over(void **state)
{
    (void)state;
    put_file("good.cfg", "name = \"guest\"\ngpu = [ \"venus=1\" ]\n");
    put_file("broken.cfg", "memory = 1\n  name = \"guest\"\nmemory = [ 1,\n");
    put_file("README", "This folder has the configurations of guests.\n");
    put_file("xl.conf", "autoballoon=\"auto\"\n");
    put_file("empty", "");
    assert_int_equal(symlink("nowhere", file_path("dangling.cfg")), 0);
    assert_int_equal(mkfifo(file_path("fifo"), 0600), 0);
    FILE *file = fopen(file_path("binary"), "we");
    assert_non_null(file);
    assert_int_equal(fwrite("name = \"guest\"\n\0\1\2", 1, 18, file), 18);
    fclose(file);
    char *big = malloc((1 << 20) + 2);
    assert_non_null(big);
    memset(big, '\n', (1 << 20) + 1);
    big[(1 << 20) + 1] = '\0';
    put_file("big", big);
    free(big);
    find_gpus("guest", 1, "venus=1");
    assert_logged("warning: ");
    assert_logged("broken.cfg: passed over, cannot be parsed: ");
    assert_logged("dangling.cfg: passed over: No such file or directory");
    assert_logged("/fifo: passed over, not a text file");
    assert_logged("/binary: passed over, not a text file");
    assert_logged("/big: passed over, not a text file");
    assert_logged("/xl.conf: passed over, has no name");
    /* Obviously no guest's: not worth a warning. */
    log_capture();
    backend_log_init(VENUS_LOG_WARNING);
    find_gpus("guest", 1, "venus=1");
    assert_logged("broken.cfg");
    assert_logged("dangling.cfg");
    assert_not_logged("README");
    assert_not_logged("xl.conf");
    assert_not_logged("binary");
}

static void test_unreadable(void **state)
{
    (void)state;
    put_file("good.cfg", "name = \"guest\"\n");
    put_file("secret.cfg", "name = \"other\"\n");
    assert_int_equal(chmod(file_path("secret.cfg"), 0), 0);
    find_gpus("guest", 0, NULL);
    if (geteuid())
        assert_logged("secret.cfg: passed over: Permission denied");
    struct domain_config config;
    struct reason reason;
    static const char *const folders[] = {"/nonexistent/xen", "/dev/null"};
    assert_int_equal(config_files_find(folders, 2, "guest", &config, &reason), CONFIG_FILES_NONE);
    assert_logged("debug: /nonexistent/xen: passed over: No such file or directory");
    assert_logged("warning: /dev/null: passed over: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_found, setup),
        cmocka_unit_test_setup(test_same_file_twice, setup),
        cmocka_unit_test_setup(test_ambiguous, setup),
        cmocka_unit_test_setup(test_wrong_gpu, setup),
        cmocka_unit_test_setup(test_passed_over, setup),
        cmocka_unit_test_setup(test_unreadable, setup),
    };
    return cmocka_run_group_tests_name("config-files", tests, folder_setup, folder_teardown);
}
