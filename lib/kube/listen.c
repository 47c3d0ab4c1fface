/* listen.c - local listeners of a port-forward: their ports, and the clients that come. */
#include "kube/forward.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128
/* A client that died after its half-close is silent: the kernel asks after it. */
#define ALIVE_AFTER_S 30
#define ALIVE_EVERY_S 10
#define ALIVE_TRIES 3

static bool take_port(const char *s, size_t len, bool zero, int *ret)
{
    char text[8];
    unsigned long long v = 0;
    if (len >= sizeof text)
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    if (!len && zero) {
        *ret = 0;
        return true;
    }
    if (!ir_parse_u64(text, 65535, &v) || (!v && !zero))
        return false;
    *ret = (int)v;
    return true;
}

int ir_listen_parse(const char *text, int *ret_local, int *ret_remote, imgrel_error *err)
{
    const char *colon = strchr(text, ':');
    const char *remote = colon ? colon + 1 : text;
    if (!take_port(remote, strlen(remote), false, ret_remote) ||
        !take_port(text, colon ? (size_t)(colon - text) : strlen(text), true, ret_local))
        return ir_fail(err, IMGREL_EINVAL, "ports \"%s\": not LOCAL:REMOTE", text);
    return 0;
}

int ir_listen_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len))
        return 0;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

static void set(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

static int open_socket(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!bind(fd, ai->ai_addr, ai->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int ir_listen_open(const char *address, int port, int *ret_fd, imgrel_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *ai = NULL;
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &ai))
        return ir_fail(err, IMGREL_EINVAL, "address \"%s\": not a numeric address", address);
    *ret_fd = open_socket(ai);
    int saved = errno;
    freeaddrinfo(ai);
    if (*ret_fd >= 0)
        return 0;
    ir_fail(err, IMGREL_EIO, "cannot listen on %s:%d: %s", address, port,
            saved == EADDRINUSE ? "the port is taken" : strerror(saved));
    return ir_cure(err, "use port 0 for any free one"), IMGREL_EIO;
}

int ir_listen_accept(int fd)
{
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return -1;
    set(client, IPPROTO_TCP, TCP_NODELAY, 1);
    set(client, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(client, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_AFTER_S);
    set(client, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_EVERY_S);
    set(client, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_TRIES);
    return client;
}
