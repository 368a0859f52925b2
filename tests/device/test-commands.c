/* SPDX-License-Identifier: MIT */
/* Every command that Linux sends, and what it is answered with. */
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "venus.h"

#define OK                VIRTIO_GPU_RESP_OK_NODATA
#define UNSPEC            VIRTIO_GPU_RESP_ERR_UNSPEC
#define OUT_OF_MEMORY     VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
#define INVALID_SCANOUT   VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID
#define INVALID_RESOURCE  VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define INVALID_CONTEXT   VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define INVALID_PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define ATTACH_RESOURCE   VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE
#define DETACH_RESOURCE   VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE
#define UNREF             VIRTIO_GPU_CMD_RESOURCE_UNREF
#define UNMAP             VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB

static int setup(void **state)
{
    *state = peer_create(&(struct peer_options){0});
    return 0;
}

static int teardown(void **state)
{
    peer_destroy(*state);
    return 0;
}

/* ---- every command of the specification, as short and as long as it may be ---- */

static const struct {
    uint32_t type;
    size_t size;
    uint32_t answer; /* to one full of zeroes */
} commands[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, sizeof(struct virtio_gpu_ctrl_hdr),
     VIRTIO_GPU_RESP_OK_DISPLAY_INFO},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, sizeof(struct virtio_gpu_resource_create_2d), UNSPEC},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref), INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout), INVALID_SCANOUT},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, sizeof(struct virtio_gpu_resource_flush), INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, sizeof(struct virtio_gpu_transfer_to_host_2d),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, sizeof(struct virtio_gpu_resource_attach_backing),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_GET_CAPSET_INFO, sizeof(struct virtio_gpu_get_capset_info),
     VIRTIO_GPU_RESP_OK_CAPSET_INFO},
    {VIRTIO_GPU_CMD_GET_CAPSET, sizeof(struct virtio_gpu_get_capset), INVALID_PARAMETER},
    {VIRTIO_GPU_CMD_GET_EDID, sizeof(struct virtio_gpu_cmd_get_edid), INVALID_SCANOUT},
    {VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, sizeof(struct virtio_gpu_resource_assign_uuid),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, sizeof(struct virtio_gpu_resource_create_blob),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, sizeof(struct virtio_gpu_set_scanout_blob), INVALID_SCANOUT},
    {VIRTIO_GPU_CMD_CTX_CREATE, sizeof(struct virtio_gpu_ctx_create), INVALID_CONTEXT},
    {VIRTIO_GPU_CMD_CTX_DESTROY, sizeof(struct virtio_gpu_ctx_destroy), INVALID_CONTEXT},
    {VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, sizeof(struct virtio_gpu_ctx_resource), INVALID_CONTEXT},
    {VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, sizeof(struct virtio_gpu_ctx_resource), INVALID_CONTEXT},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, sizeof(struct virtio_gpu_resource_create_3d), UNSPEC},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, sizeof(struct virtio_gpu_transfer_host_3d),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, sizeof(struct virtio_gpu_transfer_host_3d),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_SUBMIT_3D, sizeof(struct virtio_gpu_cmd_submit), INVALID_CONTEXT},
    {VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, sizeof(struct virtio_gpu_resource_map_blob),
     INVALID_RESOURCE},
    {VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, sizeof(struct virtio_gpu_resource_unmap_blob),
     INVALID_RESOURCE},
};

static void test_all(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(ARRAY_SIZE(commands), GPU_REQUEST_KINDS - 3); /* and two of the cursor */
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        union {
            struct virtio_gpu_ctrl_hdr hdr;
            uint8_t bytes[256];
        } command = {.bytes = {0}};
        command.hdr = peer_hdr(commands[i].type, 0);
        for (size_t size = 24; size < commands[i].size; size++)
            assert_int_equal(peer_command(peer, &command, size), INVALID_PARAMETER);
        assert_int_equal(peer_command(peer, &command, commands[i].size), commands[i].answer);
        assert_int_equal(peer_command(peer, &command, 256), commands[i].answer);
        assert_int_equal(peer_stats(peer).requests[i], commands[i].size - 24 + 2);
        assert_non_null(gpu_device_request_name((unsigned int)i));
        /* all ones */
        memset(command.bytes + 4, 0xff, sizeof(command.bytes) - 4);
        const uint32_t answer = peer_command(peer, &command, sizeof(command));
        assert_int_not_equal(answer, 0);
        if (i)
            assert_true(answer >= UNSPEC);
    }
    assert_string_equal(gpu_device_request_name(0), "GET_DISPLAY_INFO");
    assert_string_equal(gpu_device_request_name(GPU_REQUEST_KINDS - 1), "unknown");
    assert_null(gpu_device_request_name(GPU_REQUEST_KINDS));
    assert_false(peer_halted(peer));
}

static void test_unknown(void **state)
{
    struct peer *peer = *state;
    const uint32_t types[] = {0, 0x10e, 0x20a, 0x302, 0x1100, 0xffffffff};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct virtio_gpu_ctrl_hdr hdr = {.type = types[i]};
        assert_int_equal(peer_command(peer, &hdr, sizeof(hdr)), UNSPEC);
    }
    assert_int_equal(peer_stats(peer).requests[GPU_REQUEST_KINDS - 1], ARRAY_SIZE(types));
    assert_int_equal(peer_stats(peer).errors, ARRAY_SIZE(types));
}

/* ---- the device ---- */

static void test_display_info(void **state)
{
    struct peer *peer = *state;
    struct virtio_gpu_ctrl_hdr hdr = {
        .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO, .ctx_id = 7, .fence_id = 9, .ring_idx = 3};
    struct peer_request request =
        peer_send(peer, &hdr, sizeof(hdr), sizeof(struct virtio_gpu_resp_display_info));
    const struct virtio_gpu_resp_display_info *info = request.response;
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    for (int i = 0; i < VIRTIO_GPU_MAX_SCANOUTS; i++)
        assert_int_equal(info->pmodes[i].enabled, 0);
    assert_int_equal(info->hdr.flags, 0);
}

static void test_capset(void **state)
{
    (void)state;
    for (int per_blob = 0; per_blob < 2; per_blob++) {
        struct peer *peer = peer_create(&(struct peer_options){.per_blob = per_blob});
        struct virtio_gpu_get_capset_info info = {.hdr =
                                                      peer_hdr(VIRTIO_GPU_CMD_GET_CAPSET_INFO, 0)};
        struct peer_request request =
            peer_send(peer, &info, sizeof(info), sizeof(struct virtio_gpu_resp_capset_info));
        const struct virtio_gpu_resp_capset_info *answer = request.response;
        assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_CAPSET_INFO);
        assert_int_equal(answer->capset_id, 4);
        assert_int_equal(answer->capset_max_version, 0);
        assert_int_equal(answer->capset_max_size, VENUS_CAPSET_SIZE);
        info.capset_index = 1;
        assert_int_equal(peer_command(peer, &info, sizeof(info)), INVALID_PARAMETER);

        struct virtio_gpu_get_capset get = {.hdr = peer_hdr(VIRTIO_GPU_CMD_GET_CAPSET, 0),
                                            .capset_id = 4};
        request = peer_send(peer, &get, sizeof(get),
                            sizeof(struct virtio_gpu_resp_capset) + VENUS_CAPSET_SIZE);
        assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_CAPSET);
        assert_int_equal(request.written, 24 + VENUS_CAPSET_SIZE);
        uint8_t capset[VENUS_CAPSET_SIZE];
        venus_capset_fill(capset, !per_blob);
        assert_memory_equal((uint8_t *)request.response + 24, capset, sizeof(capset));
        get.capset_version = 1;
        assert_int_equal(peer_command(peer, &get, sizeof(get)), INVALID_PARAMETER);
        get.capset_version = 0;
        get.capset_id = 2;
        assert_int_equal(peer_command(peer, &get, sizeof(get)), INVALID_PARAMETER);
        peer_destroy(peer);
    }
}

/* Commands of features that the driver did not accept. */
static void test_features(void **state)
{
    (void)state;
    struct peer *peer = peer_create(&(struct peer_options){.not_started = true});
    peer_start(peer, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM);
    assert_int_equal(peer_ctx_create(peer, 1), UNSPEC);
    assert_int_equal(peer_create_blob(peer, 1, 1, 4096), UNSPEC);
    assert_int_equal(peer_simple(peer, VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID, 0, 1), UNSPEC);
    assert_int_equal(fake.created, 0);
    peer_destroy(peer);
}

/* ---- blobs that are memory of the guest ---- */

struct guest_blob {
    struct virtio_gpu_resource_create_blob create;
    struct virtio_gpu_mem_entry entries[2];
};

static struct guest_blob guest_blob(struct peer *peer, uint32_t resource)
{
    return (struct guest_blob){
        .create = {.hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, 0),
                   .resource_id = resource,
                   .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                   .nr_entries = 2,
                   .size = 8192},
        .entries = {{.addr = peer_other(peer, 0), .length = 4096},
                    {.addr = peer_other(peer, 5), .length = 4096}},
    };
}

static void test_guest_blob(void **state)
{
    struct peer *peer = *state;
    struct guest_blob blob = guest_blob(peer, 1);
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), OK);
    assert_int_equal(peer_stats(peer).resources, 1);
    assert_int_equal(peer_map(peer, 1, 0), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, UNMAP, 0, 1), INVALID_PARAMETER);
    assert_int_equal(peer_simple(peer, VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0, 0), INVALID_PARAMETER);

    /* It can be attached to contexts, which learn nothing of it. */
    peer_ctx_create(peer, 1);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 1, 1), OK);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 1, 1), OK);
    assert_int_equal(fake_find(1)->call_count, 0);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 1, 1), OK);
    assert_int_equal(peer_simple(peer, DETACH_RESOURCE, 1, 1), INVALID_RESOURCE);
    assert_int_equal(peer_simple(peer, ATTACH_RESOURCE, 1, 1), OK);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), OK);
    assert_int_equal(fake_find(1)->call_count, 0);
    assert_int_equal(peer_stats(peer).resources, 0);
    assert_int_equal(peer_simple(peer, UNREF, 0, 1), INVALID_RESOURCE);

    /* in use, or wrong */
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), OK);
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), INVALID_RESOURCE);
    struct guest_blob bad = guest_blob(peer, 0);
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_RESOURCE);
    bad = guest_blob(peer, 2);
    assert_int_equal(peer_command(peer, &bad, sizeof(bad) - 1), INVALID_PARAMETER);
    bad.create.nr_entries = 3;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad.create.nr_entries = UINT32_MAX;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad.create.nr_entries = 0;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad = guest_blob(peer, 2);
    bad.create.size = 8193;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad.create.size = 0;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad = guest_blob(peer, 2);
    bad.create.blob_flags = 8;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad = guest_blob(peer, 2);
    bad.entries[1].addr = 4096;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    bad = guest_blob(peer, 2);
    bad.entries[1].length = 0;
    assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    for (uint32_t mem = 0; mem < 6; mem++) {
        bad = guest_blob(peer, 3);
        bad.create.blob_mem = mem;
        if (mem != VIRTIO_GPU_BLOB_MEM_GUEST)
            assert_int_equal(peer_command(peer, &bad, sizeof(bad)), INVALID_PARAMETER);
    }
    assert_int_equal(peer_stats(peer).resources, 1);
}

static void test_backing(void **state)
{
    struct peer *peer = *state;
    struct guest_blob blob = guest_blob(peer, 1);
    struct {
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_mem_entry entries[2];
    } attach = {
        .attach = {.hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, 0),
                   .resource_id = 1,
                   .nr_entries = 2},
    };
    memcpy(attach.entries, blob.entries, sizeof(attach.entries));
    const uint32_t detach = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING;
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), OK);
    assert_int_equal(peer_command(peer, &attach, sizeof(attach)), UNSPEC); /* it has some */
    assert_int_equal(peer_simple(peer, detach, 0, 1), OK);
    assert_int_equal(peer_simple(peer, detach, 0, 1), UNSPEC);
    attach.attach.nr_entries = 1;
    assert_int_equal(peer_command(peer, &attach, sizeof(attach)), INVALID_PARAMETER);
    attach.attach.nr_entries = 3;
    assert_int_equal(peer_command(peer, &attach, sizeof(attach)), INVALID_PARAMETER);
    attach.attach.nr_entries = 2;
    assert_int_equal(peer_command(peer, &attach, sizeof(attach)), OK);
    /* not of the host's blobs */
    peer_ctx_create(peer, 1);
    assert_int_equal(peer_create_blob(peer, 1, 2, 8192), OK);
    attach.attach.resource_id = 2;
    assert_int_equal(peer_command(peer, &attach, sizeof(attach)), UNSPEC);
    assert_int_equal(peer_simple(peer, detach, 0, 2), UNSPEC);
}

static void test_uuid(void **state)
{
    struct peer *peer = *state;
    const uint32_t assign = VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID;
    struct guest_blob blob = guest_blob(peer, 1);
    uint8_t first[16], zero[16] = {0};
    peer_command(peer, &blob, sizeof(blob));
    blob.create.resource_id = 2;
    peer_command(peer, &blob, sizeof(blob));
    struct peer_request request = peer_send_simple(peer, assign, 0, 1);
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    memcpy(first, ((struct virtio_gpu_resp_resource_uuid *)request.response)->uuid, 16);
    assert_memory_not_equal(first, zero, 16);
    assert_int_equal(first[6] >> 4, 4);
    assert_int_equal(first[8] >> 6, 2);
    request = peer_send_simple(peer, assign, 0, 1); /* it stays */
    assert_int_equal(peer_type(peer, &request), VIRTIO_GPU_RESP_OK_RESOURCE_UUID);
    assert_memory_equal(((struct virtio_gpu_resp_resource_uuid *)request.response)->uuid, first,
                        16);
    request = peer_send_simple(peer, assign, 0, 2);
    assert_memory_not_equal(((struct virtio_gpu_resp_resource_uuid *)request.response)->uuid, first,
                            16);
}

/* 2D and 3D commands on a blob. */
static void test_refused(void **state)
{
    struct peer *peer = *state;
    struct guest_blob blob = guest_blob(peer, 5);
    peer_command(peer, &blob, sizeof(blob));
    const struct virtio_gpu_resource_flush flush = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_RESOURCE_FLUSH, 0), .resource_id = 5};
    const struct virtio_gpu_transfer_to_host_2d transfer_2d = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, 0), .resource_id = 5};
    struct virtio_gpu_transfer_host_3d transfer_3d = {
        .hdr = peer_hdr(VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, 0), .resource_id = 5};
    assert_int_equal(peer_command(peer, &flush, sizeof(flush)), UNSPEC);
    assert_int_equal(peer_command(peer, &transfer_2d, sizeof(transfer_2d)), UNSPEC);
    assert_int_equal(peer_command(peer, &transfer_3d, sizeof(transfer_3d)), UNSPEC);
    transfer_3d.hdr.type = VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D;
    assert_int_equal(peer_command(peer, &transfer_3d, sizeof(transfer_3d)), UNSPEC);
}

/* As many resources as there may be, and one more. */
static void test_many_resources(void **state)
{
    struct peer *peer = *state;
    struct guest_blob blob = guest_blob(peer, 1);
    for (uint32_t i = 1; i <= GPU_MAX_RESOURCES; i++) {
        blob.create.resource_id = i * 7919;
        if (peer_command(peer, &blob, sizeof(blob)) != OK)
            fail_msg("resource number %u", i);
    }
    blob.create.resource_id = 3;
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), OUT_OF_MEMORY);
    assert_int_equal(peer_simple(peer, UNREF, 0, 7919), OK);
    assert_int_equal(peer_command(peer, &blob, sizeof(blob)), OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all),
        TEST(test_unknown),
        TEST(test_display_info),
        cmocka_unit_test(test_capset),
        cmocka_unit_test(test_features),
        TEST(test_guest_blob),
        TEST(test_backing),
        TEST(test_uuid),
        TEST(test_refused),
        TEST(test_many_resources),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
