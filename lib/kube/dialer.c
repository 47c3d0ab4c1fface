/* dialer.c - threads of a port-forward that look for pods and dial them, as many as there is need
 * for up to a cap, all joined at its end. They hand results over through a list and an eventfd. */
#include "kube/forward.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX 16
/* curl and OpenSSL need some tens of KiB; sanitizers multiply that. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (2048 * 1024)
#else
#define STACK_SIZE (256 * 1024)
#endif

struct list {
    ir_dial *first, **end;
};

struct ir_dialer {
    ir_call call; /* without progress: that is the loop's to tell */
    ir_kube *k;
    const char *ns, *object;
    const int *ports;
    imgrel_cancel *stop;
    int wake; /* eventfd */
    pthread_mutex_t lock;
    pthread_cond_t asked;
    struct list wanted, done;
    pthread_t threads[THREADS_MAX];
    size_t n_threads, n_idle, n_wanted;
    bool over;
};

void ir_dial_free(ir_dial *d)
{
    if (!d)
        return;
    ir_target_clear(&d->target);
    ir_tunnel_close(d->tunnel);
    free(d);
}

static void put(struct list *l, ir_dial *d)
{
    d->next = NULL;
    *l->end = d;
    l->end = &d->next;
}

static ir_dial *take(struct list *l)
{
    ir_dial *d = l->first;
    if (!d)
        return NULL;
    l->first = d->next;
    if (!l->first)
        l->end = &l->first;
    d->next = NULL;
    return d;
}

static void do_one(const ir_dialer *dr, ir_dial *d)
{
    ir_call call = dr->call;
    if (!call.deadline_ms || d->until_ms < call.deadline_ms)
        call.deadline_ms = d->until_ms;
    if (d->kind == IR_DIAL_FIND)
        d->rc = ir_kube_target_find(&call, dr->k, dr->ns, dr->object, dr->ports[d->listener],
                                    &d->target, &d->why);
    else
        d->rc = ir_tunnel_dial(&call, dr->k, dr->ns, d->target.pod, d->target.port, &d->tunnel,
                               &d->why);
}

static void hand_over(ir_dialer *dr, ir_dial *d)
{
    uint64_t one = 1;
    put(&dr->done, d);
    while (write(dr->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void *work(void *user)
{
    ir_dialer *dr = user;
    pthread_mutex_lock(&dr->lock);
    for (;;) {
        dr->n_idle++;
        while (!dr->over && !dr->wanted.first)
            pthread_cond_wait(&dr->asked, &dr->lock);
        dr->n_idle--;
        ir_dial *d = dr->over ? NULL : take(&dr->wanted);
        if (!d)
            break;
        dr->n_wanted--;
        pthread_mutex_unlock(&dr->lock);
        do_one(dr, d);
        pthread_mutex_lock(&dr->lock);
        hand_over(dr, d);
    }
    pthread_mutex_unlock(&dr->lock);
    return NULL;
}

/* With every signal blocked: those are the program's, and its threads'. */
static int start_thread(ir_dialer *dr)
{
    sigset_t all, before;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return -1;
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&dr->threads[dr->n_threads], &attr, work, dr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (!rc)
        dr->n_threads++;
    return rc;
}

int ir_dialer_new(const ir_call *call, ir_kube *k, const char *ns, const char *object,
                  const int *ports, ir_dialer **ret, imgrel_error *err)
{
    *ret = NULL;
    ir_dialer *dr = calloc(1, sizeof *dr);
    if (!dr)
        return ir_nomem(err);
    pthread_mutex_init(&dr->lock, NULL);
    pthread_cond_init(&dr->asked, NULL);
    dr->wanted.end = &dr->wanted.first;
    dr->done.end = &dr->done.first;
    dr->k = k;
    dr->ns = ns;
    dr->object = object;
    dr->ports = ports;
    dr->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = dr->wake < 0 ? ir_fail_errno(err, errno, "port-forward") : 0;
    if (!rc)
        rc = imgrel_cancel_new(&dr->stop, err);
    dr->call = *call;
    dr->call.cancel = dr->stop;
    dr->call.progress = NULL;
    dr->call.board = NULL;
    if (rc)
        ir_dialer_free(dr);
    else
        *ret = dr;
    return rc;
}

void ir_dialer_ask(ir_dialer *dr, ir_dial *d)
{
    pthread_mutex_lock(&dr->lock);
    put(&dr->wanted, d);
    dr->n_wanted++;
    if (dr->n_wanted > dr->n_idle && dr->n_threads < THREADS_MAX && start_thread(dr) &&
        !dr->n_threads) {
        dr->n_wanted--;
        take(&dr->wanted);
        d->rc = ir_fail(&d->why, IMGREL_ENOMEM, "port-forward: no thread can be had");
        hand_over(dr, d);
    }
    pthread_cond_signal(&dr->asked);
    pthread_mutex_unlock(&dr->lock);
}

int ir_dialer_fd(const ir_dialer *dr)
{
    return dr->wake;
}

ir_dial *ir_dialer_take(ir_dialer *dr)
{
    uint64_t n;
    pthread_mutex_lock(&dr->lock);
    ir_dial *d = take(&dr->done);
    if (!d)
        while (read(dr->wake, &n, sizeof n) < 0 && errno == EINTR)
            ;
    pthread_mutex_unlock(&dr->lock);
    return d;
}

void ir_dialer_free(ir_dialer *dr)
{
    if (!dr)
        return;
    pthread_mutex_lock(&dr->lock);
    dr->over = true;
    imgrel_cancel_fire(dr->stop);
    pthread_cond_broadcast(&dr->asked);
    pthread_mutex_unlock(&dr->lock);
    for (size_t i = 0; i < dr->n_threads; i++)
        pthread_join(dr->threads[i], NULL);
    for (ir_dial *d; (d = take(&dr->wanted)) || (d = take(&dr->done));)
        ir_dial_free(d);
    imgrel_cancel_free(dr->stop);
    if (dr->wake >= 0)
        close(dr->wake);
    pthread_cond_destroy(&dr->asked);
    pthread_mutex_destroy(&dr->lock);
    free(dr);
}
