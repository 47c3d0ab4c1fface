/* apiserver.h - an API server whose pods can be forwarded to: port 7 echoes, 80 serves a page, 9
 * refuses, 5 breaks off in the middle. It speaks SPDY in WebSocket unless it is old, and channels.
 */
#ifndef IR_TESTS_KUBE_APISERVER_H
#define IR_TESTS_KUBE_APISERVER_H

#include <stdbool.h>

typedef struct apiserver apiserver;
/* forbidden: every port-forward is refused by a Status. */
apiserver *apiserver_start(bool old, bool forbidden);
int apiserver_port(const apiserver *a);
/* How often each way was asked for. */
int apiserver_tunnels(const apiserver *a);
int apiserver_channels(const apiserver *a);
void apiserver_stop(apiserver *a);

#endif
