/* serve.c - serve PORT PROGRAM ARGUMENTS...: runs a program for every connection, as many at once
 * as come, with the connection as its input and output. For a pod whose image holds nothing but
 * busybox: it is linked statically. */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (argc < 3)
        return 2;
    at.sin_port = htons((unsigned short)strtol(argv[1], NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 256))
        return 1;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int conn = accept(fd, NULL, NULL);
        if (conn < 0)
            continue;
        if (fork() == 0) {
            signal(SIGCHLD, SIG_DFL);
            dup2(conn, 0);
            dup2(conn, 1);
            close(conn);
            execvp(argv[2], argv + 2);
            _exit(127);
        }
        close(conn);
    }
}
