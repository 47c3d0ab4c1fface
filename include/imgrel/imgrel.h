/* imgrel.h - release container images: the libcurl of image release. Four rules hold everywhere:
 *
 *  1. A function that can fail returns int: 0, or a negative IMGREL_E* code, and fills the
 *     imgrel_error that it is given last (NULL: the code only).
 *  2. Inputs are borrowed for the call. What comes out through T **out is yours: free it with
 *     imgrel_<t>_free(), strings with imgrel_free(). On failure *out is NULL. A const char * that
 *     is returned lives with its handle.
 *  3. Configure a client, then share it between any number of threads. Every other handle: one
 *     thread at a time. imgrel_cancel_fire() works from anywhere.
 *  4. JSON and manifests pass through as bytes; nothing is renamed, reordered or lost. */
#ifndef IMGREL_H
#define IMGREL_H

#include <imgrel/client.h>
#include <imgrel/error.h>
#include <imgrel/registry.h>
#include <imgrel/copy.h>
#include <imgrel/image.h>
#include <imgrel/index.h>
#include <imgrel/build.h>
#include <imgrel/harbor.h>
#include <imgrel/kube.h>
#include <imgrel/node.h>
#include <imgrel/gitlab.h>
#include <imgrel/release.h>

#endif
