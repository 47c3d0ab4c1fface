/* options_node.c - what the commands about nodes, charts and clusters take. */
#include "options.h"

const cli_option opt_registry_spec[] = {
    OPTION("host", 0, "HOST", "the registry, as image names begin: where nodes pull"),
    OPTION("url", 0, "URL", "how it is reached (else https://HOST)"),
    OPTION("push-host", 0, "HOST", "how builders name it, where that is another name"),
    OPTION("push-url", 0, "URL", "how builders reach it"),
    OPTION("ca", 0, "FILE", "the authority that signed its certificate (PEM)"),
    SWITCH("skip-verify", 0, "its certificate is not checked"),
    OPTION("address", 0, "IP", "its address, for hosts files"),
    OPTION("mirror", 0, "URL", "asked before it; may be repeated"),
    OPTION("spec", 0, "FILE", "a registry spec (JSON); options go over it"),
    END,
};
#define NODE_OPTIONS                                                                          \
    CHOICE("runtime", 0, "NAME", "containerd|containers|docker|k3s",                          \
           "whose files (else containerd; containers: podman, CRI-O, skopeo)"),               \
        OPTION("dir", 0, "DIR", "where they are (else /etc/containerd/certs.d and the like)"), \
        OPTION("config", 0, "FILE", "containerd's config.toml, docker's daemon.json"),        \
        OPTION("root", 0, "DIR", "a folder before all usual paths: a node's root, mounted"),  \
        OPTION("containerd", 0, "VERSION", "its version, where it cannot be asked")
const cli_option opt_node_hosts[] = {
    NODE_OPTIONS,
    OPTION("hosts-file", 0, "FILE", "where --address is written (else /etc/hosts)"),
    SWITCH("set-config-path", 0, "containerd's config.toml may be changed to read certs.d"),
    SWITCH("undo", 0, "take the registry out"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    OPTION("every", 0, "TIME", "again and again, until stopped: as a DaemonSet does"),
    END,
};
const cli_option opt_node_doctor[] = {
    NODE_OPTIONS,
    END,
};
const cli_option opt_node_render[] = {
    OPTION("user", 0, "NAME", "who pulls"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    OPTION("push-user", 0, "NAME", "who pushes (else the same)"),
    OPTION("push-password-file", 0, "FILE", "that user's password"),
    OPTION("name", 0, "NAME", "of the object or cluster"),
    OPTION("namespace", 'n', "NS", "namespace of it"),
    OPTION("tag", 't', "REPOSITORY:TAG", "an output's name; may be repeated (buildkit-output)"),
    OPTION("port", 0, "HOST:NODE", "a port of the cluster; may be repeated (kind)"),
    OPTION("workers", 0, "N", "nodes beside the control plane (kind)"),
    OPTION("image", 0, "REF", "an image with imgrel in it (daemonset)"),
    OPTION("every", 0, "TIME", "how often nodes are looked after (daemonset; else 10m)"),
    NODE_OPTIONS,
    SWITCH("set-config-path", 0, "config.toml may be changed (daemonset)"),
    END,
};
const cli_option opt_chart_values[] = {
    OPTION("file", 'f', "FILE", "the release file"),
    OPTION("registry", 0, "NAME", "which of its registries (else the first)"),
    OPTION("address", 0, "IP", "the registry's address, for the hosts file of jobs"),
    OPTION("name", 0, "NAME", "the runner's service account (else gitlab-runner)"),
    OPTION("namespace", 'n', "NS", "where jobs run (else gitlab-runner)"),
    OPTION("image", 0, "REF", "what jobs run in (else moby/buildkit:rootless)"),
    OPTION("gitlab-url", 0, "URL", "the GitLab of the runner"),
    OPTION("runner-token-file", 0, "FILE", "its token, glrt-...; else a secret is named"),
    OPTION("runner-secret", 0, "NAME", "the secret with runner-token (else gitlab-runner)"),
    OPTION("admin-secret", 0, "NAME",
           "the secret with HARBOR_ADMIN_PASSWORD (else harbor-admin)"),
    OPTION("tls-secret", 0, "NAME", "the secret with Harbor's certificate (else one is made)"),
    END,
};
const cli_option opt_chart_install[] = {
    OPTION("chart", 0, "CHART", "which chart: repository/chart, oci://..., a folder or .tgz"),
    OPTION("chart-version", 0, "V", "this version of it"),
    SWITCH("dry-run", 0, "change nothing; print what helm would apply"),
    END,
};
const cli_option opt_kube_job[] = {
    OPTION("name", 0, "NAME", "the Job's name (else imgrel-sync)"),
    OPTION("namespace", 'n', "NS", "its namespace"),
    OPTION("image", 0, "REF", "an image with imgrel in it"),
    OPTION("completions", 0, "N", "into so many shares, a pod each"),
    OPTION("parallelism", 0, "N", "so many at once (else all)"),
    OPTION("registry-secret", 0, "NAME", "a docker-registry secret with the logins"),
    OPTION("arg", 0, "WORD", "a further word of imgrel sync; may be repeated"),
    END,
};
