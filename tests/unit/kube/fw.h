/* fw.h - a port-forward under test: an API server that pretends, a handle on it, and listeners on
 * a thread of their own with what they told. */
#ifndef IR_TESTS_KUBE_FW_H
#define IR_TESTS_KUBE_FW_H

#include "../unit.h"
#include "apiserver.h"

#include <imgrel/kube.h>
#include <pthread.h>

typedef struct fw {
    apiserver *server;
    imgrel_client *client;
    imgrel_kube *kube;
    imgrel_error err;
    /* the listeners */
    imgrel_cancel *cancel;
    const char *object, *pairs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t told;
    int ports[4], n_ports, n_warnings, rc;
    char warning[1200]; /* the last */
} fw;

void fw_start(fw *f, bool old, bool forbidden);
/* The same with one setting of the client. */
void fw_start_with(fw *f, bool old, const char *key, const char *value);
void fw_stop(fw *f);

/* Forwards on a thread, and waits until every port listens. */
void fw_listen(fw *f, const char *object, const char *pairs);
int fw_wait(fw *f);   /* until it ends by itself: its result */
int fw_cancel(fw *f); /* ends it */
int fw_connect(fw *f, int i);
/* Waits for the next warning, and looks for a word in the last one. */
void fw_warned(fw *f, int n, const char *word);
/* All that comes until the end, or len bytes: their number; *ret_reset: it was no clean end. */
size_t fw_read(int fd, char *buf, size_t len);
bool fw_reset(int fd); /* it ends in a reset, not in an end */
void fw_send(int fd, const char *p, size_t len);

#endif
