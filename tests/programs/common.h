/* SPDX-License-Identifier: MIT */
/*
 * What the small Vulkan programs share.
 *
 * Every program is an ordinary client of libvulkan.  What it finds goes to stdout as lines
 * `part.name: value`, which must be the same for every run on the same host driver, natively or
 * through Venus; whatever may legitimately differ (device name, versions, timings) goes to stderr.
 * A part that the device cannot do prints `part: skipped (reason)`.
 *
 * Exit status: 0 all well, 1 a check failed, 77 the whole program was skipped.
 */
#ifndef PROGRAMS_COMMON_H
#define PROGRAMS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vulkan/vulkan.h>

#define PROG_SKIP          77
#define PROG_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PROG_NO_TIMEOUT    (300ull * 1000 * 1000 * 1000) /* ns: more than any wait takes, emulated */

#define PROG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/** Ends the program with status 1 and file:line unless the VkResult @p expr is VK_SUCCESS. */
#define CHECK(expr) prog_check((expr), VK_SUCCESS, #expr, __FILE__, __LINE__)

/** As CHECK, for calls that must give another result. */
#define CHECK_RESULT(expr, wanted) prog_check((expr), (wanted), #expr, __FILE__, __LINE__)

/** Counts a failure, with file:line and a message, unless @p cond holds.  The program goes on. */
#define EXPECT(cond, ...) prog_expect((cond), __FILE__, __LINE__, __VA_ARGS__)

/** Ends the program with status 1 and a message. */
#define DIE(...) prog_die(__FILE__, __LINE__, __VA_ARGS__)

/** What the device can do beyond Vulkan 1.1; all of it is enabled when present. */
struct prog_has {
    bool timeline;          /* timeline semaphores */
    bool bda;               /* buffer device addresses */
    bool draw_count;        /* vkCmdDraw*IndirectCount */
    bool update_after_bind; /* for storage buffers and sampled images, with partially bound */
    bool variable_count;    /* variable descriptor counts */
    bool runtime_array;     /* runtime descriptor arrays */
    bool host_query_reset;
    bool separate_depth_stencil_layouts;
    bool imageless;
    bool sync2;
    bool dynamic_rendering;
    bool inline_uniform;
    bool push_descriptor;
    bool extended_dynamic_state;
    bool custom_border;
    bool transform_feedback;
    bool create_renderpass2;
    bool cache_control; /* pipeline creation cache control */
    bool private_data;
    bool maintenance4;
};

/** A program's connection with Vulkan: one instance, one device, one queue. */
struct prog {
    const char *name;
    VkInstance instance;
    VkPhysicalDevice physical;
    VkDevice device;
    VkQueue queue;
    uint32_t family;
    uint32_t queue_count; /* queues created in family, at most 4 */
    uint32_t api_version; /* min(device's, 1.3) */
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceFeatures features; /* enabled ones */
    VkPhysicalDeviceVulkan12Features features12;
    struct prog_has has;
    VkCommandPool pool; /* for prog_begin(); resettable buffers */

    /* Command line. */
    bool validate;
    const char *output;  /* --output, or NULL */
    unsigned iterations; /* --iterations, or 0 */
    const char *mode;    /* first other argument, or NULL */

    VkDebugUtilsMessengerEXT messenger;
};

/** What a program says about itself in --help. */
struct prog_about {
    const char *name;
    const char *summary;
    const char *modes; /* accepted other arguments, NULL when there are none */
    bool sparse;       /* enable the features of sparse memory too */
};

/**
 * Parses the command line and opens the first device (or the one that the environment variable
 * PROGRAM_DEVICE names, by index or part of its name) with everything of struct prog_has enabled.
 * Exits with PROG_SKIP when there is no Vulkan device.
 */
void prog_init(struct prog *p, int argc, char **argv, const struct prog_about *about);

/** As prog_init(), but makes no device: p->device, queue and pool stay null. */
void prog_init_instance(struct prog *p, int argc, char **argv, const struct prog_about *about);

/** Destroys everything of prog_init() and returns the exit status of the program. */
int prog_finish(struct prog *p);

/** Exits with PROG_SKIP after printing why. */
_Noreturn void prog_skip(struct prog *p, const char *fmt, ...) PROG_PRINTF(2, 3);

_Noreturn void prog_die(const char *file, int line, const char *fmt, ...) PROG_PRINTF(3, 4);
void prog_check(VkResult result, VkResult wanted, const char *expr, const char *file, int line);
void prog_expect(bool cond, const char *file, int line, const char *fmt, ...) PROG_PRINTF(4, 5);

/** True when the device has the extension @p name. */
bool prog_has_extension(struct prog *p, const char *name);

/**
 * The device function @p name ("vkCmdFoo"), or its KHR or EXT form; NULL when the device has none.
 * Functions that became core in a version above the device's are only looked for under their
 * extension names, so pass the core name of all that are core in Vulkan 1.3.
 */
PFN_vkVoidFunction prog_proc(struct prog *p, const char *name);
#define PROG_PROC(p, name) ((PFN_##name)prog_proc((p), #name))

/* ---- results ---- */

/** FNV-1a, 64 bits. */
uint64_t prog_fnv(const void *data, size_t size);
uint64_t prog_fnv_more(uint64_t hash, const void *data, size_t size);
#define PROG_FNV_START 0xcbf29ce484222325ull

/** Prints `part.name: ...` to stdout. */
void prog_print(const char *part, const char *name, const char *fmt, ...) PROG_PRINTF(3, 4);

/** Prints `part.name: fnv64 0x... (size bytes)`. */
void prog_hash(const char *part, const char *name, const void *data, size_t size);

/** Prints `part: skipped (reason)`. */
void prog_skip_part(const char *part, const char *reason);

/** Writes RGBA8 pixels as a binary PPM (alpha dropped).  Dies when it cannot. */
void prog_write_ppm(const char *path, const uint8_t *rgba, uint32_t width, uint32_t height);

/** Monotonic time in ns. */
uint64_t prog_now(void);

/** A small deterministic generator: next value of *state. */
uint32_t prog_random(uint32_t *state);

/* ---- memory ---- */

enum prog_where {
    PROG_DEVICE, /* device-local, if possible not host-visible */
    PROG_HOST,   /* host-visible and coherent, mapped */
};

/** The index of the best memory type among @p type_bits; dies when there is none. */
uint32_t prog_memory_type(struct prog *p, uint32_t type_bits, enum prog_where where);

struct prog_buffer {
    VkBuffer buffer;
    VkDeviceMemory memory;
    VkDeviceSize size;
    void *map; /* PROG_HOST only */
};

/** Creates a buffer with its own memory.  Contents of PROG_HOST buffers are zeroed. */
void prog_buffer_create(struct prog *p, struct prog_buffer *b, VkDeviceSize size,
                        VkBufferUsageFlags usage, enum prog_where where);
void prog_buffer_destroy(struct prog *p, struct prog_buffer *b);

struct prog_image {
    VkImage image;
    VkDeviceMemory memory;
    VkImageView view; /* of everything in it; null when usage allows none */
    VkFormat format;
    VkExtent3D extent;
    VkImageAspectFlags aspect;
    uint32_t levels, layers;
};

/** Creates an image in device memory and a view of type @p view_type, all levels and layers. */
void prog_image_create(struct prog *p, struct prog_image *image, const VkImageCreateInfo *info,
                       VkImageViewType view_type);

/** A plain 2D colour or depth image: one level, one layer. */
void prog_image_create_2d(struct prog *p, struct prog_image *image, VkFormat format, uint32_t width,
                          uint32_t height, VkImageUsageFlags usage);
void prog_image_destroy(struct prog *p, struct prog_image *image);

/** Colour, depth, stencil: the aspects of @p format. */
VkImageAspectFlags prog_format_aspect(VkFormat format);

/* ---- commands ---- */

/** A primary command buffer of p->pool, begun for one-time use. */
VkCommandBuffer prog_begin(struct prog *p);

/** Ends @p cmd, submits it, waits for it and frees it. */
void prog_end(struct prog *p, VkCommandBuffer cmd);

/** Submits one recorded command buffer and waits for it. */
void prog_submit_wait(struct prog *p, VkCommandBuffer cmd);

/** Everything before it is done and visible to everything after it, the host included. */
void prog_barrier(VkCommandBuffer cmd);

/** The same, and changes the layout of all of @p image. */
void prog_image_layout(VkCommandBuffer cmd, const struct prog_image *image, VkImageLayout from,
                       VkImageLayout to);

/* ---- shaders and compute ---- */

VkShaderModule prog_shader(struct prog *p, const uint32_t *code, size_t size);

/** A compute pipeline with one set of storage buffers 0..n-1. */
struct prog_compute {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    VkPipeline pipeline;
    VkDescriptorPool pool;
    VkDescriptorSet set;
};

void prog_compute_create(struct prog *p, struct prog_compute *c, const uint32_t *code,
                         size_t code_size, uint32_t buffers, uint32_t push_size,
                         const VkSpecializationInfo *specialization);
void prog_compute_destroy(struct prog *p, struct prog_compute *c);

/** Points storage buffer @p binding of the set at all of @p b. */
void prog_compute_buffer(struct prog *p, struct prog_compute *c, uint32_t binding,
                         const struct prog_buffer *b);

/** Binds pipeline and set. */
void prog_compute_bind(VkCommandBuffer cmd, const struct prog_compute *c);

#endif
