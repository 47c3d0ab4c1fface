/* rules.h - the table that turns what a pod says into a cause and a cure. A rule that fits must fit
 * in all it asks for; the first that fits counts. */
#ifndef IR_KUBE_RULES_H
#define IR_KUBE_RULES_H

#include <stdbool.h>

/* Where the evidence was found. */
enum ir_kube_where {
    IR_KUBE_PULL,     /* a container waits for its image */
    IR_KUBE_WAIT,     /* a container waits for something else */
    IR_KUBE_END,      /* a container ended, and may be started again */
    IR_KUBE_PHASE,    /* the pod as a whole is over */
    IR_KUBE_SCHEDULE, /* no node */
    IR_KUBE_EVENT,    /* only an event tells */
    IR_KUBE_RULES_END
};

typedef struct ir_kube_rule {
    enum ir_kube_where where;
    const char *cause;  /* a short name for programs */
    int patience_s;     /* how long it may stand before a waiter gives up; -1: it just goes on */
    bool final;         /* it does not pass by itself */
    const char *says;   /* for people, before the text itself */
    const char *cure;   /* {image} {host} {secrets} {container} {pod} {node} are filled in */
    /* What it asks for; left out: anything. */
    const char *reason; /* one of these, parted by | */
    const char *words;  /* one of these is in the text, in any case */
    const char *event;  /* "Reason" or "Reason/word": there is such an event as well */
    bool init;          /* of an init container only */
} ir_kube_rule;
extern const ir_kube_rule ir_kube_rules[]; /* ends with IR_KUBE_RULES_END */

#endif
