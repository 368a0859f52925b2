/* SPDX-License-Identifier: MIT */
/*
 * Contexts: one client each.
 */
#include <stdlib.h>
#include <string.h>

#include "ring.h"

static void copy_printable(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; i++)
        to[i] = from[i] >= ' ' && from[i] <= '~' && from[i] != '"' ? from[i] : '?';
    to[i] = '\0';
}

struct venus_context *venus_context_create(struct venus_renderer *renderer, const char *name,
                                           const struct venus_context_events *events, void *user)
{
    struct venus_context *context = calloc(1, sizeof(*context));
    if (!context)
        return NULL;
    if (venus_object_table_init(&context->objects)) {
        free(context);
        return NULL;
    }
    context->renderer = renderer;
    copy_printable(context->name, sizeof(context->name), name);
    context->events = *events;
    context->events_user = user;
    pthread_mutex_init(&context->lock, NULL);
    pthread_mutex_init(&context->imports.lock, NULL);
    venus_page_cache_init(&context->pages);
    venus_decoder_init(&context->virtqueue, context, NULL);
    return context;
}

void venus_context_destroy(struct venus_context *context)
{
    if (!context)
        return;
    context->stopping = true;
    venus_rings_stop(context);
    venus_monitor_destroy(context->monitor);
    /* Waits for the GPU, so that nothing below is in use any more. */
    venus_instance_teardown(context);
    venus_devices_free(context);
    venus_decoder_finish(&context->virtqueue);
    venus_resource_put_all(context);
    venus_page_cache_finish(&context->pages);
    venus_object_table_finish(&context->objects);
    free(context->imports.entries);
    pthread_mutex_destroy(&context->imports.lock);
    pthread_mutex_destroy(&context->lock);
    free(context);
}

bool venus_context_submit(struct venus_context *context, const void *commands, size_t size)
{
    struct venus_decoder *d = &context->virtqueue;
    if (context->fatal)
        return false;
    if (size > VENUS_MAX_STREAM_SIZE || size % 4) {
        venus_decoder_fail(d, "a submission of %zu bytes", size);
        return false;
    }
    return venus_decoder_run(d, commands, size, NULL) && !context->fatal;
}

void venus_context_fail(struct venus_context *context)
{
    if (atomic_exchange(&context->fatal, true))
        return;
    venus_rings_set_fatal(context);
    if (context->events.fatal)
        context->events.fatal(context->events_user);
}

bool venus_context_is_fatal(struct venus_context *context)
{
    return context->fatal;
}
