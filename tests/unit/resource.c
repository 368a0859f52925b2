/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static int create(struct unit *u, uint32_t res_id, uint64_t blob_id, uint64_t size, uint32_t flags,
                  struct venus_blob *blob)
{
    return venus_context_create_blob(&u->context, res_id, blob_id, size, flags, blob);
}

static void test_shm(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    assert_int_equal(create(u, 5, 0, 5000, VENUS_BLOB_MAPPABLE, &blob), 0);
    assert_int_equal(blob.size, 8192);
    assert_int_equal(blob.cache, VENUS_MAP_CACHED);
    assert_true(fcntl(blob.fd, F_GETFD) & FD_CLOEXEC);

    /* Both sides see the same pages, which are zero at first. */
    struct venus_resource *resource = venus_resource_get(&u->context, 5);
    assert_non_null(resource);
    assert_int_equal(resource->kind, VENUS_RESOURCE_SHM);
    assert_int_equal(resource->shm.size, 8192);
    uint8_t *client = mmap(NULL, blob.size, PROT_READ | PROT_WRITE, MAP_SHARED, blob.fd, 0);
    assert_ptr_not_equal(client, MAP_FAILED);
    close(blob.fd);
    for (size_t i = 0; i < blob.size; i++)
        assert_int_equal(client[i], 0);
    client[8191] = 42;
    uint8_t byte;
    assert_true(venus_shm_read(&resource->shm, 8191, &byte, 1));
    assert_int_equal(byte, 42);
    munmap(client, blob.size);
    venus_resource_put(resource);
}

static void test_bad_blobs(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    static const struct {
        uint32_t res_id;
        uint64_t blob_id, size;
        uint32_t flags;
        int error;
    } bad[] = {
        {0, 0, 4096, VENUS_BLOB_MAPPABLE, -EINVAL},
        {1, 0, 0, VENUS_BLOB_MAPPABLE, -EINVAL},
        {1, 0, 4096, 0, -EINVAL},
        {1, 0, 4096, VENUS_BLOB_MAPPABLE | VENUS_BLOB_SHAREABLE, -EINVAL},
        {1, 0, 4096, UINT32_MAX, -EINVAL},
        {1, 0, UINT64_MAX, VENUS_BLOB_MAPPABLE, -ENOMEM},
        {1, 0, INT64_MAX, VENUS_BLOB_MAPPABLE, -ENOMEM},
        {1, UNIT_MEMORY_ID + 1, 4096, VENUS_BLOB_MAPPABLE, -ENOENT},
        {1, UNIT_MEMORY_ID, UNIT_MEMORY_SIZE + 1, VENUS_BLOB_MAPPABLE, -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        unit_renew(u);
        assert_int_equal(create(u, bad[i].res_id, bad[i].blob_id, bad[i].size, bad[i].flags, &blob),
                         bad[i].error);
        assert_int_equal(blob.fd, -1);
        assert_int_equal(unit_messages, 1);
        assert_false(atomic_load(&u->context.fatal)); /* the context lives on */
        assert_null(venus_resource_get(&u->context, 1));
    }
    assert_int_equal(u->context.resource_count, 0);
}

static void test_id_in_use(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob, second;
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    assert_int_equal(create(u, 1, 0, 8192, VENUS_BLOB_MAPPABLE, &second), -EEXIST);
    assert_int_equal(second.fd, -1);
    assert_int_equal(create(u, 1, UNIT_MEMORY_ID, 4096, VENUS_BLOB_MAPPABLE, &second), -EEXIST);
    struct venus_resource *resource = venus_resource_get(&u->context, 1);
    assert_int_equal(resource->shm.size, 4096);
    assert_int_equal(unit_memory_references, 0);
    venus_resource_put(resource);
    close(blob.fd);
}

static void test_dead_context(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    atomic_store(&u->context.fatal, true);
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), -EIO);
}

static void test_memory(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    assert_int_equal(create(u, 3, UNIT_MEMORY_ID, UNIT_MEMORY_SIZE, VENUS_BLOB_MAPPABLE, &blob), 0);
    assert_int_equal(blob.size, UNIT_MEMORY_SIZE);
    assert_int_equal(blob.cache, VENUS_MAP_WC);
    close(blob.fd);
    struct venus_resource *resource = venus_resource_get(&u->context, 3);
    assert_int_equal(resource->kind, VENUS_RESOURCE_MEMORY);
    assert_null(resource->shm.base); /* never read or written by us */
    const int fd = resource->fd;
    assert_int_equal(venus_context_unref_resource(&u->context, 3), 0);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    assert_int_equal(unit_memory_references, 1);
    venus_resource_put(resource);
    assert_int_equal(unit_memory_references, 0);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed with the last reference */
}

static void test_unref(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    assert_int_equal(venus_context_unref_resource(&u->context, 1), -ENOENT);
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);
    struct venus_resource *resource = venus_resource_get(&u->context, 1);
    assert_false(atomic_load(&resource->gone));
    assert_int_equal(venus_context_unref_resource(&u->context, 1), 0);
    assert_true(atomic_load(&resource->gone));
    assert_null(venus_resource_get(&u->context, 1));
    assert_int_equal(venus_context_unref_resource(&u->context, 1), -ENOENT);
    assert_true(venus_shm_write(&resource->shm, 0, "x", 1)); /* still mapped: we hold it */
    venus_resource_put(resource);
    venus_resource_put(NULL);
    assert_false(atomic_load(&u->context.fatal));
}

static void test_unref_below_a_ring(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);
    struct venus_resource *resource = venus_resource_get(&u->context, 1);
    atomic_fetch_add(&resource->rings, 1);
    assert_int_equal(venus_context_unref_resource(&u->context, 1), 0);
    assert_true(atomic_load(&u->context.fatal));
    assert_int_equal(u->fatal_calls, 1);
    assert_int_equal(unit_messages, 1);
    assert_true(venus_shm_write(&resource->shm, 0, "x", 1));
    venus_resource_put(resource);
}

/* Enough for the hash to grow several times. */
static void test_many(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    for (uint32_t id = 1; id <= 700; id++) {
        assert_int_equal(create(u, id * 64, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
        close(blob.fd);
    }
    for (uint32_t id = 1; id <= 700; id++) {
        struct venus_resource *resource = venus_resource_get(&u->context, id * 64);
        assert_non_null(resource);
        assert_int_equal(resource->id, id * 64);
        venus_resource_put(resource);
        assert_null(venus_resource_get(&u->context, id * 64 + 1));
    }
    for (uint32_t id = 2; id <= 700; id += 2)
        assert_int_equal(venus_context_unref_resource(&u->context, id * 64), 0);
    assert_int_equal(u->context.resource_count, 350);
    venus_resource_put_all(&u->context);
    assert_int_equal(u->context.resource_count, 0);
    assert_null(venus_resource_get(&u->context, 64));
    assert_int_equal(create(u, 64, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);
}

static void test_limit(void **state)
{
    struct unit *u = *state;
    struct venus_blob blob;
    u->context.resource_count = VENUS_MAX_RESOURCES;
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), -ENOSPC);
    assert_int_equal(blob.fd, -1);
    u->context.resource_count = 0;
}

/* A provider without files, as a window slice of a virtual machine is. */
static uint8_t slice[4096];
static int slices;

static int slice_alloc(void *user, uint64_t size, struct venus_pages *pages)
{
    assert_ptr_equal(user, &slices);
    if (size > sizeof(slice))
        return -ENOMEM;
    slices++;
    *pages = (struct venus_pages){.ptr = slice, .size = sizeof(slice), .fd = -1};
    return 0;
}

static void slice_free(void *user, struct venus_pages *pages)
{
    assert_ptr_equal(user, &slices);
    assert_ptr_equal(pages->ptr, slice);
    slices--;
}

static void test_provider_without_files(void **state)
{
    struct unit *u = *state;
    static const struct venus_memory_provider provider = {
        .alloc = slice_alloc, .free = slice_free, .user = &slices};
    struct venus_blob blob;
    u->renderer.memory = &provider;
    assert_int_equal(create(u, 1, 0, 8192, VENUS_BLOB_MAPPABLE, &blob), -ENOMEM);
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    assert_int_equal(blob.fd, -1);
    assert_int_equal(slices, 1);
    assert_int_equal(venus_context_unref_resource(&u->context, 1), 0);
    assert_int_equal(slices, 0);
}

/* Pages that are the caller's, as a slice of a guest's window is. */
static void test_attached_pages(void **state)
{
    struct unit *u = *state;
    static const struct venus_memory_provider owner = {.free = slice_free, .user = &slices};
    const struct venus_pages pages = {.ptr = slice, .size = sizeof(slice), .fd = -1};
    slices = 1;
    assert_int_equal(venus_context_attach_pages(&u->context, 7, &pages, &owner), 0);
    struct venus_resource *resource = venus_resource_get(&u->context, 7);
    assert_non_null(resource);
    assert_int_equal(resource->kind, VENUS_RESOURCE_SHM);
    assert_int_equal(resource->shm.size, sizeof(slice));
    assert_true(venus_shm_write(&resource->shm, 5, "x", 1));
    assert_int_equal(slice[5], 'x');

    /* They are in use until the last reference goes, and are given back once. */
    assert_int_equal(venus_context_unref_resource(&u->context, 7), 0);
    assert_int_equal(slices, 1);
    venus_resource_put(resource);
    assert_int_equal(slices, 0);

    slices = 1;
    assert_int_equal(venus_context_attach_pages(&u->context, 7, &pages, &owner), 0);
    venus_resource_put_all(&u->context);
    assert_int_equal(slices, 0);
}

/* What cannot be attached stays the caller's. */
static void test_bad_pages(void **state)
{
    struct unit *u = *state;
    static const struct venus_memory_provider owner = {.free = slice_free, .user = &slices};
    const struct venus_pages pages = {.ptr = slice, .size = sizeof(slice), .fd = -1};
    const struct venus_pages empty = {.ptr = slice, .fd = -1};
    struct venus_blob blob;
    slices = 1;
    assert_int_equal(venus_context_attach_pages(&u->context, 0, &pages, &owner), -EINVAL);
    assert_int_equal(venus_context_attach_pages(&u->context, 1, &empty, &owner), -EINVAL);
    assert_int_equal(create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob), 0);
    close(blob.fd);
    assert_int_equal(venus_context_attach_pages(&u->context, 1, &pages, &owner), -EEXIST);
    u->context.resource_count = VENUS_MAX_RESOURCES;
    assert_int_equal(venus_context_attach_pages(&u->context, 2, &pages, &owner), -ENOSPC);
    u->context.resource_count = 1;
    assert_int_equal(unit_messages, 4);
    assert_false(atomic_load(&u->context.fatal));
    atomic_store(&u->context.fatal, true);
    assert_int_equal(venus_context_attach_pages(&u->context, 2, &pages, &owner), -EIO);
    assert_int_equal(slices, 1);
}

/* Four threads take and drop references while the owner creates and drops the resource. */
static atomic_bool stop;

static void *take_and_drop(void *arg)
{
    struct unit *u = arg;
    while (!atomic_load(&stop)) {
        struct venus_resource *resource = venus_resource_get(&u->context, 1);
        if (resource)
            venus_shm_write(&resource->shm, 0, "x", 1);
        venus_resource_put(resource);
    }
    return NULL;
}

static void test_race(void **state)
{
    struct unit *u = *state;
    pthread_t threads[4];
    atomic_store(&stop, false);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, u), 0);
    int errors = 0;
    for (int i = 0; i < 2000; i++) {
        struct venus_blob blob;
        errors += create(u, 1, 0, 4096, VENUS_BLOB_MAPPABLE, &blob) != 0;
        close(blob.fd);
        errors += venus_context_unref_resource(&u->context, 1) != 0;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_shm),
        UNIT_TEST(test_bad_blobs),
        UNIT_TEST(test_id_in_use),
        UNIT_TEST(test_dead_context),
        UNIT_TEST(test_memory),
        UNIT_TEST(test_unref),
        UNIT_TEST(test_unref_below_a_ring),
        UNIT_TEST(test_many),
        UNIT_TEST(test_limit),
        UNIT_TEST(test_provider_without_files),
        UNIT_TEST(test_attached_pages),
        UNIT_TEST(test_bad_pages),
        UNIT_TEST(test_race),
    };
    return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
