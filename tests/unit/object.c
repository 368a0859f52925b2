/* SPDX-License-Identifier: MIT */
#include "unit.h"

/* The table looks only at the address of a device. */
static char device_a, device_b;
#define DEVICE_A ((struct venus_device *)(void *)&device_a)
#define DEVICE_B ((struct venus_device *)(void *)&device_b)

static int table_setup(void **state)
{
    static struct venus_object_table table;
    *state = &table;
    return venus_object_table_init(&table);
}

static int table_teardown(void **state)
{
    venus_object_table_finish(*state);
    venus_object_table_finish(*state); /* twice is fine */
    return 0;
}

static enum venus_object_error add(struct venus_object_table *table, enum venus_object_type type,
                                   uint64_t id, struct venus_object *pool,
                                   struct venus_object **out)
{
    return venus_object_add(table, type, id, id + 1, DEVICE_A, pool, NULL, out);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(venus_object_type_name(VENUS_OBJECT_Buffer), "VkBuffer");
    assert_string_equal(venus_object_type_name(VENUS_OBJECT_CommandBuffer), "VkCommandBuffer");
    for (int type = 0; type < VENUS_OBJECT_TYPE_COUNT; type++)
        assert_non_null(venus_object_type_name((enum venus_object_type)type));
    assert_non_null(venus_object_type_name(VENUS_OBJECT_TYPE_COUNT));
}

static void test_add_find_remove(void **state)
{
    struct venus_object_table *table = *state;
    struct venus_object *o = NULL;
    int mine;
    assert_null(venus_object_find(table, 0));
    assert_null(venus_object_find(table, 5));
    assert_int_equal(venus_object_add(table, VENUS_OBJECT_Buffer, 5, 50, DEVICE_A, NULL, &mine, &o),
                     VENUS_OBJECT_OK);
    assert_ptr_equal(venus_object_find(table, 5), o);
    assert_int_equal(o->id, 5);
    assert_int_equal(o->handle, 50);
    assert_int_equal(o->type, VENUS_OBJECT_Buffer);
    assert_ptr_equal(o->device, DEVICE_A);
    assert_ptr_equal(o->data, &mine);
    assert_null(o->pool);

    uint64_t handle = 0;
    void *data = NULL;
    assert_false(venus_object_remove(table, VENUS_OBJECT_Image, 5, &handle, &data));
    assert_false(venus_object_remove(table, VENUS_OBJECT_Buffer, 6, &handle, &data));
    assert_false(venus_object_remove(table, VENUS_OBJECT_Buffer, 0, &handle, &data));
    assert_true(venus_object_remove(table, VENUS_OBJECT_Buffer, 5, &handle, &data));
    assert_int_equal(handle, 50);
    assert_ptr_equal(data, &mine);
    assert_null(venus_object_find(table, 5));
    assert_false(venus_object_remove(table, VENUS_OBJECT_Buffer, 5, NULL, NULL));
    assert_int_equal(table->count, 0);
}

static void test_bad_ids(void **state)
{
    struct venus_object_table *table = *state;
    assert_int_equal(add(table, VENUS_OBJECT_Buffer, 0, NULL, NULL), VENUS_OBJECT_BAD_ID);
    assert_int_equal(add(table, VENUS_OBJECT_Buffer, 1, NULL, NULL), VENUS_OBJECT_OK);
    assert_int_equal(add(table, VENUS_OBJECT_Buffer, 1, NULL, NULL), VENUS_OBJECT_DUPLICATE);
    assert_int_equal(add(table, VENUS_OBJECT_Image, 1, NULL, NULL), VENUS_OBJECT_DUPLICATE);
    assert_int_equal(add(table, VENUS_OBJECT_Image, UINT64_MAX, NULL, NULL), VENUS_OBJECT_OK);
    assert_int_equal(table->count, 2);
}

/* Memory of one type is never given to another one: readers without a lock rely on it. */
static void test_memory_keeps_its_type(void **state)
{
    struct venus_object_table *table = *state;
    struct venus_object *buffer, *image, *again;
    add(table, VENUS_OBJECT_Buffer, 1, NULL, &buffer);
    venus_object_remove(table, VENUS_OBJECT_Buffer, 1, NULL, NULL);
    add(table, VENUS_OBJECT_Image, 1, NULL, &image);
    add(table, VENUS_OBJECT_Buffer, 2, NULL, &again);
    assert_ptr_not_equal(buffer, image);
    assert_ptr_equal(buffer, again);
    assert_int_equal(buffer->type, VENUS_OBJECT_Buffer);
}

static void test_growth(void **state)
{
    struct venus_object_table *table = *state;
    enum { COUNT = 20000 };
    for (uint64_t i = 1; i <= COUNT; i++) {
        /* Spaced like addresses. */
        assert_int_equal(add(table, i % 2 ? VENUS_OBJECT_Buffer : VENUS_OBJECT_Image,
                             0x550000000000 + i * 192, NULL, NULL),
                         VENUS_OBJECT_OK);
    }
    assert_int_equal(table->count, COUNT);
    for (uint64_t i = 1; i <= COUNT; i++) {
        const uint64_t id = 0x550000000000 + i * 192;
        struct venus_object *o = venus_object_find(table, id);
        assert_non_null(o);
        assert_int_equal(o->handle, id + 1);
        assert_null(venus_object_find(table, id + 1));
    }
    for (uint64_t i = 1; i <= COUNT; i++) {
        assert_true(venus_object_remove(table, i % 2 ? VENUS_OBJECT_Buffer : VENUS_OBJECT_Image,
                                        0x550000000000 + i * 192, NULL, NULL));
    }
    assert_int_equal(table->count, 0);
}

static void test_limit(void **state)
{
    struct venus_object_table *table = *state;
    table->count = VENUS_MAX_OBJECTS;
    assert_int_equal(add(table, VENUS_OBJECT_Buffer, 1, NULL, NULL), VENUS_OBJECT_TOO_MANY);
    table->count = 0;
    assert_int_equal(add(table, VENUS_OBJECT_Buffer, 1, NULL, NULL), VENUS_OBJECT_OK);
}

static void test_pools(void **state)
{
    struct venus_object_table *table = *state;
    struct venus_object *a, *b;
    add(table, VENUS_OBJECT_CommandPool, 1, NULL, &a);
    add(table, VENUS_OBJECT_CommandPool, 2, NULL, &b);
    for (uint64_t id = 10; id < 20; id++)
        assert_int_equal(add(table, VENUS_OBJECT_CommandBuffer, id, a, NULL), VENUS_OBJECT_OK);
    for (uint64_t id = 20; id < 30; id++)
        assert_int_equal(add(table, VENUS_OBJECT_CommandBuffer, id, b, NULL), VENUS_OBJECT_OK);

    /* From the pool it came from, and only once. */
    uint64_t handle = 0;
    assert_false(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 15, b, &handle));
    assert_false(venus_object_remove_from(table, VENUS_OBJECT_DescriptorSet, 15, a, &handle));
    assert_false(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 0, a, &handle));
    assert_true(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 15, a, &handle));
    assert_int_equal(handle, 16);
    assert_false(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 15, a, &handle));
    /* The first and the last of the list. */
    assert_true(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 10, a, NULL));
    assert_true(venus_object_remove_from(table, VENUS_OBJECT_CommandBuffer, 19, a, NULL));

    venus_object_remove_children(table, a);
    for (uint64_t id = 10; id < 20; id++)
        assert_null(venus_object_find(table, id));
    assert_ptr_equal(venus_object_find(table, 1), a);
    assert_int_equal(add(table, VENUS_OBJECT_CommandBuffer, 10, a, NULL), VENUS_OBJECT_OK);
    venus_object_remove_children(table, a);
    venus_object_remove_children(table, a); /* none left */

    assert_true(venus_object_remove(table, VENUS_OBJECT_CommandPool, 2, NULL, NULL));
    for (uint64_t id = 20; id < 30; id++)
        assert_null(venus_object_find(table, id));
    /* A pool that is no more cannot have children. */
    assert_int_equal(add(table, VENUS_OBJECT_CommandBuffer, 30, b, NULL), VENUS_OBJECT_BAD_ID);
    assert_int_equal(table->count, 1);
}

static void test_pop(void **state)
{
    struct venus_object_table *table = *state;
    enum { COUNT = 1000 }; /* several slabs */
    static bool seen[COUNT + 1];
    memset(seen, 0, sizeof(seen));
    for (uint64_t i = 1; i <= COUNT; i++) {
        struct venus_device *device = i % 3 ? DEVICE_A : DEVICE_B;
        assert_int_equal(
            venus_object_add(table, VENUS_OBJECT_Buffer, i, i, device, NULL, NULL, NULL),
            VENUS_OBJECT_OK);
    }
    add(table, VENUS_OBJECT_Image, COUNT + 1, NULL, NULL);
    venus_object_remove(table, VENUS_OBJECT_Buffer, 7, NULL, NULL);

    void *cursor = NULL, *data = &cursor;
    uint64_t handle;
    int count = 0;
    while (venus_object_pop(table, VENUS_OBJECT_Buffer, DEVICE_A, &cursor, &handle, &data)) {
        assert_true(handle >= 1 && handle <= COUNT && handle % 3 && handle != 7);
        assert_false(seen[handle]);
        assert_null(data);
        seen[handle] = true;
        count++;
    }
    assert_int_equal(count, COUNT - COUNT / 3 - 1);
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_int_equal(venus_object_find(table, i) != NULL, i % 3 == 0);
    assert_non_null(venus_object_find(table, COUNT + 1));
    cursor = NULL;
    assert_false(venus_object_pop(table, VENUS_OBJECT_Event, DEVICE_A, &cursor, NULL, NULL));
}

static void test_pop_takes_children(void **state)
{
    struct venus_object_table *table = *state;
    struct venus_object *pool;
    add(table, VENUS_OBJECT_DescriptorPool, 1, NULL, &pool);
    add(table, VENUS_OBJECT_DescriptorSet, 2, pool, NULL);
    void *cursor = NULL;
    assert_true(
        venus_object_pop(table, VENUS_OBJECT_DescriptorPool, DEVICE_A, &cursor, NULL, NULL));
    assert_null(venus_object_find(table, 2));
    assert_int_equal(table->count, 0);
}

/*
 * Eight threads add, find and remove objects of their own while all of them look at everybody's
 * objects, and the table grows under them.  An object that is there must always be found, and one
 * that is found must be the right one.
 */
enum { THREADS = 8, KEPT = 2000, ROUNDS = 40000 };

struct racer {
    struct venus_object_table *table;
    unsigned int number;
    const char *error;
};

static uint64_t racer_id(unsigned int thread, unsigned int object)
{
    return 0x7f0000000000 + ((uint64_t)object * THREADS + thread) * 64;
}

static const char *race_round(struct racer *r, unsigned int i, unsigned int kept)
{
    struct venus_object_table *table = r->table;
    /* One that comes and goes. */
    const uint64_t id = racer_id(r->number, KEPT + i % 16);
    const enum venus_object_type type = i % 2 ? VENUS_OBJECT_Fence : VENUS_OBJECT_Semaphore;
    if (venus_object_add(table, type, id, id ^ i, DEVICE_A, NULL, NULL, NULL))
        return "add";
    struct venus_object *o = venus_object_find(table, id);
    if (!o || o->type != type || o->handle != (id ^ i))
        return "find what comes and goes";
    /* One that stays. */
    const uint64_t stays = racer_id(r->number, i % kept);
    o = venus_object_find(table, stays);
    if (!o || o->type != VENUS_OBJECT_Buffer || o->handle != stays + 1)
        return "find what stays";
    /* Somebody else's: whatever is found must be an object that may be there. */
    o = venus_object_find(table, racer_id((r->number + i) % THREADS, KEPT + i % 16));
    if (o && o->type != VENUS_OBJECT_Fence && o->type != VENUS_OBJECT_Semaphore &&
        o->type != VENUS_OBJECT_Buffer)
        return "find somebody else's";
    uint64_t handle;
    if (!venus_object_remove(table, type, id, &handle, NULL) || handle != (id ^ i))
        return "remove";
    return NULL;
}

static void *race(void *arg)
{
    struct racer *r = arg;
    unsigned int kept = 0;
    for (unsigned int i = 0; i < ROUNDS && !r->error; i++) {
        if (i % (ROUNDS / KEPT) == 0) {
            const uint64_t id = racer_id(r->number, kept++);
            if (venus_object_add(r->table, VENUS_OBJECT_Buffer, id, id + 1, DEVICE_A, NULL, NULL,
                                 NULL))
                r->error = "add one to keep";
        }
        if (!r->error)
            r->error = race_round(r, i, kept);
    }
    return NULL;
}

static void test_race(void **state)
{
    struct venus_object_table *table = *state;
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    for (unsigned int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.table = table, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned int i = 0; i < THREADS; i++) {
        if (racers[i].error)
            fail_msg("thread %u: %s", i, racers[i].error);
    }
    assert_int_equal(table->count, THREADS * KEPT);
}

#define TABLE_TEST(f) cmocka_unit_test_setup_teardown(f, table_setup, table_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        TABLE_TEST(test_add_find_remove),
        TABLE_TEST(test_bad_ids),
        TABLE_TEST(test_memory_keeps_its_type),
        TABLE_TEST(test_growth),
        TABLE_TEST(test_limit),
        TABLE_TEST(test_pools),
        TABLE_TEST(test_pop),
        TABLE_TEST(test_pop_takes_children),
        TABLE_TEST(test_race),
    };
    return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
