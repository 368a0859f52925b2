/* SPDX-License-Identifier: MIT */
/*
 * pNext chains on the wire: for each struct a 1 and its sType, then a 0, then the structs' members,
 * last struct first.
 */
#include "internal.h"

/* A struct while its chain is decoded; the C struct follows. */
struct chain_node {
    struct chain_node *previous;
    const struct venus_chain_struct *type;
};
_Static_assert(sizeof(struct chain_node) % 16 == 0, "the struct behind must stay aligned");

static const struct venus_chain_struct *find_type(const struct venus_chain_parent *parent,
                                                  uint32_t stype)
{
    uint32_t first = 0, count = parent ? parent->count : 0;
    while (count) {
        const uint32_t half = count / 2;
        const struct venus_chain_struct *type = parent->structs[first + half];
        if (type->stype == stype)
            return type;
        if (type->stype < stype) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return NULL;
}

/* Read the sTypes and make a zeroed struct for each; the last one, or NULL after an error. */
static struct chain_node *decode_types(struct venus_decoder *d,
                                       const struct venus_chain_parent *parent, void **chain)
{
    struct chain_node *last = NULL;
    uint32_t count = 0;
    do {
        const uint32_t stype = venus_decode_u32(d);
        const struct venus_chain_struct *type = find_type(parent, stype);
        if (!type || ++count > VENUS_MAX_CHAIN) {
            venus_decoder_fail(d,
                               type ? "a pNext chain goes on behind sType %u"
                                    : "sType %u cannot be in this pNext chain",
                               stype);
            return NULL;
        }
        struct chain_node *node = venus_decode_alloc(d, 1, sizeof(*node) + type->size);
        if (!node)
            return NULL;
        node->previous = last;
        node->type = type;
        VkBaseOutStructure *body = (void *)(node + 1);
        body->sType = (VkStructureType)stype;
        if (last)
            ((VkBaseOutStructure *)(void *)(last + 1))->pNext = body;
        else
            *chain = body;
        last = node;
    } while (venus_decode_present(d));
    return last;
}

void *venus_decode_structs(struct venus_decoder *d, const struct venus_chain_parent *parent,
                           bool partial)
{
    if (d->depth >= VENUS_MAX_DEPTH) {
        venus_decoder_fail(d, "pNext chains are nested deeper than %u", VENUS_MAX_DEPTH);
        return NULL;
    }
    d->depth++;
    void *chain = NULL;
    for (struct chain_node *node = decode_types(d, parent, &chain); node; node = node->previous) {
        void (*decode)(struct venus_decoder * d, void *body) =
            partial ? node->type->decode_partial : node->type->decode;
        if (decode)
            decode(d, node + 1);
    }
    d->depth--;
    return d->fatal ? NULL : chain;
}

void venus_encode_chain(struct venus_decoder *d, const struct venus_chain_parent *parent,
                        const void *chain)
{
    uint64_t count = 0;
    for (const VkBaseInStructure *s = chain; s; s = s->pNext)
        count++;
    const VkBaseInStructure **bodies = venus_decode_alloc(d, count, sizeof(*bodies));
    if (!bodies) {
        venus_encode_u64(d, 0);
        return;
    }
    uint64_t i = 0;
    for (const VkBaseInStructure *s = chain; s; s = s->pNext) {
        venus_encode_u64(d, 1);
        venus_encode_u32(d, (uint32_t)s->sType);
        bodies[i++] = s;
    }
    venus_encode_u64(d, 0);
    while (i-- > 0) {
        const struct venus_chain_struct *type = find_type(parent, (uint32_t)bodies[i]->sType);
        if (!type)
            venus_decoder_fail(d, "a handler left sType %d in a reply", (int)bodies[i]->sType);
        else if (type->encode)
            type->encode(d, bodies[i]);
    }
}
