/* rules.h - the table that turns what a pod says into a cause and a cure, and what the files that
 * diagnose share. A rule that fits must fit in all it asks for; the first that fits counts. */
#ifndef IR_KUBE_RULES_H
#define IR_KUBE_RULES_H

#include "kube/inside.h"

/* Where the evidence was found. */
enum ir_kube_where {
    IR_KUBE_PULL,     /* a container waits for its image */
    IR_KUBE_WAIT,     /* a container waits for something else */
    IR_KUBE_END,      /* a container ended, and may be started again */
    IR_KUBE_PHASE,    /* the pod as a whole is over */
    IR_KUBE_SCHEDULE, /* no node */
    IR_KUBE_EVENT,    /* only an event tells */
    IR_KUBE_REFUSED,  /* the API server did not take the pod */
    IR_KUBE_FOUND,    /* found by asking further; by name only */
    IR_KUBE_RULES_END
};

typedef struct ir_kube_rule {
    enum ir_kube_where where;
    const char *cause; /* a short name for programs */
    int patience_s;    /* how long it may stand before a waiter gives up; -1: it just goes on */
    bool final;        /* it does not pass by itself */
    const char *says;  /* for people, before the text itself */
    const char *cure;  /* {image} {host} {secrets} {user} {container} {pod} {node} {object} {ns}
                        * are filled in */
    /* What it asks for; left out: anything. */
    const char *reason; /* one of these, parted by | */
    const char *words;  /* one of these is in the text, in any case */
    const char *event;  /* "Reason" or "Reason/word": there is such an event as well */
    bool init;          /* of an init container only */
} ir_kube_rule;
extern const ir_kube_rule ir_kube_rules[]; /* ends with IR_KUBE_RULES_END */

/* Is one of the words, parted by |, in the text, in any case (whole: equal to it)? */
bool ir_kube_one_of(const char *words, const char *text, bool whole);
/* The first of a cause. It must be in the table. */
const ir_kube_rule *ir_kube_rule_named(const char *cause);
const ir_kube_rule *ir_kube_rule_at(enum ir_kube_where where, const char *cause);
/* What a refusal of the API server's to take a pod says; NULL: none of those that are known. */
const ir_kube_rule *ir_kube_refusal(const char *text);

/* ---- diagnosis.c ----------------------------------------------------------------------------- */

/* State, cause, patience, message and cure as a rule has them; detail: what was seen, in the words
 * of who saw it. */
int ir_must_use ir_diagnosis_by(ir_diagnosis *d, const ir_kube_rule *r, const char *detail,
                                imgrel_error *err);
/* Nothing is wrong: "ready", or "progressing" with how far it is. */
int ir_must_use ir_diagnosis_fine(ir_diagnosis *d, const char *state, const char *cause,
                                  const char *says, imgrel_error *err);
/* Sets what {key} stands for in cures. */
int ir_must_use ir_diagnosis_word_set(ir_diagnosis *d, const char *key, const char *value,
                                      imgrel_error *err);
/* Puts words in front of the message: "service/web has no ready pod: ". */
int ir_must_use ir_diagnosis_prefix(ir_diagnosis *d, imgrel_error *err, const char *fmt, ...)
    IR_PRINTF(3, 4);

/* ---- evidence.c: what was read, for people --------------------------------------------------- */

int ir_must_use ir_evidence_of_pod(ir_diagnosis *d, const ir_json *pod,
                                   const ir_json *const *events, size_t n_events,
                                   imgrel_error *err);
/* Every condition of an object that is not as it should be. */
int ir_must_use ir_evidence_of_conditions(ir_diagnosis *d, const ir_json *object,
                                          imgrel_error *err);
/* One line without control characters and secrets: those of URLs, and what follows a word such as
 * password. The caller's; NULL: no memory. */
char *ir_evidence_text(const char *text, size_t len);

/* ---- pullsecret.c ---------------------------------------------------------------------------- */

enum ir_pull_state {
    IR_PULL_NONE,    /* no secret is named */
    IR_PULL_MISSING, /* what is named is not there */
    IR_PULL_TYPE,    /* it is no registry secret */
    IR_PULL_OTHER,   /* it holds no login for the image */
    IR_PULL_HAS,     /* it does */
    IR_PULL_UNKNOWN, /* it may not be read */
};
typedef struct ir_pull_look {
    enum ir_pull_state state;
    char *detail;        /* names and hosts */
    char *user, *secret; /* the login that the kubelet sends; secret is to be wiped */
} ir_pull_look;
/* What a pod's pull secrets hold for an image. */
int ir_must_use ir_pull_look_at(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                                const char *image, ir_diagnosis *d, ir_pull_look *ret,
                                imgrel_error *err);
void ir_pull_look_free(ir_pull_look *l);
/* Does a key of a docker configuration stand for an image, as the kubelet sees it? Pure. */
bool ir_pull_key_matches(const char *key, const char *image);
/* Of the key without scheme and version: the longest that matches counts most. */
size_t ir_pull_key_len(const char *key);

/* ---- examine.c, nodes.c, crew.c, endpoints.c: an object with what the cluster tells about it
 * -------
 */

/* deep: secrets, node and log are looked at as well. */
int ir_must_use ir_examine_pod(const ir_call *call, ir_kube *k, const char *ns, const ir_json *pod,
                               bool deep, ir_diagnosis *ret, imgrel_error *err);
int ir_must_use ir_examine_workload(const ir_call *call, ir_kube *k, const char *ns,
                                    const ir_kube_kind *kind, const ir_json *object, bool deep,
                                    ir_diagnosis *ret, imgrel_error *err);
int ir_must_use ir_examine_service(const ir_call *call, ir_kube *k, const char *ns,
                                   const ir_json *service, bool deep, ir_diagnosis *ret,
                                   imgrel_error *err);
/* Why no node takes a pod: its nodeSelector, or taints. */
int ir_must_use ir_examine_nodes(const ir_call *call, ir_kube *k, const ir_json *pod,
                                 ir_diagnosis *d, imgrel_error *err);
/* By its kind; EINVAL for one that cannot be examined. */
int ir_must_use ir_examine(const ir_call *call, ir_kube *k, const char *ns,
                           const ir_kube_kind *kind, const ir_json *object, bool deep,
                           ir_diagnosis *ret, imgrel_error *err);
/* The pods that a selector picks, newest first; what is being deleted is left out. */
typedef struct ir_crew {
    ir_json **pods;
    size_t n, room, n_ready;
} ir_crew;
int ir_must_use ir_crew_get(const ir_call *call, ir_kube *k, const char *ns,
                            const ir_json *selector, ir_crew *ret, imgrel_error *err);
void ir_crew_free(ir_crew *c);
/* The first that fails, or else the first that is not ready; none: ret->object stays NULL. */
int ir_must_use ir_crew_worst(const ir_call *call, ir_kube *k, const char *ns, const ir_crew *c,
                              bool deep, ir_diagnosis *ret, imgrel_error *err);
/* The newest event of an object with this reason; *ret NULL: none. */
int ir_must_use ir_examine_event(const ir_call *call, ir_kube *k, const char *ns,
                                 const ir_json *object, const char *reason, ir_json **ret,
                                 imgrel_error *err);

#endif
