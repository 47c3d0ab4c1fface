/* copy_seen.c - which blobs went where. A table of slots by the digest: the last blob to come has
 * the slot. Places are few, and kept by name. */
#include "run/copy_seen.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/digest.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 16384 /* a power of two */
#define PLACES_MAX 4096
#define KEY 20 /* bytes of a digest that tell it from all others */

typedef struct slot {
    unsigned char key[KEY];
    uint32_t place; /* from 1; 0: the slot is empty */
} slot;

typedef struct place {
    char *host;  /* NULL: a local place */
    char *where; /* repository, or path */
} place;

struct ir_copy_seen {
    pthread_mutex_t lock;
    size_t n_places;
    place places[PLACES_MAX];
    slot slots[SLOTS];
};

int ir_copy_seen_new(ir_copy_seen **ret, imgrel_error *err)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return ir_nomem(err);
    pthread_mutex_init(&(*ret)->lock, NULL);
    return 0;
}

void ir_copy_seen_free(ir_copy_seen *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_places; i++) {
        free(s->places[i].host);
        free(s->places[i].where);
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* The digest's first bytes and the slot that they choose, which is another for another place. */
static slot *slot_of(ir_copy_seen *s, uint32_t where, const char *digest, unsigned char key[KEY])
{
    const char *hex = ir_digest_hex(digest);
    for (size_t i = 0; i < KEY; i++)
        key[i] = (unsigned char)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
    size_t at = (size_t)key[0] | (size_t)key[1] << 8;
    return &s->slots[(at + where * 7919U) & (SLOTS - 1)];
}

static const char *where_of(const ir_ref *r)
{
    return r->transport == IR_REGISTRY ? r->repository : r->path;
}

/* From 1; 0: not known, and not to be added. Lock held. */
static uint32_t place_of(ir_copy_seen *s, const ir_ref *r, bool add)
{
    for (size_t i = s->n_places; i > 0; i--) /* the last ones are asked for most */
        if (ir_streq(s->places[i - 1].host, r->host) &&
            ir_streq(s->places[i - 1].where, where_of(r)))
            return (uint32_t)i;
    if (!add || s->n_places == PLACES_MAX)
        return 0;
    place p = {ir_strdup(r->host), ir_strdup(where_of(r))};
    if ((r->host && !p.host) || !p.where) {
        free(p.host);
        free(p.where);
        return 0; /* not to know it is always right */
    }
    s->places[s->n_places++] = p;
    return (uint32_t)s->n_places;
}

bool ir_copy_seen_first(ir_copy_seen *s, const ir_ref *r, const char *digest)
{
    unsigned char key[KEY];
    bool first = true;
    if (!s)
        return true;
    pthread_mutex_lock(&s->lock);
    uint32_t p = place_of(s, r, true);
    if (p) {
        slot *at = slot_of(s, p, digest, key);
        first = at->place != p || memcmp(at->key, key, KEY) != 0;
        memcpy(at->key, key, KEY);
        at->place = p;
        at = slot_of(s, 0, digest, key); /* for those who ask where in the registry it is */
        memcpy(at->key, key, KEY);
        at->place = p;
    }
    pthread_mutex_unlock(&s->lock);
    return first;
}

void ir_copy_seen_add(ir_copy_seen *s, const ir_ref *r, const char *digest)
{
    (void)ir_copy_seen_first(s, r, digest);
}

bool ir_copy_seen_has(ir_copy_seen *s, const ir_ref *r, const char *digest)
{
    unsigned char key[KEY];
    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    uint32_t p = place_of(s, r, false);
    const slot *at = p ? slot_of(s, p, digest, key) : NULL;
    bool has = at && at->place == p && !memcmp(at->key, key, KEY);
    pthread_mutex_unlock(&s->lock);
    return has;
}

const char *ir_copy_seen_near(ir_copy_seen *s, const ir_ref *r, const char *digest)
{
    unsigned char key[KEY];
    const char *found = NULL;
    if (!s || r->transport != IR_REGISTRY)
        return NULL;
    pthread_mutex_lock(&s->lock);
    const slot *at = slot_of(s, 0, digest, key);
    const place *p = at->place ? &s->places[at->place - 1] : NULL;
    if (p && !memcmp(at->key, key, KEY) && ir_streq(p->host, r->host) &&
        !ir_streq(p->where, r->repository))
        found = p->where;
    pthread_mutex_unlock(&s->lock);
    return found;
}
