/* page.c - what the images of the mock's tests run: a static program that serves a page at one port
 * and echoes at the next, says lines, or ends as it is told. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 64))
        exit(9);
    return s;
}

static void page(int c)
{
    char buf[4096];
    const char *text = getenv("TEXT");
    ssize_t n = read(c, buf, sizeof buf);
    if (n > 0)
        dprintf(c, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text ? text : ""),
                text ? text : "");
}

/* Until the other side has said all of it. */
static void echo(int c)
{
    char buf[16384];
    for (ssize_t n; (n = read(c, buf, sizeof buf)) > 0;)
        for (ssize_t at = 0, w; at < n; at += w)
            if ((w = write(c, buf + at, (size_t)(n - at))) <= 0)
                return;
    dprintf(c, "bye");
}

static void serve(int port, void (*answer)(int))
{
    int s = listen_at(port);
    printf("listening at %d as %d of user %d\n", port, (int)getpid(), (int)getuid());
    fflush(stdout);
    for (;;) {
        int c = accept(s, NULL, NULL);
        if (!fork()) {
            answer(c);
            _exit(0);
        }
        close(c);
    }
}

static void leave(int sig)
{
    (void)sig;
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    signal(SIGCHLD, SIG_IGN);
    signal(SIGTERM, leave);
    if (!strcmp(what, "serve") && argc > 2) {
        if (!fork())
            serve(atoi(argv[2]) + 1, echo);
        serve(atoi(argv[2]), page);
    }
    if (!strcmp(what, "say") && argc > 3)
        for (int i = 0; i < atoi(argv[3]); i++)
            fprintf(i % 2 ? stderr : stdout, "%s %d\n", argv[2], i);
    if (!strcmp(what, "stubborn")) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    if (!strcmp(what, "sleep"))
        for (;;)
            pause();
    return argc > 2 && !strcmp(what, "exit") ? atoi(argv[2]) : 0;
}
