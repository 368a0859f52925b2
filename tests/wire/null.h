/* SPDX-License-Identifier: MIT */
/*
 * A Vulkan driver that does nothing, for tests of the renderer: its commands succeed at once, its
 * objects are a few bytes of memory.  It can write down everything that it is given, check that
 * every handle is alive and of the right type, and fill outputs with a known pattern.
 *
 * The bulk of it is generated from vk.xml by null_driver.py; null.c has the commands that must
 * say something sensible.
 */
#ifndef TESTS_WIRE_NULL_H
#define TESTS_WIRE_NULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <vulkan/vulkan_core.h>

struct null_driver {
    bool walk;      /* read every parameter, including all that it points to */
    bool check;     /* with walk: abort on dead handles; abort when objects are left behind */
    bool dma_buf;   /* memory is shared as dma-bufs, not by importing host pointers */
    bool unified;   /* one type of memory for all, as on a system on a chip */
    unsigned fail_in; /* the so many-th command from now that can fail does; 0: none */
    bool fill;      /* fill outputs with the pattern of null_leaf() instead of zeros */
    FILE *out;      /* with walk: write down what is read; NULL: nowhere */
    uint64_t leaf;  /* numbers given out by null_leaf() */
    unsigned long calls;
    size_t objects; /* alive */
    size_t bytes;   /* of memory for them */
};
extern struct null_driver null;

/* The driver's entry point, for struct venus_renderer_params. */
PFN_vkVoidFunction VKAPI_CALL null_vkGetInstanceProcAddr(VkInstance instance, const char *name);

/* Take and give back the lock that all commands hold, for reading struct null_driver. */
void null_lock(void);
void null_unlock(void);

/* Objects.  Types are compared by name; `parent` 0 means none.  Destroying an object destroys the
 * children of pools and instances, those of devices must be gone before. */
uint64_t null_create(const char *type, uint64_t parent);
void null_destroy(const char *type, uint64_t handle);
void null_destroy_children(uint64_t handle);

/* Whether this command is the one that fails (fail_in). */
bool null_fails(void);

/* The next number of the pattern for outputs, in the low `size` bytes. */
uint64_t null_leaf(unsigned size);
void null_leaf_bytes(void *to, size_t size);

/* One line of what a command was given. */
void null_walk_number(const char *name, uint64_t value);
void null_walk_float(const char *name, float value);
void null_walk_double(const char *name, double value);
void null_walk_handle(const char *name, const char *type, uint64_t handle);
void null_walk_bytes(const char *name, const void *bytes, size_t size);
void null_walk_string(const char *name, const char *string);
void null_walk_text(const char *name, const char *text);
void null_walk_count(const char *name, const char *text, uint64_t count);
void null_walk_unknown(VkStructureType type);

/* Generated. */
struct null_command {
    const char *name;
    PFN_vkVoidFunction function;
};
extern const struct null_command null_commands[]; /* sorted by name */
extern const size_t null_command_count;

struct null_extension {
    const char *name;
    uint32_t version;
    bool device;
};
extern const struct null_extension null_extensions[];
extern const size_t null_extension_count;

#define NULL_HANDLE(h) ((uint64_t)(uintptr_t)(h))

#endif
