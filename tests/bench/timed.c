/* timed.c - timed FILE COMMAND...: runs the command and writes to FILE its seconds, its seconds of
 * processor and its peak memory in MiB, those of the children that it waited for included. GNU
 * time's seconds have two decimals, and a larger program that forks lends its own peak. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    FILE *out = argc > 2 ? fopen(argv[1], "we") : NULL;
    int status = 0;
    struct rusage u;
    if (!out)
        return 125;
    double start = now();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &u) < 0)
        return 125;
    fprintf(out, "%.6f %.6f %.3f\n", now() - start, seconds(u.ru_utime) + seconds(u.ru_stime),
            (double)u.ru_maxrss / 1024);
    if (fclose(out))
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
