/* SPDX-License-Identifier: MIT */
/*
 * fake-backend DOMAIN-ID HOSTMEM-MIB FIFO [per-blob|foreign]
 *
 * The other end of frontend-shim/ for its tests: a virtio-gpu device that checks what the frontend
 * does and runs no Vulkan, and that misbehaves as told by words in FIFO:
 *
 *   hold      leave SUBMIT_3D unanswered from now on
 *   release   answer what was held, last first, and hold no more
 *   deaf      answer nothing at all any more
 *   reset     ask for a reset
 *   config    announce a change of the configuration
 *   close     go to Closing
 *
 * It prints a line for everything of note; "wrong: ..." is a fault of the frontend.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_gpu.h>

#include "device.h"
#include "domain.h"
#include "store.h"

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

static struct xen_store *store;
static struct xen_path backend, frontend;
static uint32_t domid;

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static uint64_t read_node(const char *node)
{
    uint64_t value = 0;
    const int error = xen_store_read_number(
        store, XEN_STORE_NONE, xen_path("%s/%s", frontend.s, node).s, UINT64_MAX, &value);
    if (error && strcmp(node, "state") != 0)
        say("wrong: node %s: %s", node, strerror(-error));
    return value;
}

static void write_node(const char *node, const char *value)
{
    if (xen_store_write(store, XEN_STORE_NONE, xen_path("%s/%s", backend.s, node).s, value))
        say("node %s cannot be written", node);
}

static void set_state(int state)
{
    char value[8];
    snprintf(value, sizeof(value), "%d", state);
    write_node("state", value);
    say("state %d", state);
}

static void write_nodes(const struct device_options *options)
{
    char value[32];
    snprintf(value, sizeof(value), "%" PRIu64, options->hostmem);
    write_node("hostmem", value);
    write_node("versions", "1");
    write_node("max-pool-pages", "4096");
    write_node("mapping", options->per_blob ? "per-blob" : "window");
    write_node("window", options->foreign ? "foreign" : "grant");
}

/* As Xen's tools do for their devices. */
static void attach(void)
{
    char value[16];
    const struct xen_path nodes[] = {backend, frontend};
    write_node("online", "1");
    write_node("frontend", frontend.s);
    snprintf(value, sizeof(value), "%" PRIu32, domid);
    write_node("frontend-id", value);
    write_node("state", "1");
    xen_store_write(store, XEN_STORE_NONE, xen_path("%s/backend", frontend.s).s, backend.s);
    xen_store_write(store, XEN_STORE_NONE, xen_path("%s/backend-id", frontend.s).s, "0");
    xen_store_write(store, XEN_STORE_NONE, xen_path("%s/state", frontend.s).s, "1");
    for (int i = 0; i < 2; i++) {
        const bool guest = i == 1;
        static const char *const names[] = {
            "",          "/backend",        "/backend-id",  "/state",
            "/online",   "/frontend",       "/frontend-id", "/hostmem",
            "/versions", "/max-pool-pages", "/mapping",     "/window"};
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            xen_store_set_owner(store, XEN_STORE_NONE, xen_path("%s%s", nodes[i].s, names[k]).s,
                                guest ? domid : 0, guest ? 0 : domid);
    }
}

static void raise_memory(uint64_t hostmem)
{
    struct xen_domains *domains = xen_domains_open();
    struct xen_domain_info info;
    if (!domains || xen_domain_info(domains, domid, &info) ||
        xen_domain_set_max_memory(domains, domid, info.memory + hostmem / 1024 + 4096))
        say("the limit of the guest's memory cannot be raised");
    xen_domains_close(domains);
}

/* The references of the window, from the node window-refs. Returns how many there are. */
static size_t read_refs(uint64_t *refs, size_t max)
{
    char text[XEN_STORE_MAX_VALUE + 1], *at = text;
    size_t count = 0;
    if (xen_store_read(store, XEN_STORE_NONE, xen_path("%s/window-refs", frontend.s).s, text,
                       sizeof(text)) < 0)
        return 0;
    while (*at) {
        uint32_t first, number;
        int length;
        if (sscanf(at, "%" SCNu32 "+%" SCNu32 "%n", &first, &number, &length) != 2)
            return 0;
        for (uint32_t i = 0; i < number && count < max; i++)
            refs[count++] = first + i;
        at += length + strspn(at + length, " ");
    }
    return count;
}

static int connect_device(struct device *device, const struct device_options *options)
{
    const size_t pages = options->hostmem / VGPU_PAGE_SIZE;
    struct device_nodes nodes = {
        .domid = domid,
        .control_ref = (uint32_t)read_node("control-ref"),
        .port = (uint32_t)read_node("event-channel"),
        .pool_ref = (uint32_t)read_node("pool-ref"),
        .pool_pages = (uint32_t)read_node("pool-pages"),
        .window_base = read_node("window-base"),
        .window_pages = calloc(pages, sizeof(uint64_t)),
        .zeroed = false,
    };
    char zeroed[4];
    if (read_node("version") != VGPU_PROTOCOL_VERSION)
        say("wrong: version");
    if (options->per_blob) {
        nodes.blob_refs_ref = (uint32_t)read_node("blob-refs-ref");
    } else if (options->foreign) {
        for (size_t i = 0; i < pages; i++)
            nodes.window_pages[i] = nodes.window_base / VGPU_PAGE_SIZE + i;
    } else if (read_refs(nodes.window_pages, pages) != pages) {
        say("wrong: window-refs");
    }
    nodes.zeroed = xen_store_read(store, XEN_STORE_NONE, xen_path("%s/window-zeroed", frontend.s).s,
                                  zeroed, sizeof(zeroed)) > 0;
    say("offered: window at %#" PRIx64 ", zeroed %d, %u pages of pool", nodes.window_base,
        nodes.zeroed, nodes.pool_pages);
    const int error = device_connect(device, options, &nodes);
    free(nodes.window_pages);
    return error;
}

static void obey(struct device *device, const char *word)
{
    if (strcmp(word, "hold") == 0) {
        device_hold(device, true);
    } else if (strcmp(word, "release") == 0) {
        device_hold(device, false);
    } else if (strcmp(word, "deaf") == 0) {
        device->deaf = true;
    } else if (strcmp(word, "reset") == 0) {
        device_ask_for_reset(device);
    } else if (strcmp(word, "config") == 0) {
        device_change_config(device);
    } else if (strcmp(word, "close") == 0) {
        set_state(CLOSING);
    } else {
        say("unknown word %s", word);
    }
}

static void read_words(struct device *device, int fifo)
{
    char words[256];
    const ssize_t size = read(fifo, words, sizeof(words) - 1);
    if (size <= 0)
        return;
    words[size] = 0;
    for (char *word = strtok(words, " \n"); word; word = strtok(NULL, " \n"))
        obey(device, word);
}

static void wait_for_something(struct device *device, bool connected, int fifo)
{
    struct pollfd fds[] = {
        {.fd = fifo, .events = POLLIN},
        {.fd = connected ? device_fd(device) : -1, .events = POLLIN},
    };
    poll(fds, 2, 50);
    if (fds[0].revents & POLLIN)
        read_words(device, fifo);
    if (fds[1].revents & POLLIN)
        device_event(device);
}

/* Follow the frontend's states for ever. */
static void serve(const struct device_options *options, int fifo)
{
    static struct device device;
    bool connected = false;
    set_state(INIT_WAIT);
    for (;;) {
        const uint64_t state = read_node("state");
        if (!connected && state == INITIALISED) {
            const int error = connect_device(&device, options);
            if (error) {
                say("wrong: what was offered cannot be mapped: %s", strerror(-error));
                exit(1);
            }
            connected = true;
            set_state(CONNECTED);
        } else if (connected && state != INITIALISED && state != CONNECTED) {
            device_disconnect(&device);
            connected = false;
            set_state(CLOSED);
        } else if (!connected && state == CLOSED) {
            /* It may come back. */
            while (read_node("state") != INITIALISING)
                usleep(50000);
            set_state(INIT_WAIT);
        }
        wait_for_something(&device, connected, fifo);
    }
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: fake-backend DOMAIN-ID HOSTMEM-MIB FIFO [per-blob|foreign]\n");
        return 2;
    }
    domid = (uint32_t)strtoul(argv[1], NULL, 10);
    const struct device_options options = {
        .hostmem = strtoull(argv[2], NULL, 10) << 20,
        .per_blob = argc > 4 && strcmp(argv[4], "per-blob") == 0,
        .foreign = argc > 4 && strcmp(argv[4], "foreign") == 0,
    };
    /* Also for writing: then it does not end with its first writer. */
    const int fifo = open(argv[3], O_RDWR | O_CLOEXEC);
    store = xen_store_open();
    if (fifo < 0 || !store) {
        perror("fake-backend");
        return 1;
    }
    backend = xen_path("/local/domain/0/backend/vgpu/%" PRIu32 "/0", domid);
    frontend = xen_path("/local/domain/%" PRIu32 "/device/vgpu/0", domid);
    raise_memory(options.hostmem);
    write_nodes(&options);
    /* One that follows another finds the device attached. */
    if (!read_node("state"))
        attach();
    serve(&options, fifo);
}
