/* apiserver.h - an API server whose pods can be forwarded to: port 7 echoes, 80 serves a page, 9
 * refuses, 5 breaks off in the middle, 4 says the pod's name and echoes, 3 says "bye" and listens
 * on, 6 floods. It speaks SPDY in WebSocket, any number of streams, unless it is old, and channels.
 */
#ifndef IR_TESTS_KUBE_APISERVER_H
#define IR_TESTS_KUBE_APISERVER_H

#include <stdbool.h>

typedef struct apiserver apiserver;
/* forbidden: every port-forward is refused by a Status. */
apiserver *apiserver_start(bool old, bool forbidden);
int apiserver_port(const apiserver *a);
/* How often each way was asked for, and how many connections into pods were. */
int apiserver_tunnels(const apiserver *a);
int apiserver_channels(const apiserver *a);
int apiserver_streams(const apiserver *a);
void apiserver_forbid(apiserver *a);
void apiserver_hang(apiserver *a, int n); /* the next n port-forwards get no answer */
void apiserver_replace(apiserver *a);     /* pod x is gone, y stands in its place */
void apiserver_mute(apiserver *a);        /* it hears and says nothing any more */
void apiserver_down(apiserver *a);        /* all connections end, none is accepted... */
void apiserver_up(apiserver *a);          /* ...until now, at the same port */
void apiserver_stop(apiserver *a);

#endif
