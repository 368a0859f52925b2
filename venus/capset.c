/* SPDX-License-Identifier: MIT */
#include "internal.h"

/* The capset is an array of little-endian words. */
enum capset_word {
    WIRE_FORMAT_VERSION,
    VK_XML_VERSION,
    COMMAND_SERIALIZATION_SPEC_VERSION,
    VENUS_PROTOCOL_SPEC_VERSION,
    SUPPORTS_BLOB_ID_0,
    EXTENSION_MASK, /* 32 words; bit 0: the mask is valid, bit n: extension number n of vk.xml */
    ALLOW_VK_WAIT_SYNCS = EXTENSION_MASK + 32,
    SUPPORTS_MULTIPLE_TIMELINES,
    USE_GUEST_VRAM,
    CAPSET_WORDS,
};
_Static_assert(CAPSET_WORDS * 4 == VENUS_CAPSET_SIZE, "the layout is fixed");

#define MAX_EXTENSION_NUMBER (32 * 32 - 1)

static void put(uint8_t *capset, unsigned int word, uint32_t value)
{
    uint8_t *p = capset + 4 * word;
    p[0] = value & 0xff;
    p[1] = value >> 8 & 0xff;
    p[2] = value >> 16 & 0xff;
    p[3] = value >> 24;
}

static void put_extension(uint8_t *capset, uint32_t number)
{
    capset[4 * EXTENSION_MASK + number / 8] |= 1u << number % 8;
}

static uint32_t spec_version_of(const char *name)
{
    const struct venus_extension *extension = venus_extension_find(name);
    return extension ? extension->spec_version : 0;
}

void venus_capset_fill(uint8_t capset[VENUS_CAPSET_SIZE], bool guest_vram)
{
    memset(capset, 0, VENUS_CAPSET_SIZE);
    put(capset, WIRE_FORMAT_VERSION, 1);
    put(capset, VK_XML_VERSION, venus_registry_version);
    put(capset, COMMAND_SERIALIZATION_SPEC_VERSION,
        spec_version_of("VK_EXT_command_serialization"));
    put(capset, VENUS_PROTOCOL_SPEC_VERSION, spec_version_of("VK_MESA_venus_protocol"));
    put(capset, SUPPORTS_BLOB_ID_0, 1);
    put(capset, ALLOW_VK_WAIT_SYNCS, 1);
    put(capset, SUPPORTS_MULTIPLE_TIMELINES, 1);
    put(capset, USE_GUEST_VRAM, guest_vram); /* which of blob and memory comes first */

    /* The client leaves out what is not in the mask, so that it never sends unknown structs. */
    put_extension(capset, 0);
    for (uint32_t i = 0; i < venus_extension_count; i++) {
        if (venus_extensions[i].number <= MAX_EXTENSION_NUMBER)
            put_extension(capset, venus_extensions[i].number);
    }
}
