/* SPDX-License-Identifier: MIT */
/* XenStore, domains, event channels and copies, with libraries of our own in the place of Xen's:
 * what they are asked for, and what becomes of their answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xen/domain.h"
#include "xen/events.h"
#include "xen/grant.h"
#include "xen/store.h"
#include "xen/store_values.h"

#define DOMID 7

static struct {
    int error;         /* with which calls fail; 0: they do not */
    bool silent;       /* they fail without errno */
    bool closed;       /* no library can be opened */
    int open;          /* handles */
    const char *value; /* of the node, or NULL */
    size_t length;
    char written[64]; /* the last node and value */
    struct xs_permissions permissions[2];
    unsigned permission_count;
    bool aborted;
    const char *event; /* its token, or NULL */
    xc_domaininfo_t domain;
    int found; /* domains */
    uint64_t max_memory;
    int16_t grant_status;
    uint32_t grant_frames;
    int port;
    bool restrict_fails;
    xengnttab_grant_copy_segment_t copy;
    int16_t copy_status;
} xen;

static char handle;

static int setup(void **state)
{
    (void)state;
    memset(&xen, 0, sizeof(xen));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return xen.open ? -1 : 0;
}

static void *open_handle(void)
{
    errno = xen.error;
    if (xen.closed)
        return NULL;
    xen.open++;
    return &handle;
}

/* Whether a call goes well; errno is set. */
static bool works(void)
{
    errno = xen.error;
    return !xen.error && !xen.silent;
}

/* ---- libxenstore ---- */

struct xs_handle *xs_open(unsigned long flags)
{
    assert_int_equal(flags, 0);
    return open_handle();
}

void xs_close(struct xs_handle *used)
{
    assert_ptr_equal(used, &handle);
    xen.open--;
}

int xs_fileno(struct xs_handle *used)
{
    assert_ptr_equal(used, &handle);
    return 42;
}

void *xs_read(struct xs_handle *used, xs_transaction_t t, const char *path, unsigned int *length)
{
    (void)used;
    (void)t;
    (void)path;
    if (!works())
        return NULL;
    char *value = malloc(xen.length + 1);
    assert_non_null(value);
    memcpy(value, xen.value, xen.length);
    *length = (unsigned int)xen.length;
    return value;
}

bool xs_write(struct xs_handle *used, xs_transaction_t t, const char *path, const void *data,
              unsigned int length)
{
    (void)used;
    snprintf(xen.written, sizeof(xen.written), "%u %s=%.*s", t, path, (int)length,
             (const char *)data);
    return works();
}

bool xs_mkdir(struct xs_handle *used, xs_transaction_t t, const char *path)
{
    (void)used;
    snprintf(xen.written, sizeof(xen.written), "%u mkdir %s", t, path);
    return works();
}

bool xs_rm(struct xs_handle *used, xs_transaction_t t, const char *path)
{
    (void)used;
    snprintf(xen.written, sizeof(xen.written), "%u rm %s", t, path);
    return works();
}

bool xs_set_permissions(struct xs_handle *used, xs_transaction_t t, const char *path,
                        struct xs_permissions *permissions, unsigned int count)
{
    (void)used;
    (void)t;
    (void)path;
    assert_in_range(count, 1, 2);
    memcpy(xen.permissions, permissions, count * sizeof(*permissions));
    xen.permission_count = count;
    return works();
}

/* As the library does it: names and pointers to them in one piece. */
char **xs_directory(struct xs_handle *used, xs_transaction_t t, const char *path,
                    unsigned int *count)
{
    static const char *const names[] = {"0", "seven", "31", "4294967295", "4294967296", "-1", ""};
    (void)used;
    (void)t;
    (void)path;
    if (!works())
        return NULL;
    char **list = malloc(sizeof(names));
    assert_non_null(list);
    memcpy(list, names, sizeof(names));
    *count = sizeof(names) / sizeof(names[0]);
    return list;
}

xs_transaction_t xs_transaction_start(struct xs_handle *used)
{
    (void)used;
    return works() ? 5 : XBT_NULL;
}

bool xs_transaction_end(struct xs_handle *used, xs_transaction_t t, bool abort)
{
    (void)used;
    assert_int_equal(t, 5);
    xen.aborted = abort;
    return works();
}

bool xs_watch(struct xs_handle *used, const char *path, const char *token)
{
    (void)used;
    snprintf(xen.written, sizeof(xen.written), "watch %s %s", path, token);
    return works();
}

bool xs_unwatch(struct xs_handle *used, const char *path, const char *token)
{
    (void)used;
    snprintf(xen.written, sizeof(xen.written), "unwatch %s %s", path, token);
    return works();
}

char **xs_check_watch(struct xs_handle *used)
{
    (void)used;
    if (!works())
        return NULL;
    char **event = calloc(2, sizeof(*event));
    assert_non_null(event);
    event[XS_WATCH_TOKEN] = (char *)(uintptr_t)xen.event;
    return event;
}

static struct xen_store *open_store(void)
{
    struct xen_store *store = xen_store_open();
    assert_non_null(store);
    assert_int_equal(xen_store_fd(store), 42);
    return store;
}

static int read_value(struct xen_store *store, const char *value, size_t length, char *to,
                      size_t size)
{
    xen.value = value;
    xen.length = length;
    return xen_store_read(store, XEN_STORE_NONE, "/node", to, size);
}

static void test_read(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    char value[8];
    uint64_t number = 1;
    assert_int_equal(read_value(store, "4", 1, value, sizeof(value)), 1);
    assert_string_equal(value, "4");
    assert_int_equal(read_value(store, "", 0, value, sizeof(value)), 0);
    assert_string_equal(value, "");
    assert_int_equal(read_value(store, "1234567", 7, value, sizeof(value)), 7);
    assert_int_equal(read_value(store, "12345678", 8, value, sizeof(value)), -E2BIG);
    assert_int_equal(read_value(store, "a\0b", 3, value, sizeof(value)), -EBADMSG);
    xen.value = "123";
    xen.length = 3;
    assert_int_equal(xen_store_read_number(store, XEN_STORE_NONE, "/node", 123, &number), 0);
    assert_int_equal(number, 123);
    assert_int_equal(xen_store_read_number(store, XEN_STORE_NONE, "/node", 122, &number), -ERANGE);
    xen.error = ENOENT;
    assert_int_equal(xen_store_read(store, XEN_STORE_NONE, "/node", value, 8), -ENOENT);
    assert_int_equal(xen_store_read_number(store, XEN_STORE_NONE, "/node", 9, &number), -ENOENT);
    xen.error = 0;
    xen.silent = true;
    assert_int_equal(xen_store_read(store, XEN_STORE_NONE, "/node", value, 8), -EIO);
    xen_store_close(store);
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_int_equal(xen_store_parse_number("18446744073709551615", UINT64_MAX, &number), 0);
    assert_true(number == UINT64_MAX);
    assert_int_equal(xen_store_parse_number("18446744073709551616", UINT64_MAX, &number), -ERANGE);
    assert_int_equal(xen_store_parse_number("99999999999999999999", UINT64_MAX, &number), -ERANGE);
    assert_int_equal(xen_store_parse_number("", 9, &number), -EBADMSG);
    assert_int_equal(xen_store_parse_number("+1", 9, &number), -EBADMSG);
    assert_int_equal(xen_store_parse_number("1 ", 9, &number), -EBADMSG);
    char name[400];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_string_equal(xen_path("/a/%d", 3).s, "/a/3");
    assert_string_equal(xen_path("/%s", name).s, "/too-long");
}

static void test_write(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    static char large[XEN_STORE_MAX_VALUE + 2];
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(xen_store_write(store, 3, "/node", "value"), 0);
    assert_string_equal(xen.written, "3 /node=value");
    assert_int_equal(xen_store_write_number(store, 3, "/node", UINT64_MAX), 0);
    assert_string_equal(xen.written, "3 /node=18446744073709551615");
    assert_int_equal(xen_store_write(store, 3, "/node", large), -E2BIG);
    large[XEN_STORE_MAX_VALUE] = '\0';
    assert_int_equal(xen_store_write(store, 3, "/node", large), 0);
    assert_int_equal(xen_store_mkdir(store, 4, "/node"), 0);
    assert_string_equal(xen.written, "4 mkdir /node");
    assert_int_equal(xen_store_remove(store, 4, "/node"), 0);
    assert_string_equal(xen.written, "4 rm /node");
    xen.error = ENOENT;
    assert_int_equal(xen_store_remove(store, 4, "/node"), 0); /* gone is gone */
    xen.error = EACCES;
    assert_int_equal(xen_store_remove(store, 4, "/node"), -EACCES);
    assert_int_equal(xen_store_mkdir(store, 4, "/node"), -EACCES);
    assert_int_equal(xen_store_write(store, 3, "/node", "value"), -EACCES);
    assert_int_equal(xen_store_set_owner(store, 3, "/node", 1, 2), -EACCES);
    xen_store_close(store);
}

static void test_owner(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    assert_int_equal(xen_store_set_owner(store, 3, "/node", 7, 0), 0);
    assert_int_equal(xen.permission_count, 2);
    assert_int_equal(xen.permissions[0].id, 7);
    assert_int_equal(xen.permissions[0].perms, XS_PERM_NONE); /* for others */
    assert_int_equal(xen.permissions[1].id, 0);
    assert_int_equal(xen.permissions[1].perms, XS_PERM_READ);
    assert_int_equal(xen_store_set_owner(store, 3, "/node", 7, 7), 0);
    assert_int_equal(xen.permission_count, 1);
    xen_store_close(store);
}

static void test_list(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    uint32_t *numbers;
    assert_int_equal(xen_store_list_numbers(store, XEN_STORE_NONE, "/node", &numbers), 3);
    assert_int_equal(numbers[0], 0);
    assert_int_equal(numbers[1], 31);
    assert_int_equal(numbers[2], UINT32_MAX);
    free(numbers);
    xen.error = ENOENT;
    assert_int_equal(xen_store_list_numbers(store, XEN_STORE_NONE, "/node", &numbers), -ENOENT);
    assert_null(numbers);
    xen_store_close(store);
}

static void test_transactions(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    xen_store_tx tx;
    assert_int_equal(xen_store_begin(store, &tx), 0);
    assert_int_equal(xen_store_commit(store, tx), 0);
    assert_false(xen.aborted);
    xen.error = EAGAIN;
    assert_int_equal(xen_store_commit(store, tx), -EAGAIN);
    xen_store_abort(store, tx);
    assert_true(xen.aborted);
    xen.error = ENOSPC;
    assert_int_equal(xen_store_begin(store, &tx), -ENOSPC);
    xen_store_close(store);
}

static void test_watches(void **state)
{
    (void)state;
    struct xen_store *store = open_store();
    char token[XEN_STORE_MAX_TOKEN], large[2 * XEN_STORE_MAX_TOKEN];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(xen_store_watch(store, "/node", "token"), 0);
    assert_string_equal(xen.written, "watch /node token");
    assert_int_equal(xen_store_watch(store, "/node", large), -E2BIG);
    assert_int_equal(xen_store_unwatch(store, "/node", "token"), 0);
    assert_string_equal(xen.written, "unwatch /node token");
    xen.event = "token";
    assert_int_equal(xen_store_next_event(store, token), 1);
    assert_string_equal(token, "token");
    xen.event = large; /* nothing that we have watched */
    assert_int_equal(xen_store_next_event(store, token), 1);
    assert_int_equal(strlen(token), XEN_STORE_MAX_TOKEN - 1);
    xen.error = EAGAIN;
    assert_int_equal(xen_store_next_event(store, token), 0);
    xen.error = EPIPE;
    assert_int_equal(xen_store_next_event(store, token), -EPIPE);
    assert_int_equal(xen_store_watch(store, "/node", "token"), -EPIPE);
    assert_int_equal(xen_store_unwatch(store, "/node", "token"), -EPIPE);
    xen_store_close(store);
}

/* ---- libxenctrl ---- */

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *builder,
                                unsigned int flags)
{
    (void)logger;
    (void)builder;
    (void)flags;
    return open_handle();
}

int xc_interface_close(xc_interface *used)
{
    assert_ptr_equal(used, &handle);
    xen.open--;
    return 0;
}

int xc_domain_getinfolist(xc_interface *used, uint32_t first, unsigned int most,
                          xc_domaininfo_t *info)
{
    (void)used;
    assert_int_equal(first, DOMID);
    assert_int_equal(most, 1);
    *info = xen.domain;
    return works() ? xen.found : -1;
}

int xc_domain_setmaxmem(xc_interface *used, uint32_t domid, uint64_t memory)
{
    (void)used;
    assert_int_equal(domid, DOMID);
    xen.max_memory = memory;
    return works() ? 0 : -1;
}

int xc_gnttab_query_size(xc_interface *used, struct gnttab_query_size *query)
{
    (void)used;
    assert_int_equal(query->dom, DOMID);
    query->status = xen.grant_status;
    query->max_nr_frames = xen.grant_frames;
    return works() ? 0 : -1;
}

static void test_domains(void **state)
{
    (void)state;
    struct xen_domains *domains = xen_domains_open();
    struct xen_domain_info info;
    uint32_t frames;
    assert_non_null(domains);
    assert_int_equal(xen_domain_info(domains, DOMID, &info), -ESRCH);
    xen.found = 1;
    xen.domain = (xc_domaininfo_t){.domain = DOMID + 1}; /* the next one */
    assert_int_equal(xen_domain_info(domains, DOMID, &info), -ESRCH);
    xen.domain = (xc_domaininfo_t){.domain = DOMID, .max_pages = 300, .tot_pages = 200};
    memset(xen.domain.handle, 0xab, sizeof(xen.domain.handle));
    assert_int_equal(xen_domain_info(domains, DOMID, &info), 0);
    assert_int_equal(info.max_memory, 1200);
    assert_int_equal(info.memory, 800);
    assert_false(info.dying);
    assert_int_equal(info.uuid[15], 0xab);
    xen.domain.flags = XEN_DOMINF_dying;
    assert_int_equal(xen_domain_info(domains, DOMID, &info), 0);
    assert_true(info.dying);

    assert_int_equal(xen_domain_set_max_memory(domains, DOMID, 5000), 0);
    assert_int_equal(xen.max_memory, 5000);
    xen.grant_frames = 64;
    assert_int_equal(xen_domain_max_grant_frames(domains, DOMID, &frames), 0);
    assert_int_equal(frames, 64);
    xen.grant_status = GNTST_bad_domain;
    assert_int_equal(xen_domain_max_grant_frames(domains, DOMID, &frames), -ESRCH);
    xen.grant_status = GNTST_permission_denied;
    assert_int_equal(xen_domain_max_grant_frames(domains, DOMID, &frames), -EPERM);

    xen.error = EACCES;
    assert_int_equal(xen_domain_info(domains, DOMID, &info), -EACCES);
    assert_int_equal(xen_domain_set_max_memory(domains, DOMID, 1), -EACCES);
    assert_int_equal(xen_domain_max_grant_frames(domains, DOMID, &frames), -EACCES);
    xen.error = 0;
    xen.silent = true;
    assert_int_equal(xen_domain_set_max_memory(domains, DOMID, 1), -EIO);
    xen_domains_close(domains);
}

/* ---- libxenevtchn ---- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger;
    (void)flags;
    return open_handle();
}

int xenevtchn_close(xenevtchn_handle *used)
{
    assert_ptr_equal(used, &handle);
    xen.open--;
    errno = EBADF; /* nobody's business */
    return 0;
}

int xenevtchn_restrict(xenevtchn_handle *used, domid_t domid)
{
    (void)used;
    assert_int_equal(domid, DOMID);
    errno = EOPNOTSUPP;
    return xen.restrict_fails ? -1 : 0;
}

int xenevtchn_fd(xenevtchn_handle *used)
{
    (void)used;
    return 43;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *used, uint32_t domid,
                                                     evtchn_port_t port)
{
    (void)used;
    assert_int_equal(domid, DOMID);
    assert_int_equal(port, 21);
    return works() ? 90 : -1;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *used)
{
    (void)used;
    return works() ? 90 : -1;
}

int xenevtchn_unmask(xenevtchn_handle *used, evtchn_port_t port)
{
    (void)used;
    xen.port = (int)port;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *used, evtchn_port_t port)
{
    (void)used;
    xen.port = (int)port;
    return works() ? 0 : -1;
}

static void test_events(void **state)
{
    (void)state;
    struct xen_events *events = xen_events_open(DOMID);
    assert_non_null(events);
    assert_int_equal(xen_events_fd(events), 43);
    assert_int_equal(xen_events_bind(events, DOMID, 21), 0);
    assert_int_equal(xen_events_notify(events), 0);
    assert_int_equal(xen.port, 90);
    xen.port = 0;
    assert_int_equal(xen_events_take(events), 0);
    assert_int_equal(xen.port, 90); /* the next one can come */
    xen.error = ESRCH;
    assert_int_equal(xen_events_take(events), -ESRCH);
    assert_int_equal(xen_events_notify(events), -ESRCH);
    assert_int_equal(xen_events_bind(events, DOMID, 21), -ESRCH);
    xen_events_close(events);
    /* A descriptor that would reach every domain is none. */
    xen.error = 0;
    xen.restrict_fails = true;
    assert_null(xen_events_open(DOMID));
    assert_int_equal(errno, EOPNOTSUPP);
}

/* ---- libxengnttab ---- */

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
    (void)logger;
    (void)flags;
    return open_handle();
}

int xengnttab_close(xengnttab_handle *used)
{
    assert_ptr_equal(used, &handle);
    xen.open--;
    return 0;
}

int xengnttab_grant_copy(xengnttab_handle *used, uint32_t count,
                         xengnttab_grant_copy_segment_t *segments)
{
    (void)used;
    assert_int_equal(count, 1);
    xen.copy = *segments;
    segments->status = xen.copy_status;
    return works() ? 0 : -1;
}

static void test_copies(void **state)
{
    (void)state;
    struct xen_grants *grants = xen_grants_open(DOMID);
    char bytes[16];
    assert_non_null(grants);
    assert_int_equal(xen_grants_copy_from(grants, 9, 4080, bytes, 16), 0);
    assert_int_equal(xen.copy.flags, GNTCOPY_source_gref);
    assert_int_equal(xen.copy.len, 16);
    assert_int_equal(xen.copy.source.foreign.ref, 9);
    assert_int_equal(xen.copy.source.foreign.offset, 4080);
    assert_int_equal(xen.copy.source.foreign.domid, DOMID);
    assert_ptr_equal(xen.copy.dest.virt, bytes);
    assert_int_equal(xen_grants_copy_to(grants, 8, 0, bytes, 1), 0);
    assert_int_equal(xen.copy.flags, GNTCOPY_dest_gref);
    assert_int_equal(xen.copy.dest.foreign.ref, 8);
    assert_ptr_equal(xen.copy.source.virt, bytes);

    memset(&xen.copy, 0, sizeof(xen.copy));
    assert_int_equal(xen_grants_copy_from(grants, 9, 4081, bytes, 16), -EINVAL);
    assert_int_equal(xen_grants_copy_from(grants, 9, 4097, bytes, 0), -EINVAL);
    assert_int_equal(xen_grants_copy_from(grants, 9, UINT32_MAX, bytes, 16), -EINVAL);
    assert_int_equal(xen_grants_copy_to(grants, 9, 0, bytes, SIZE_MAX), -EINVAL);
    assert_int_equal(xen_grants_copy_to(grants, 9, 4096, bytes, 0), 0);
    assert_int_equal(xen.copy.len, 0); /* Xen was not asked */
    xen.copy_status = GNTST_bad_gntref;
    assert_int_equal(xen_grants_copy_to(grants, 9, 0, bytes, 16), -EFAULT);
    xen.error = ENOMEM;
    assert_int_equal(xen_grants_copy_to(grants, 9, 0, bytes, 16), -ENOMEM);
    xen_grants_close(grants);
}

/* ---- nothing there ---- */

static void test_closed(void **state)
{
    (void)state;
    xen.closed = true;
    xen.error = EACCES;
    assert_null(xen_store_open());
    assert_int_equal(errno, EACCES);
    assert_null(xen_domains_open());
    assert_int_equal(errno, EACCES);
    assert_null(xen_events_open(DOMID));
    assert_int_equal(errno, EACCES);
    assert_null(xen_grants_open(DOMID));
    assert_int_equal(errno, EACCES);
    xen.error = 0; /* some do not say why */
    assert_null(xen_store_open());
    assert_int_equal(errno, ENOENT);
    assert_null(xen_domains_open());
    assert_int_equal(errno, ENODEV);
    xen_store_close(NULL);
    xen_domains_close(NULL);
    xen_events_close(NULL);
    xen_grants_close(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read),   TEST(test_numbers),      TEST(test_write),   TEST(test_owner),
        TEST(test_list),   TEST(test_transactions), TEST(test_watches), TEST(test_domains),
        TEST(test_events), TEST(test_copies),       TEST(test_closed),
    };
    return cmocka_run_group_tests_name("xen-libraries", tests, NULL, NULL);
}
