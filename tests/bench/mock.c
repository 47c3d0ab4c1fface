/* mock.c - what the mock's Harbor stands: bench/mock [PROJECTS [CONNECTIONS [SECONDS]]]. Puts that
 * many projects with a robot each into its state, then asks for single ones, for pages and for
 * tokens on all connections at once. One line each: requests a second; and at last the memory. */
#include <imgrel/mock.h>

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct load {
    const char *url, *login;
    double until;
    long done, failed;
} load;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t drop(char *p, size_t size, size_t n, void *user)
{
    (void)p, (void)user;
    return size * n;
}

static void *run(void *arg)
{
    load *l = arg;
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, l->url);
    curl_easy_setopt(c, CURLOPT_USERPWD, l->login);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    while (now() < l->until) {
        long status = 0;
        if (curl_easy_perform(c) != CURLE_OK ||
            curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status) || status != 200)
            l->failed++;
        l->done++;
    }
    curl_easy_cleanup(c);
    return NULL;
}

static void measure(const char *what, const char *base, const char *path, int connections,
                    double seconds)
{
    char url[512];
    pthread_t t[256];
    load l[256];
    long done = 0, failed = 0;
    snprintf(url, sizeof url, "%s%s", base, path);
    double start = now();
    for (int i = 0; i < connections; i++) {
        l[i] = (load){url, "admin:Harbor12345", start + seconds, 0, 0};
        pthread_create(&t[i], NULL, run, &l[i]);
    }
    for (int i = 0; i < connections; i++) {
        pthread_join(t[i], NULL);
        done += l[i].done;
        failed += l[i].failed;
    }
    printf("%-28s %8.0f a second, %ld failed\n", what, (double)done / (now() - start), failed);
}

/* All of them at once, as a state: through the API, secrets would be hashed for seconds. */
static bool fill(imgrel_mock *m, int n)
{
    char *text = NULL;
    size_t len = 0;
    imgrel_error err = {0};
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return false;
    fputs("{\"state\":{\"harbor\":{\"next\":{\"project\":100000,\"robot\":100000},\"users\":{"
          "\"admin\":{\"user_id\":1,\"name\":\"admin\"}},\"settings\":{\"robot_name_prefix\":"
          "\"robot$\"},\"projects\":{",
          f);
    for (int i = 1; i <= n; i++)
        fprintf(f,
                "%s\"p%05d\":{\"project_id\":%d,\"name\":\"p%05d\",\"owner_id\":1,\"owner_name\":"
                "\"admin\",\"metadata\":{\"public\":\"false\"},\"members\":[],\"quota_id\":%d,"
                "\"storage_limit\":-1}",
                i > 1 ? "," : "", i, i, i, i);
    fputs("},\"robots\":{", f);
    for (int i = 1; i <= n; i++)
        fprintf(f,
                "%s\"%d\":{\"id\":%d,\"name\":\"p%05d+r\",\"project_id\":%d,\"expires_at\":-1,"
                "\"duration\":-1,\"salt\":\"s\",\"hash\":\"h\",\"permissions\":[{\"kind\":"
                "\"project\",\"project_id\":%d,\"access\":[{\"resource\":\"repository\","
                "\"action\":\"pull\"}]}]}",
                i > 1 ? "," : "", i, i, i, i, i);
    fputs("}}}}", f);
    fclose(f);
    bool ok = !imgrel_mock_control(m, text, NULL, &err);
    if (!ok)
        fprintf(stderr, "%s\n", err.message);
    free(text);
    return ok;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10000,
        connections = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 8;
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 2;
    imgrel_error err = {0};
    imgrel_mock *m = NULL;
    struct rusage used;
    connections = connections < 1 ? 1 : connections > 256 ? 256 : connections;
    if (imgrel_mock_start("{\"node\": \"off\"}", &m, &err) || !fill(m, n)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const char *base = imgrel_mock_get(m, "url");
    printf("%d projects and robots, %d connections\n", n, connections);
    measure("one project", base, "/api/v2.0/projects/p00007", connections, seconds);
    measure("one robot", base, "/api/v2.0/robots/7", connections, seconds);
    measure("token", base, "/service/token?service=harbor-registry&scope=repository:p00007/a:pull",
            connections, seconds);
    measure("page of 100 projects", base, "/api/v2.0/projects?page_size=100&page=50", connections,
            seconds);
    measure("robot by project and name", base,
            "/api/v2.0/robots?q=Level%3Dproject,ProjectID%3D7,name%3Dp00007%252Br", connections,
            seconds);
    imgrel_mock_stop(m);
    getrusage(RUSAGE_SELF, &used);
    printf("%ld MiB at most\n", used.ru_maxrss / 1024);
    return 0;
}
