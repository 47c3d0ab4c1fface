/* kind.h - the kinds of things that Harbor has, in one table: where each is, how one of it is
 * named, and what can be done to it. Lists, reads, changes and deletions of all of them go by it.
 */
#ifndef IR_HARBOR_KIND_H
#define IR_HARBOR_KIND_H

#include "harbor/inside.h"

/* How a list's parent or a thing's key is written. */
enum ir_harbor_form {
    IR_FORM_NONE,       /* there is none, or only one of it */
    IR_FORM_NAME,       /* NAME or its number */
    IR_FORM_PROJECT,    /* PROJECT */
    IR_FORM_MAYBE,      /* PROJECT, or nothing */
    IR_FORM_IN_PROJECT, /* PROJECT/NAME */
    IR_FORM_MAYBE_IN,   /* [PROJECT/]NAME */
    IR_FORM_REPOSITORY, /* PROJECT/REPOSITORY */
    IR_FORM_REFERENCE,  /* PROJECT/REPOSITORY:TAG or @DIGEST */
};

#define IR_CAN_LIST 1u
#define IR_CAN_GET 2u
#define IR_CAN_CREATE 4u
#define IR_CAN_UPDATE 8u
#define IR_CAN_DELETE 16u

/* In paths: {P} project, {I} its id, {R} repository (encoded twice), {A} tag or digest, {K} the
 * thing's id or what it is a part of. */
typedef struct ir_harbor_kind {
    const char *name;
    enum ir_harbor_form parent, key;
    const char *list;  /* of a parent; of the only one: itself */
    const char *all;   /* the list where no project is named; NULL: as list */
    const char *item;  /* NULL: one is found in the list */
    const char *id;    /* member that tells rows apart and makes {K} */
    const char *label; /* member that people name it by; as id: {K} is the name; NULL: its number */
    const char *owner; /* kind that the parent of its list is one of; NULL: {K} is as written */
    const char *keys;  /* of q=, comma-separated; NULL: it has no filter */
    unsigned can;
    int since, until; /* minor versions of Harbor 2 */
} ir_harbor_kind;

/* The kind as this Harbor has it. EINVAL: there is none, EUNSUPPORTED: not in its version. */
int ir_must_use ir_harbor_kind_find(const ir_call *call, ir_harbor *h, const char *name,
                                    const ir_harbor_kind **ret, imgrel_error *err);

/* A thing, or the list of a parent, that is named. */
typedef struct ir_harbor_place {
    const ir_harbor_kind *kind;
    char *project, *repository, *reference, *item;
    char *id;     /* {K} once it is known */
    ir_json *row; /* the thing as its list has it, if it was looked up there */
    char *object; /* for people: "webhook library/ci" */
} ir_harbor_place;
int ir_must_use ir_harbor_place_list(const ir_harbor_kind *k, const char *parent,
                                     ir_harbor_place *ret, imgrel_error *err);
int ir_must_use ir_harbor_place_item(const ir_harbor_kind *k, const char *key, ir_harbor_place *ret,
                                     imgrel_error *err);
void ir_harbor_place_free(ir_harbor_place *p);
static inline void ir_harbor_place_auto(ir_harbor_place *p)
{
    ir_harbor_place_free(p);
}
/* Finds the id that the path needs: 1, 0 when there is no such thing, or a code. */
int ir_must_use ir_harbor_place_resolve(const ir_call *call, ir_harbor *h, ir_harbor_place *p,
                                        imgrel_error *err);
/* The same for the parent of a list; ENOTFOUND when there is none. */
int ir_must_use ir_harbor_place_own(const ir_call *call, ir_harbor *h, ir_harbor_place *p,
                                    imgrel_error *err);
/* Fills a template; may ask for the project's id. */
int ir_must_use ir_harbor_place_path(const ir_call *call, ir_harbor *h, const ir_harbor_place *p,
                                     const char *path, ir_buf *ret, imgrel_error *err);
int ir_harbor_place_missing(const ir_harbor *h, const ir_harbor_place *p, imgrel_error *err);

/* resource.c */
/* Reads it: 0, ENOTFOUND, ... *ret may be NULL for what is not set (a schedule). */
int ir_must_use ir_harbor_place_read(const ir_call *call, ir_harbor *h, ir_harbor_place *p,
                                     ir_json **ret, imgrel_error *err);
/* The last part of a 201's Location; NULL: it has none. */
char *ir_harbor_new_id(const ir_reply *reply);

/* shape.c: what a kind's JSON looks like. The caller's words (a role by name, bytes as "10GiB", a
 * registry by name) as Harbor has them; *ret is the caller's. */
int ir_must_use ir_harbor_want(const ir_call *call, ir_harbor *h, const ir_harbor_place *p,
                               const ir_json *words, ir_json **ret, imgrel_error *err);
/* What is sent to have it so: have is what Harbor has, NULL for a new one. */
int ir_must_use ir_harbor_body(const ir_harbor_place *p, const ir_json *have, const ir_json *want,
                               ir_json **ret, imgrel_error *err);
/* have as it is comparable with want; the caller's, NULL: no memory. */
ir_json *ir_harbor_seen(const ir_harbor_place *p, const ir_json *have);
/* Whether have is already as want says; absent is false, "", 0, null or []. */
bool ir_harbor_covers(const ir_json *have, const ir_json *want);
/* A size in bytes from a number or "10GiB"; -1: no limit. EINVAL; 0 too, Harbor refuses it. */
int ir_must_use ir_harbor_size(const ir_json *words, int64_t *ret, imgrel_error *err);

/* project_put.c */
int ir_must_use ir_harbor_project_put(const ir_call *call, ir_harbor *h, const char *name,
                                      const ir_json *want, enum ir_change *ret_change,
                                      ir_json **ret, imgrel_error *err);

#endif
