/* node_net.c - a pod's network: a namespace of its own that lives as long as a descriptor or a
 * process holds it, so that nothing is left of it whatever becomes of us. */
#include "mock/node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A namespace belongs to a thread: what enters one is done on a thread that ends after it. */
typedef struct job {
    int net, port;
    int fd, error;
} job;

static int raise_lo(void)
{
    struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = s < 0 ? -1 : ioctl(s, SIOCSIFFLAGS, &r);
    if (s >= 0)
        close(s);
    return rc;
}

static void *make(void *arg)
{
    job *j = arg;
    j->fd = -1;
    if (!unshare(CLONE_NEWNET) && !raise_lo())
        j->fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    j->error = errno;
    return NULL;
}

static void *dial(void *arg)
{
    job *j = arg;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)j->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    j->fd = -1;
    if (setns(j->net, CLONE_NEWNET) ||
        (j->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        connect(j->fd, (struct sockaddr *)&to, sizeof to)) {
        j->error = errno;
        if (j->fd >= 0)
            close(j->fd);
        j->fd = -1;
    }
    return NULL;
}

static int on_thread(void *(*run)(void *), job *j)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, run, j);
    if (rc)
        j->error = rc;
    else
        pthread_join(t, NULL);
    return rc;
}

int mk_net_new(imgrel_error *err)
{
    job j = {.fd = -1};
    if (on_thread(make, &j) || j.fd < 0)
        return ir_fail_errno(err, j.error, "mock node: cannot make a network namespace");
    return j.fd;
}

int mk_net_dial(int net, int port, int *ret_errno)
{
    job j = {.net = net, .port = port, .fd = -1};
    on_thread(dial, &j);
    *ret_errno = j.error;
    return j.fd;
}
